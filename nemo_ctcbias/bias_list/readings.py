"""How else a written phrase is said: numbers and signs as words, acronyms and initials letter by letter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from itertools import islice, product

from nemo_ctcbias.bias_list.measures import BEFORE, BEHIND, Say, measured

GUESS_COST = 1.0  # what a reading beside the likeliest gives back of its boost (natural log)
SIGNS: dict[str, dict[str, str]] = {  # said as words, by language
    "en": {"&": "and", "+": "plus", "%": "percent", "@": "at"},
    **{code: {"&": word} for code, word in (("de", "und"), ("fr", "et"), ("es", "y"), ("it", "e"), ("nl", "en"))},
    **{code: {"&": word} for code, word in (("pt", "e"), ("pl", "i"), ("sv", "och"), ("tr", "ve"))},
}
MOST = 4  # readings of the numbers of a phrase
ACRONYM = re.compile(
    r"\b(?:[A-Z]{2,3}|[B-DF-HJ-NP-TV-XZ]{4,5})(?=\b|s\b)"  # GPUs
    r"|(?<=[a-z])[A-Z]{2,3}(?=\b|s\b)"  # ChatGPT
    r"|\b[A-Z](?:\.[A-Z])+\b\.?|\b[A-Z]\.(?=\s)"  # J.R.R., J. R. R.
)
# Louis XIV; a letter by itself may be anything.
ROMAN = re.compile(r"(?<=\w )(?=[IVX]{2})(?P<tens>X{0,3})(?P<units>IX|IV|V?I{0,3})\b")
UNITS = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
# Where a comma stands before decimals, what it is called if that is all there is to say; points part thousands there.
COMMAS = {
    **dict.fromkeys(("de", "nl", "sv", "da"), "komma"),
    **{"fr": "virgule", "es": "coma", "it": "virgola", "pt": "vírgula", "pl": "przecinek", "tr": "virgül"},
    **dict.fromkeys(("hr", "hu", "ru", "uk")),
}
YEARS = range(1100, 2100)
JOINT = "\0"  # a hyphen in a number or beside one: some write a space there


def numbers_as_words(text: str, language: str = "en", hyphens: bool = False) -> list[str]:
    """Ways to say a text with numbers, the likeliest first; none without the library or its knowledge of the language.

    >>> numbers_as_words("IbuVast 200")
    ['IbuVast two hundred', 'IbuVast two zero zero']
    >>> numbers_as_words("COVID-21", hyphens=True)[:2]
    ['COVID twenty one', 'COVID-twenty-one']
    >>> numbers_as_words("£3.50")
    ['three pounds fifty', 'three pounds and fifty pence']

    Args:
        hyphens: whether they are written, too.
    """
    say = _sayer(language)
    number = _number(language)
    if say is None or not number.search(text):
        return []
    parts: list[list[str]] = []
    at = 0
    for match in number.finditer(text):
        parts.append([_between(text[at : match.start()])])
        parts.append(list(dict.fromkeys(_ways(match, say, language))))
        at = match.end()
        if text[at : at + 1].isalpha():
            parts[-1] = [f"{way} " for way in parts[-1]]  # 3M
        if parts[-2][0][-1:].isalpha():
            parts[-1] = [f" {way}" for way in parts[-1]]  # B12
    parts.append([_between(text[at:])])
    ways = ["".join(choice) for choice in islice(product(*parts), MOST)]
    joints = " -" if hyphens else " "
    return list(dict.fromkeys(way.replace(JOINT, joint) for way in ways for joint in joints))


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

    >>> letter_by_letter("J.R.R. Tolkien"), letter_by_letter("W. J. Jenks"), letter_by_letter("ChatGPT")
    ('J R R Tolkien', 'W J Jenks', 'Chat G P T')
    """

    def letters(match: re.Match[str]) -> str:
        if ROMAN.match(text, match.start()):
            return match[0]
        inside = text[match.start() - 1 : match.start()].islower()
        return " " * inside + " ".join(match[0].replace(".", ""))

    said = ACRONYM.sub(letters, text)
    return said if said != text else None


def knows_numbers(language: str = "en") -> bool:
    """Whether numbers can be said in a language."""
    return _sayer(language) is not None


