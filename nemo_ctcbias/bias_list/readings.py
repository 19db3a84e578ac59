"""How else a written phrase is said: numbers and signs as words, acronyms and initials letter by letter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice, product

GUESS_COST = 1.0  # what a reading beside the likeliest gives back of its boost (natural log)
SIGNS: dict[str, dict[str, str]] = {  # said as words, by language
    "en": {"&": "and", "+": "plus", "%": "percent", "@": "at"},
    **{code: {"&": word} for code, word in (("de", "und"), ("fr", "et"), ("es", "y"), ("it", "e"), ("nl", "en"))},
    **{code: {"&": word} for code, word in (("pt", "e"), ("pl", "i"), ("sv", "och"), ("tr", "ve"))},
}
MOST = 4  # readings of the numbers of a phrase
ACRONYM = re.compile(r"\b(?:[A-Z]{2,3}|[B-DF-HJ-NP-TV-XZ]{4,5})(?=\b|s\b)|\b[A-Z](?:\.[A-Z])+\b\.?")  # GPUs, J.R.R.
NUMBER = re.compile(r"(\d{1,2}):([0-5]\d)\b|(\d+)(?:st|nd|rd|th)\b|(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?", re.ASCII)
YEARS = range(1100, 2100)


def numbers_as_words(text: str, language: str = "en") -> list[str]:
    """Ways to say a text with digits, the likeliest first; none without the library or its knowledge of the language.

    >>> numbers_as_words("IbuVast 200")
    ['IbuVast two hundred', 'IbuVast two zero zero']
    """
    say = _sayer(language)
    if say is None or not NUMBER.search(text):
        return []
    parts: list[list[str]] = []
    at = 0
    for match in NUMBER.finditer(text):
        parts.append([text[at : match.start()]])
        parts.append(list(dict.fromkeys(_ways(match, say))))
        at = match.end()
        if text[at : at + 1].isalpha():
            parts[-1] = [f"{way} " for way in parts[-1]]  # 3M
        if parts[-2][0][-1:].isalpha():
            parts[-1] = [f" {way}" for way in parts[-1]]  # B12
    parts.append([text[at:]])
    return list(islice(("".join(choice) for choice in product(*parts)), MOST))


def signs_as_words(text: str, language: str = "en") -> str:
    """The text with its signs as they are said in a language.

    >>> signs_as_words("Johnson & Johnson"), signs_as_words("H&M", "de")
    ('Johnson and Johnson', 'H und M')
    """
    signs = SIGNS.get(language, {})
    said = "".join(f" {signs[character]} " if character in signs else character for character in text)
    return " ".join(said.split()) if said != text else text


def letter_by_letter(text: str) -> str | None:
    """The text with its acronyms and initials as single letters; None where there is none.

    Longer ones with vowels are said as words: NATO.

    >>> letter_by_letter("J.R.R. Tolkien"), letter_by_letter("the GPU"), letter_by_letter("Okonkwo")
    ('J R R Tolkien', 'the G P U', None)
    """
    said = ACRONYM.sub(lambda match: " ".join(match[0].replace(".", "")), text)
    return said if said != text else None


def knows_numbers(language: str = "en") -> bool:
    """Whether numbers can be said in a language."""
    return _sayer(language) is not None


def _ways(match: re.Match[str], say: Callable[..., str]) -> Iterator[str]:
    hour, minute, ordinal, whole, fraction = match.groups()
    if hour:
        minutes = say(int(minute)) if int(minute) > 9 else f"oh {say(int(minute))}"
        yield f"{say(int(hour))} {minutes}" if int(minute) else f"{say(int(hour))} o'clock"
        if not int(minute):
            yield say(int(hour))
    elif ordinal:
        yield say(int(ordinal), to="ordinal")
    else:
        digits = whole.replace(",", "")
        spelled = " ".join(say(int(digit)) for digit in digits)
        if fraction:
            yield f"{say(int(digits))} point {' '.join(say(int(digit)) for digit in fraction)}"
        elif digits.startswith("0") or len(digits) > 7:
            yield spelled
        else:
            if len(digits) == 4 and whole == digits and int(digits) in YEARS:
                yield say(int(digits), to="year")
            yield say(int(digits))
            yield say(int(digits)).replace(" and ", " ")
            yield spelled


@lru_cache(maxsize=8)
def _sayer(language: str) -> Callable[..., str] | None:
    try:
        from num2words import num2words
    except ImportError:
        return None
    try:
        num2words(1, lang=language)
    except NotImplementedError:
        return None

    def say(number: int, to: str = "cardinal") -> str:
        try:
            words = num2words(number, lang=language, to=to)
        except NotImplementedError:  # some languages lack years or ordinals
            words = num2words(number, lang=language)
        return " ".join(words.replace(",", " ").replace("-", " ").split())

    return say
