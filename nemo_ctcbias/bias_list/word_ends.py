"""What may follow a phrase within its word, and where it may begin: by characters, and as a table of tokens.

A phrase that is heard ends with its word. Behind it may stand a possessive or plural ending, and then anything that is
no part of the word any more: punctuation, a hyphen with whatever follows, a space, the end. So `Okonkwo` is in
"Okonkwo's," and in "Okonkwo-led", but not in "Okonkwood". Characters of scripts that are written without spaces are
words of their own here: between two of them a phrase may begin and end anywhere.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nemo_ctcbias.bias_list.endings import ANY, APOSTROPHES, ENDINGS, STEMS, Endings, folded
from nemo_ctcbias.bias_list.rows import Rows

# First and last characters of the scripts that are written without spaces between words: Thai, Lao, Tibetan, Burmese,
# Khmer, Chinese (radicals, 々〆〇, Bopomofo, ideographs), Japanese kana and their halfwidth forms, Yi.
SPACELESS = (
    *((0x0E00, 0x0EFF), (0x0F00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF)),
    *((0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3031, 0x312F), (0x31A0, 0x31BF), (0x31F0, 0x31FF)),
    *((0x3400, 0x4DBF), (0x4E00, 0xA4CF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x20000, 0x3FFFF)),
)

# Rows of `Following.next`: no phrase has ended; one has, and takes no ending; one has that anything may follow. From
# row 3 on: one has that takes endings of one kind, and so much of them has been read.
NONE, PLAIN, FREE = 0, 1, 2
CLOSED = -1  # in place of a row: what follows is no part of the word any more


class Following(NamedTuple):
    """What tokens do behind a phrase, as compiled code takes it (K rows, V tokens).

    next: [K, V] the row behind a token: `NONE` where the phrase was only the beginning of a longer word, `CLOSED` where
        it is complete, else that of the ending read so far.
    whole: [K] whether the phrase is complete if a word ends here.
    joins: [V] whether a token goes on with the word before it where that is not over; only told where words may begin
        without a token for their beginning, as in a text of Chinese.
    opens: [V] whether behind a token another word may begin.
    """

    next: np.ndarray
    whole: np.ndarray
    joins: np.ndarray
    opens: np.ndarray

    @property
    def symbols(self) -> int:
        """How many symbols the tokens are, see `symbols_of`."""
        return len(self.joins) * (2 if self.joins.any() else 1)

    def symbols_of(self, phrases: Rows) -> Rows:
        """The tokens of phrases, those inside a word told apart (by V) from those at its beginning.

        So a phrase that begins with a letter begins behind a character of Chinese, and not behind a letter.
        """
        if not self.joins.any():
            return phrases
        inside = ~self.opens[np.roll(phrases.flat, 1)]
        inside[phrases.starts[phrases.lengths > 0]] = False
        more = len(self.joins) * (inside & self.joins[phrases.flat])
        return Rows(phrases.flat + more.astype(phrases.flat.dtype), phrases.lengths)

    @classmethod
    def by_words(cls, starts_word: npt.ArrayLike) -> Following:
        """The table where nothing may follow but another word."""
        rows = np.zeros((2, len(starts_word)), dtype=np.int64)
        rows[PLAIN, np.asarray(starts_word, dtype=bool)] = CLOSED
        count = len(starts_word)
        return cls(rows, np.array([False, True]), np.zeros(count, dtype=bool), np.ones(count, dtype=bool))


class WordEnds:
    """Where a phrase may begin and end in the text of one vocabulary.

    >>> ends = WordEnds()
    >>> [text for text in ("okonkwo's,", "okonkwo-led", "okonkwood") if ends.may_end(text, 0, 7)]
    ["okonkwo's,", 'okonkwo-led']

    Args:
        endings: as in `ENDINGS`.
        anywhere: whether a phrase may begin and end anywhere, as in a vocabulary that marks no words at all.
    """

    def __init__(self, endings: Sequence[str] = ENDINGS["en"], anywhere: bool = False) -> None:
        self.endings = Endings(endings)
        self.anywhere = anywhere
        kinds = {self.endings.after(stem) for stem in STEMS}
        self._left, self._rows = _rows(kinds)
        self._first = {taken: self._rows[taken | {""}] for taken in kinds}

    def ends_anywhere(self, phrase: str) -> bool:
        """Whether a phrase may end whatever follows."""
        return self.anywhere or is_spaceless(phrase[-1])

    def row_of(self, phrase: str) -> int:
        """From which row of the table what follows a phrase is read."""
        if self.ends_anywhere(phrase):
            return FREE
        return self._first.get(self.endings.after(phrase), PLAIN)

    def may_begin(self, text: str, at: int) -> bool:
        """Whether a phrase may begin at character `at`."""
        return self.anywhere or at == 0 or not _joined(text[at - 1], text[at])

    def may_end(self, text: str, start: int, end: int) -> bool:
        """Whether characters [start, end) may be a phrase, for all that follows them."""
        if end == len(text) or self.ends_anywhere(text[start:end]) or _parts(text[end]):
            return True
        left = self.endings.after(text[start:end]) | {""}
        for character in text[end:]:
            if _parts(character) or not left:
                break
            left = reduce(_read, folded(character), left)
        return "" in left

    def following(self, pieces: Sequence[str], starts_word: npt.ArrayLike) -> Following:
        """The table of a vocabulary; `pieces` and `starts_word` [V]."""
        starts = np.asarray(starts_word, dtype=bool)
        rows = np.zeros((len(self._left), len(pieces)), dtype=np.int64)
        whole = np.array(["" in left for left in self._left])
        rows[whole] = np.where(starts, CLOSED, NONE)
        rows[FREE] = CLOSED
        letters = {rest[0] for left in self._left for rest in left if rest}
        for token, piece in enumerate(map(folded, pieces)):
            # Most pieces begin with a letter of no ending.
            if piece and not starts[token] and (ANY in letters or piece[0] in letters or _parts(piece[0])):
                for row in self._rows.values():
                    rows[row, token] = self._step(row, piece)
        joins = np.zeros(len(pieces), dtype=bool)
        if not self.anywhere and any(map(is_spaceless, set("".join(pieces)))):
            joins[:] = [bool(piece) and not (_parts(piece[0]) or is_spaceless(piece[0])) for piece in pieces]
        opens = [not piece or _parts(piece[-1]) or is_spaceless(piece[-1]) for piece in pieces]
        return Following(rows, whole, joins & ~starts, np.array(opens, dtype=bool))

    def _step(self, row: int, piece: str) -> int:
        left = self._left[row]
        for character in piece:
            if _parts(character):
                return CLOSED if "" in left else NONE
            left = _read(left, character)
        return self._rows[left] if left else NONE


def _rows(kinds: Iterable[frozenset[str]]) -> tuple[list[frozenset[str]], dict[frozenset[str], int]]:
    """What may be left of endings behind what has been read, "" if it is whole: of each row; and the rows by it."""
    left: list[frozenset[str]] = [frozenset(), frozenset([""]), frozenset([""])]
    rows = {left[PLAIN]: PLAIN}
    open_ = [taken | {""} for taken in sorted(kinds, key=sorted)]
    while open_:
        one = open_.pop()
        if one and one not in rows:
            rows[one] = len(left)
            left.append(one)
            open_ += [_read(one, character) for character in sorted({rest[0] for rest in one if rest})]
    return left, rows


def _read(left: frozenset[str], character: str) -> frozenset[str]:
    """What is left of endings behind one more character."""
    rest = {one[1:] for one in left if one[:1] == character}
    return frozenset({"", ANY} | rest if ANY in left else rest)


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