@lru_cache(maxsize=8)
def _number(language: str) -> re.Pattern[str]:
    """Times, ordinals, plurals, Roman numbers, and others with what they measure, as a language writes them."""
    thousands, decimals = (r"\.", ",") if language in COMMAS else (",", r"\.")
    english = r"(?P<ordinal>\d+)(?:st|nd|rd|th)\b|(?P<plural>[1-9]\d{0,6})s\b|" if language == "en" else ""
    return re.compile(
        rf"(?P<hour>\d{{1,2}}):(?P<minute>[0-5]\d)\b|{english}{ROMAN.pattern}"
        rf"|{BEFORE}(?P<whole>\d{{1,3}}(?:{thousands}\d{{3}})+(?!\d)|\d+)(?:{decimals}(?P<fraction>\d+))?{BEHIND}"
    )


def _between(text: str) -> str:
    """What stands beside a number: a hyphen may be a space there, and a mark between two parts them."""
    if text in (".", ",", ":"):
        return " "
    text = JOINT + text[1:] if text[:1] == "-" else text
    return text[:-1] + JOINT if text[-1:] == "-" else text


def _ways(match: re.Match[str], say: Say, language: str) -> Iterator[str]:
    found = match.groupdict()
    if found["hour"]:
        yield from _time(int(found["hour"]), int(found["minute"]), say, language)
    elif found.get("ordinal"):
        yield say(int(found["ordinal"]), to="ordinal")
    elif found.get("plural"):
        *ways, _digits = _counted(found["plural"], say)
        yield from map(_plural, ways)
    elif found["whole"] is None:
        number = 10 * len(found["tens"]) + UNITS.index(found["units"])
        if language == "en":
            yield f"the {say(number, to='ordinal')}"
        yield say(number)
    else:
        whole, fraction = re.sub(r"\D", "", found["whole"]), found["fraction"]
        ways = _with_decimals(whole, fraction, say, language) if fraction else _counted(found["whole"], say)
        yield from measured(
            Decimal(f"{whole}.{fraction}" if fraction else whole), list(dict.fromkeys(ways)), found, say, language
        )


def _time(hour: int, minute: int, say: Say, language: str) -> Iterator[str]:
    english = language == "en"
    if minute:
        yield f"{say(hour)} oh {say(minute)}" if english and minute < 10 else f"{say(hour)} {say(minute)}"
        return
    if english:
        yield f"{say(hour)} o'clock"
    yield say(hour)


def _counted(written: str, say: Say) -> Iterator[str]:
    """Ways to say a whole number: 747 is seven forty seven, too."""
    digits = re.sub(r"\D", "", written)
    number, spelled = int(digits), " ".join(say(int(digit)) for digit in digits)
    if digits.startswith("0") or len(digits) > 7:
        yield spelled
        return
    in_pairs = [say(number, to="year")] if len(digits) in (3, 4) and digits == written else []
    if number in YEARS:
        yield from in_pairs
    yield say(number)
    yield from in_pairs
    yield say(number).replace(" and ", " ")
    yield spelled


def _with_decimals(whole: str, fraction: str, say: Say, language: str) -> Iterator[str]:
    point = "point" if language == "en" else COMMAS.get(language)
    if point is None:
        yield say(Decimal(f"{whole}.{fraction}"))
        return
    yield " ".join([say(int(whole)), point, *(say(int(digit)) for digit in fraction)])
    yield f"{say(int(whole))} {point} {say(int(fraction))}"


def _plural(number: str) -> str:
    """In English: the nineteen nineties, sixes."""
    return f"{number[:-1]}ies" if number.endswith("y") else number + ("es" if number.endswith("x") else "s")


@lru_cache(maxsize=8)
def _sayer(language: str) -> Say | None:
    try:
        from num2words import num2words
    except ImportError:
        return None
    try:
        num2words(1, lang=language)
    except NotImplementedError:
        return None

    def say(number: int | Decimal, to: str = "cardinal", **options: str) -> str:
        try:
            words = num2words(number, lang=language, to=to, **options)
        except (NotImplementedError, TypeError):  # some languages lack years, ordinals or currencies
            words = num2words(number, lang=language)
        return JOINT.join(" ".join(words.replace(",", " ").split()).split("-"))

    return say
