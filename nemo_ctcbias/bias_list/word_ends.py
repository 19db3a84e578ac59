"""What may follow a phrase within its word, and where it may begin: by characters, and as a table of tokens.

A phrase that is heard ends with its word. Behind it may stand a possessive or plural ending, and then anything that is
no part of the word any more: punctuation, a hyphen with whatever follows, a space, the end. So `Okonkwo` is in
"Okonkwo's," and in "Okonkwo-led", but not in "Okonkwood". Characters of scripts that are written without spaces are
words of their own here: between two of them a phrase may begin and end anywhere.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

APOSTROPHES = frozenset("'\u2018\u2019\u201b\u2032\u02bc\u02b9`\u00b4\uff07")
ENDINGS = ("'s", "'", "s", "s'", "es", "es'")  # English, possessive and plural; most European languages share some

# First and last characters of the scripts that are written without spaces between words: Thai, Lao, Tibetan, Burmese,
# Khmer, Chinese (radicals, 々〆〇, Bopomofo, ideographs), Japanese kana and their halfwidth forms, Yi.
SPACELESS = (
    *((0x0E00, 0x0EFF), (0x0F00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF)),
    *((0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3031, 0x312F), (0x31A0, 0x31BF), (0x31F0, 0x31FF)),
    *((0x3400, 0x4DBF), (0x4E00, 0xA4CF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x20000, 0x3FFFF)),
)

# A phrase of fewer letters takes no ending that is a mere letter more: `is` is not the plural of `I`.
LONG = 4

# Rows of `Following.next`; from row 4 on: so much of an ending has been read.
# No phrase has ended; one has, in a script with spaces between words; in one without; a short one in one with spaces.
NONE, SPACED, FREE, SHORT = 0, 1, 2, 3
CLOSED = -1  # in place of a row: what follows is no part of the word any more


class Following(NamedTuple):
    """What tokens do behind a phrase, as compiled code takes it (K rows, V tokens).

    next: [K, V] the row behind a token: `NONE` where the phrase was only the beginning of a longer word, `CLOSED` where
        it is complete, else that of the ending read so far.
    whole: [K] whether the phrase is complete if a word ends here.
    free: [V] whether a phrase that ends with this token may be followed by anything.
    letters: [V] letters and digits of each token, up to `LONG`.
    """

    next: np.ndarray
    whole: np.ndarray
    free: np.ndarray
    letters: np.ndarray

    @classmethod
    def by_words(cls, starts_word: npt.ArrayLike) -> Following:
        """The table where nothing may follow but another word."""
        starts = np.asarray(starts_word, dtype=bool)
        rows = np.zeros((4, len(starts)), dtype=np.int64)
        rows[SPACED:, starts] = CLOSED
        whole, free = np.array([False, True, True, True]), np.zeros(len(starts), dtype=bool)
        return cls(rows, whole, free, letters=np.full(len(starts), LONG))


class WordEnds:
    """Where a phrase may begin and end in the text of one vocabulary.

    >>> ends = WordEnds()
    >>> [text[:7] for text in ("okonkwo's,", "okonkwo-led", "okonkwood") if ends.may_end(text, 0, 7)]
    ['okonkwo', 'okonkwo']

    Args:
        endings: possessive and plural endings, in lower case, with straight apostrophes.
        anywhere: whether a phrase may begin and end anywhere, as in a vocabulary that marks no words at all.
    """

    def __init__(self, endings: Sequence[str] = ENDINGS, anywhere: bool = False) -> None:
        self.endings = frozenset(endings)
        self.anywhere = anywhere
        begun = {ending[:count] for ending in endings for count in range(1, len(ending) + 1)}
        self._read = ["", "", "", "", *sorted(begun)]
        self._rows = {text: row for row, text in enumerate(self._read) if row > SHORT}
        self._longest = max(map(len, endings), default=0)

    def may_begin(self, text: str, at: int) -> bool:
        """Whether a phrase may begin at character `at`."""
        return self.anywhere or at == 0 or not _joined(text[at - 1], text[at])

    def may_end(self, text: str, start: int, end: int) -> bool:
        """Whether characters [start, end) may be a phrase, for all that follows them."""
        if self.anywhere or end == len(text) or is_spaceless(text[end - 1]):
            return True
        short = sum(map(str.isalnum, text[start:end])) < LONG
        for after in range(end, min(len(text), end + self._longest) + 1):
            ending = _folded(text[end:after])
            whole = not ending or (ending in self.endings and not (short and ending[0] != "'"))
            if whole and (after == len(text) or _parts(text[after])):
                return True
        return False

    def following(self, pieces: Sequence[str], starts_word: npt.ArrayLike) -> Following:
        """The table of a vocabulary; `pieces` and `starts_word` [V]."""
        starts = np.asarray(starts_word, dtype=bool)
        table = Following.by_words(starts)
        free = np.array([self.anywhere or (bool(piece) and is_spaceless(piece[-1])) for piece in pieces], dtype=bool)
        rows = np.zeros((len(self._read), len(pieces)), dtype=np.int64)
        rows[: len(table.next)] = table.next
        whole = np.array([NONE < row <= SHORT or text in self.endings for row, text in enumerate(self._read)])
        rows[whole] = np.where(starts, CLOSED, NONE)
        rows[FREE] = CLOSED
        inside = [token for token, piece in enumerate(pieces) if piece and not starts[token]]
        letters = set("".join(self._rows))
        for token in inside:
            piece = _folded(pieces[token])
            for row in (SPACED, SHORT, *self._rows.values()):
                if piece[0] in letters or _parts(piece[0]):  # most pieces begin with a letter of no ending
                    rows[row, token] = self._step(row, piece)
        letters = np.array([min(LONG, sum(map(str.isalnum, piece))) for piece in pieces])
        return Following(rows, whole, free, letters)

    def _step(self, row: int, piece: str) -> int:
        read = self._read[row]
        if row == SHORT and piece[0] != "'" and not _parts(piece[0]):
            return NONE
        for character in piece:
            if _parts(character):
                return CLOSED if not read or read in self.endings else NONE
            read += character
            if read not in self._rows:
                return NONE
        return self._rows[read]


def is_spaceless(character: str) -> bool:
    """Whether a character is of a script without spaces between words."""
    return character >= "\u0e00" and any(first <= ord(character) <= last for first, last in SPACELESS)


def _parts(character: str) -> bool:
    """Whether a character is no part of the word before it."""
    if character in APOSTROPHES or character.isalnum():
        return is_spaceless(character)
    category = unicodedata.category(character)  # marks belong to their letter, joiners (Cf) stand between two of a word
    return (category[0] not in "LMN" and category != "Cf") or is_spaceless(character)


def _joined(before: str, after: str) -> bool:
    """Whether two neighbouring characters stand in one word."""
    return not (_parts(before) or is_spaceless(after))


def _folded(text: str) -> str:
    return "".join("'" if character in APOSTROPHES else character.lower() for character in text)
