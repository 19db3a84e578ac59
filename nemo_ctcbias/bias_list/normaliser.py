"""Text as a model would spell it: its case, apostrophes, punctuation and accents follow the letters that it has."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Literal

from anyascii import anyascii

from nemo_ctcbias.bias_list.casing import lower, upper
from nemo_ctcbias.bias_list.endings import APOSTROPHES
from nemo_ctcbias.bias_list.readings import SIGNS

SEPARATORS = frozenset("/\\\u2044\u2215\u2212_|,;:")  # besides all dashes: between words, so never just dropped
ORNAMENTS = frozenset("®™©℠")
TRANSLITERATED = ("LATIN", "GREEK", "CYRILLIC")
TURNS = 4  # after which nothing changes any more
# Marks below this combining class (Indic nukta and virama among them) change the letter; above are accents.
FIRST_ACCENT_CLASS = 10


class Normaliser:
    """Writes text with the characters of one vocabulary.

    Args:
        characters: that it has, besides spaces.
        language: in which signs such as & are said, an ISO code.
        marks_apart: whether punctuation stands apart, as words of its own.
        joins_words: whether there is no space.

    Attributes:
        case: of its letters.
        turkish: whether it tells i with and without a dot apart.
    """

    def __init__(self, characters: frozenset[str], language: str, marks_apart: bool, joins_words: bool) -> None:
        self._characters, self._signs = characters, SIGNS.get(language, {})
        self._marks_apart, self._joins_words = marks_apart, joins_words
        self.case = _case_of(characters)
        self.turkish = not characters.isdisjoint("ıİ")
        self._replacements: dict[str, tuple[str, str]] = {}

    def explain(self, text: str) -> tuple[str, tuple[str, ...]]:
        """See `Vocabulary.explain`."""
        changes: dict[str, None] = {}
        words = self._written(text, changes)
        for _ in range(TURNS):  # what replaces a letter may form another one with the accents behind it
            plain = "".join(words)
            if plain.isascii() and self._characters.issuperset(plain):
                break
            again = self._written(" ".join(words), changes)
            if again == words:
                break
            words = again
        if self._joins_words and len(words) > 1:
            changes["joined the words, the model has no space"] = None
        return ("" if self._joins_words else " ").join(words), tuple(changes)

    def _written(self, text: str, changes: dict[str, None]) -> list[str]:
        text = unicodedata.normalize("NFC", self._recase(unicodedata.normalize("NFC", text)))
        if self._marks_apart:
            text = "".join([f" {c} " if unicodedata.category(c)[0] in "PS" else c for c in text])
        words = text.split()
        if self._characters.issuperset("".join(words)):
            return words
        return "".join([self._substitute(c, changes) for c in " ".join(words)]).split()

    def _recase(self, text: str) -> str:
        change = {"lower": lower, "upper": upper}.get(self.case)
        return change(text, self.turkish) if change else text

    def _substitute(self, character: str, changes: dict[str, None]) -> str:
        if character == " " or character in self._characters:
            return character
        if character not in self._replacements:
            self._replacements[character] = self._replacement(character)
        replacement, change = self._replacements[character]
        if change:
            changes[change] = None
        return replacement

    def _replacement(self, c: str) -> tuple[str, str]:
        """What stands for an uncovered character, and how to say so ("" if it goes without saying)."""
        category = unicodedata.category(c)
        sign = self._recase(self._signs.get(c, ""))
        if sign and self._characters.issuperset(sign):
            return f" {sign} ", f"{c!r} became {sign!r}"
        if c in APOSTROPHES and "'" in self._characters:
            return "'", ""
        if category == "Pd" or c in SEPARATORS:
            return " ", f"{c!r} became a space"
        if c in APOSTROPHES or c in ORNAMENTS or category[0] == "P" or category in ("Cc", "Cf"):
            return "", f"removed {c!r}"
        if category[0] == "M" and unicodedata.combining(c) >= FIRST_ACCENT_CLASS:
            return "", f"removed the accent U+{ord(c):04X}"
        folded = self._fold(c) or self._transliterated(c) if category[0] in "LMN" else None
        if folded is None:
            return c, ""
        # With the accent itself in the vocabulary the letter is only written in two characters: no change.
        lossless = unicodedata.normalize("NFC", folded) == c
        return folded, "" if lossless else f"{c!r} became {folded!r}"

    def _fold(self, c: str) -> str | None:
        """An uncovered letter by its base letter and the marks that are covered; None if that is not covered either."""
        parts = self._recase(unicodedata.normalize("NFKD", c))
        kept = [p for p in parts if p in self._characters or unicodedata.combining(p) < FIRST_ACCENT_CLASS]
        return "".join(kept) if kept and self._characters.issuperset(kept) else None

    def _transliterated(self, c: str) -> str | None:
        """An uncovered letter by those that it is usually replaced with: ł by l, æ by ae, д by d."""
        if not unicodedata.name(c, "").startswith(TRANSLITERATED):
            return None
        letters = self._recase(anyascii(c))
        return letters if letters and self._characters.issuperset(letters) else None


def _case_of(characters: Iterable[str]) -> Literal["lower", "upper", "mixed"]:
    letters = [c for c in characters if c.isupper() or c.islower()]
    if not any(c.isupper() for c in letters):
        return "lower"
    return "mixed" if any(c.islower() for c in letters) else "upper"
