"""Letter case: in which cases a model may write a phrase, and in which one the transcript shows it.

A model that writes both cases writes a name with a capital, a common noun with one at the start of a sentence only, an
acronym in capitals; a list may have them in any case.
"""

from __future__ import annotations

import re
from functools import lru_cache

ACRONYM = 4  # letters; words in capitals up to this length are said letter by letter or are other words in lower case
SMALL_WORD = 3  # letters; such words inside a title may stay in lower case: "Charles de Gaulle", "Bank of America"
LETTERS = re.compile(r"[^\W\d_]+")
_CORE = re.compile(r"\w(?:.*\w)?")  # a word without the punctuation around it
SENTENCE_END = frozenset(".?!…。！？")


def is_shouted(texts: list[str]) -> bool:
    """Whether a list is written in capitals throughout, so that these say nothing about its words."""
    words = [word for text in texts for word in LETTERS.findall(text)]
    return not any(word != word.upper() for word in words) and any(len(word) > ACRONYM for word in words)


def casings(text: str, shouted: bool = False, turkish: bool = False) -> tuple[str, ...]:
    """The other cases in which a model may write `text`, the likelier ones first.

    Lower case, capitals at the words, at the first one, at the longer ones, all capitals. Acronyms stay as they are
    unless the whole list is in capitals: `us` is another word than `US`.

    >>> casings("cape Varennes")
    ('cape varennes', 'Cape Varennes', 'CAPE VARENNES')
    """
    words = text.split(" ")
    low, title, capitals = map(list, zip(*(_casings(word, shouted, turkish) for word in words), strict=True))
    sentence = [capitalised(words[0], turkish) if words[0] == low[0] else words[0], *words[1:]]
    headline = [
        title[0],
        *(one if len(one) <= SMALL_WORD else big for one, big in zip(low[1:], title[1:], strict=True)),
    ]
    found = dict.fromkeys(" ".join(one) for one in (low, title, sentence, headline, capitals))
    return tuple(one for one in found if one != text)


@lru_cache(maxsize=1 << 15)  # long lists have many phrases of the same words
def _casings(word: str, shouted: bool, turkish: bool) -> tuple[str, str, str]:
    """One word in lower case, with a capital, and in capitals."""
    if not shouted and _is_acronym(word):
        return word, word, upper(word, turkish)
    low = lower(word, turkish)
    return low, capitalised(low, turkish), upper(word, turkish)


def recased(written: str, heard: str, starts_sentence: bool, chosen: bool = False) -> str:
    """`written` in the case that a transcript shows.

    Capitals that the user wrote win. Where he wrote none, those that the model wrote stay: all of them, or, if the
    writing was `chosen` for its own sake (a `display`), that of a sentence.

    >>> recased("okonkwo", "Okonkwo", starts_sentence=False), recased("iPhone", "Iphone", starts_sentence=True)
    ('Okonkwo', 'iPhone')

    Args:
        written: the phrase as the user wrote it.
        heard: the words that the model wrote in its place.
        starts_sentence: whether they stand at the start of a sentence.
    """
    words, said = written.split(" "), heard.split()
    if not said:
        return written
    if chosen or written != written.lower():
        if starts_sentence and words[0] == words[0].lower() and said[0][0].isupper():
            words[0] = capitalised(words[0])
        return " ".join(words)
    if len(words) == len(said):
        return " ".join(_like(word, model) for word, model in zip(words, said, strict=True))
    names = all(model[0].isupper() for model in said)
    return " ".join(_like(word, said[0]) if names or not place else word for place, word in enumerate(words))


def in_case_of(word: str, heard: str) -> str:
    """`word` in the case in which it stands among the words of `heard`; else with the first letter of one there that
    begins with the same one, or as it is.

    >>> in_case_of("Lunch.", "after lunch"), in_case_of("Lunch.", "after launch"), in_case_of("Lunch.", "after")
    ('lunch.', 'lunch.', 'Lunch.')
    """
    own = _CORE.search(word)
    others = [found[0] for found in map(_CORE.search, heard.split()) if own and found]
    for other in others:
        if other.lower() == own[0].lower():
            return word[: own.start()] + other + word[own.end() :]
    for other in others:
        if other[0].lower() == own[0][0].lower():
            return word[: own.start()] + other[0] + word[own.start() + 1 :]
    return word


def lower(text: str, turkish: bool = False) -> str:
    """In lower case; in Turkish I is that of ı, İ that of i."""
    return (text.replace("I", "ı").replace("İ", "i") if turkish else text).lower()


def upper(text: str, turkish: bool = False) -> str:
    """In capitals; in Turkish I is that of ı, İ that of i."""
    return (text.replace("i", "İ").replace("ı", "I") if turkish else text).upper()


def capitalised(word: str, turkish: bool = False) -> str:
    """A word, or each part of a hyphenated one, with a capital: O'Brien and McDonald get their second.

    >>> [capitalised(word) for word in ("okonkwo", "jean-luc", "o'brien", "mcdonald", "it's")]
    ['Okonkwo', 'Jean-Luc', "O'Brien", 'McDonald', "It's"]
    """
    return "-".join(_capitalised(part, turkish) for part in word.split("-"))


def _capitalised(part: str, turkish: bool) -> str:
    prefix = re.match(r"(\w{1,2}['’]|[Mm]c)(?=\w{3})", part)
    start = prefix.end() if prefix else 0
    head = _capitalised(part[:start], turkish) if start else ""
    first = next((place for place in range(start, len(part)) if part[place].isalnum()), start)
    return head + part[start:first] + upper(part[first : first + 1], turkish) + part[first + 1 :]


def _like(word: str, model: str) -> str:
    """A word in lower case with the capitals of the model's one."""
    if word == model.lower():
        return model
    if model == model.upper() and sum(map(str.isalpha, model)) > 1:
        return word.upper()
    return capitalised(word) if model[0].isupper() else word


def _is_acronym(word: str) -> bool:
    letters = [letter for letter in word if letter.isalpha()]
    return 1 < len(letters) <= ACRONYM and word == word.upper() and word != word.lower()
