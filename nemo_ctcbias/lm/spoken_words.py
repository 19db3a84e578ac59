"""Words as a language model knows them: a CTC model writes "Okonkwo," and "well-known", the other "okonkwo", "well"."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

LN10 = 2.302585092994046
APOSTROPHES = frozenset("'’ʼ")


class SpokenWords:
    """A language model that is asked for written words, whatever case and punctuation they carry.

    A word is looked up as it is written, then without punctuation, then in lower case: a model of cased words answers
    for cased ones, any other for what is left without. Parts of a hyphenated word that is not known are words of their
    own; punctuation alone says nothing.

    Args:
        model: with pyctcdecode's `score` and `score_partial_token`.
        known: whether a word is one that it can tell from others.
    """

    def __init__(self, model: Any, known: Callable[[str], bool]):
        self.model, self._known = model, known

    def get_start_state(self) -> Any:
        """State before the first word."""
        return self.model.get_start_state()

    def score(self, prev_state: Any, word: str, is_last_word: bool = False) -> tuple[float, Any]:
        """Weighted log-prob of what is said by a written word, and the state behind it."""
        words = self.words(word)
        if not words and is_last_word:  # the end of the text is to be paid for all the same
            return self._end(prev_state)
        total, state = 0.0, prev_state
        for number, one in enumerate(words, 1):
            score, state = self.model.score(state, one, is_last_word and number == len(words))
            total += score
        return total, state

    def _end(self, state: Any) -> tuple[float, Any]:
        plain = getattr(self.model, "model", self.model)  # pyctcdecode's, without the class of listed words
        return plain.alpha * LN10 * plain._get_raw_end_score(getattr(state, "state", state)), state

    def score_partial_token(self, partial_token: str) -> float:
        """Penalty of an unfinished word: the least of the ways to look it up."""
        rest = next(reversed(list(parts_of(partial_token))), "")
        return max(self.model.score_partial_token(form) for form in dict.fromkeys((partial_token, rest, rest.lower())))

    def words(self, written: str) -> list[str]:
        """What of a written word the model is asked for."""
        if self._known(written):
            return [written]
        parts = list(parts_of(written))
        whole = written.strip("".join(c for c in set(written) if _separates(c) or c in APOSTROPHES))
        for form in (whole, whole.lower()):
            if len(parts) != 1 and form and self._known(form):
                return [form]
        return [part if self._known(part) else part.lower() for part in parts]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


def parts_of(written: str) -> Iterator[str]:
    """The words in a written one, without punctuation.

    >>> list(parts_of("“Well-known,")), list(parts_of("o'brien's.")), list(parts_of("..."))
    (['Well', 'known'], ["o'brien's"], [])
    """
    part = ""
    for character in (*written, " "):
        if not _separates(character) and not character.isspace():
            part += character
            continue
        part = part.strip("".join(APOSTROPHES))
        if part:
            yield part
        part = ""


@lru_cache(maxsize=1 << 12)
def _separates(character: str) -> bool:
    return character not in APOSTROPHES and unicodedata.category(character)[0] in "PSZC"
