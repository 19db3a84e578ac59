"""Phrases as people write them into text files: quotation marks, several on a line, NeMo's spellings after underscores.

Each of these is read as it is meant, and said so in a note: nothing of it can be part of a name's sound.
"""

from __future__ import annotations

import re

from nemo_ctcbias.bias_list.phrase import Phrase

QUOTES = ('""', "''", "“”", "„“", "‚‘", "‘’", "«»", "»«", "‹›", "「」", "『』")
SEVERAL = re.compile(r"\s*[,;、]\s*")
MARKS = frozenset(",;、_")  # without which a line is one phrase
FEW_WORDS = 5  # longer parts between commas are a sentence's
ONE_PHRASE = "write a tab and a weight behind it if it is one phrase"

Change = tuple[str, str] | None  # what was done, and what to do if it is not what was meant


def unquoted(phrase: Phrase) -> tuple[Phrase, Change]:
    """A phrase without quotation marks around all of it."""
    text = phrase.text
    if len(text) > 2 and text[0] + text[-1] in QUOTES and not {text[0], text[-1]} & set(text[1:-1]):
        bare = Phrase(text[1:-1], *(getattr(phrase, name) for name in Phrase.__slots__[1:]))
        return bare, ("is read without its quotation marks", "remove them")
    return phrase, None


def phrases_of(text: str) -> tuple[list[Phrase], Change]:
    """The phrases of a line of a text file without a weight; one with a weight is a phrase as it stands."""
    if MARKS.isdisjoint(text):  # as nearly all lines are
        return [Phrase(text)], None
    word, *spellings = (part.strip() for part in text.split("_"))
    if word and spellings and all(spellings):
        change = f"is read as {word!r} with the spoken forms {', '.join(map(repr, spellings))}"
        return [Phrase(word, spoken=tuple(spellings))], (change, ONE_PHRASE)
    parts = [part for part in SEVERAL.split(text.strip()) if part]
    if len(parts) > 2 and all(len(part.split()) <= FEW_WORDS for part in parts):
        return [Phrase(part) for part in parts], (
            f"is read as {len(parts)} phrases: {', '.join(map(repr, parts))}",
            f"write one a line; {ONE_PHRASE}",
        )
    return [Phrase(text)], None


def several_in(text: str) -> Change:
    """What is to be said of a phrase, no line of a file, that a file would have as several."""
    if MARKS.isdisjoint(text):
        return None
    phrases, change = phrases_of(text)
    if change is None:
        return None
    if len(phrases) > 1:
        return f"is one phrase, though it looks like {len(phrases)}", "list each by itself"
    return "is listened for as it stands", f"list {phrases[0].text!r} with these spoken forms: {phrases[0].spoken!r}"
