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

from nemo_ctcbias.bias_list.rows import Rows

APOSTROPHES = frozenset("'\u2018\u2019\u201b\u2032\u02bc\u02b9`\u00b4\uff07")
ANY = "'\0"  # stands for an apostrophe and any letters
# By language: possessive and plural endings, in lower case, with straight apostrophes; none where they change the word.
ENDINGS = {
    "en": ("'s", "'", "s", "s'", "es", "es'"),
    "de": ("'s", "'", "s", "es"),
    **dict.fromkeys(("es", "pt"), ("s", "es")),
    **dict.fromkeys(("da", "sv"), ("s", "'s")),
    "fr": ("s",),
    "tr": (ANY,),  # cases: Ankara'da, Irmak'ın
}

# First and last characters of the scripts that are written without spaces between words: Thai, Lao, Tibetan, Burmese,
# Khmer, Chinese (radicals, 々〆〇, Bopomofo, ideographs), Japanese kana and their halfwidth forms, Yi.
SPACELESS = (
    *((0x0E00, 0x0EFF), (0x0F00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF)),
    *((0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3031, 0x312F), (0x31A0, 0x31BF), (0x31F0, 0x31FF)),
    *((0x3400, 0x4DBF), (0x4E00, 0xA4CF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x20000, 0x3FFFF)),
)

# Plurals of names to their possessives in English: 91 to 810 in novels of 3.6 million words, behind names that occur 20
# to 100 times.
PLURALS = 0.1

SIBILANTS = ("s", "x", "z", "ch", "sh")
LONG = 4  # letters; a shorter phrase takes no ending that is a mere letter more: `is` is not the plural of `I`
STEMS = ("ann", "gas", "anna", "jones", "otto", "anna's")  # for each kind of stem that takes endings of its own

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
        self.endings = frozenset(endings)
        self.anywhere = anywhere
        self._longest = max(map(len, endings), default=0)
        self._after: dict[tuple[str, bool], frozenset[str]] = {}
        self._spelled: dict[frozenset[str], list[str]] = {}
        begun: list[tuple[frozenset[str], str]] = [(frozenset(), "")] * (FREE + 1)
        for taken in dict.fromkeys(map(self.after, STEMS)):
            read = {ending[:count] for ending in taken for count in range(len(ending) + 1)}
            begun += [(taken, text) for text in sorted(read)]
        self._begun = begun  # of each row: which endings the phrase takes, what has been read of one
        self._rows = {one: row for row, one in enumerate(begun) if row > FREE}

    def after(self, phrase: str) -> frozenset[str]:
        """The endings that a phrase takes: Anna's, Annas; Jones's, Jones', Joneses; none after a possessive."""
        whole = len(phrase) >= LONG and phrase[:LONG].isalnum()  # as nearly all phrases are, and quicker than to count
        last, short = phrase[-2:], not whole and sum(map(str.isalnum, phrase)) < LONG
        if (last, short) not in self._after:
            self._after[last, short] = self._taken_by(_folded(last), short)
        return self._after[last, short]

    def spelled_after(self, phrase: str) -> list[str]:
        """Those of `after` that are known letter by letter, in their order.

        >>> WordEnds().spelled_after("okonkwo"), WordEnds().spelled_after("anna's")
        (["'s", 'es', "es'", 's', "s'"], [])
        """
        taken = self.after(phrase)
        if taken not in self._spelled:  # of some millions of forms a few
            self._spelled[taken] = sorted(taken - {ANY})
        return self._spelled[taken]

    def possessives_after(self, phrase: str) -> list[str]:
        """Those of `spelled_after` of which only the apostrophe tells them from a plural, and nobody hears it.

        >>> WordEnds().possessives_after("okonkwo")
        ["'s"]
        """
        return [ending for ending in self.spelled_after(phrase) if ending[0] == "'" and len(ending) > 1]

    def possessive_of(self, word: str, phrase: str) -> int:
        """How many of a word's last characters are a possessive ending that a phrase in its place is to have.

        >>> ends = WordEnds()
        >>> ends.possessive_of("Derric's", "Deryck"), ends.possessive_of("Joan's", "Jones")
        (2, 0)
        """
        if phrase.lower().endswith(SIBILANTS):  # its own s may be what was heard
            return 0
        endings = self.possessives_after(phrase)
        return max((len(ending) for ending in endings if _folded(word[1:]).endswith(ending)), default=0)

    def share(self, ending: str) -> float:
        """How often a name has an ending, to how often it has a possessive one.

        Only told where the language writes plurals otherwise, as English does, which has an `s'` for both in one.
        """
        return PLURALS if "s'" in self.endings and ending[:1] not in ("", "'") else 1.0

    def _taken_by(self, last: str, short: bool) -> frozenset[str]:
        """The endings that phrases take with these last letters."""
        sibilant = last.endswith(SIBILANTS)
        if last.endswith(("'s", "'")):
            return frozenset()

        def takes(ending: str) -> bool:
            if ending[0] == "'" and ending != ANY:
                return sibilant or ending != "'"
            if short:
                return False
            return sibilant or last.endswith("o") if ending.startswith("es") else not (sibilant and ending[0] == "s")

        return frozenset(filter(takes, self.endings))

    def row_of(self, phrase: str) -> int:
        """From which row of the table what follows a phrase is read."""
        if self.anywhere or is_spaceless(phrase[-1]):
            return FREE
        return self._rows.get((self.after(phrase), ""), PLAIN)

    def may_begin(self, text: str, at: int) -> bool:
        """Whether a phrase may begin at character `at`."""
        return self.anywhere or at == 0 or not _joined(text[at - 1], text[at])

    def may_end(self, text: str, start: int, end: int) -> bool:
        """Whether characters [start, end) may be a phrase, for all that follows them."""
        if self.anywhere or end == len(text) or is_spaceless(text[end - 1]) or _parts(text[end]):
            return True
        taken = self.after(text[start:end])
        if ANY in taken and text[end] in APOSTROPHES:
            letters = next((at for at in range(end + 1, len(text)) if _parts(text[at])), len(text))
            if letters > end + 1:
                return True
        return any(
            _folded(text[end:after]) in taken and (after == len(text) or _parts(text[after]))
            for after in range(end + 1, min(len(text), end + self._longest) + 1)
        )

    def following(self, pieces: Sequence[str], starts_word: npt.ArrayLike) -> Following:
        """The table of a vocabulary; `pieces` and `starts_word` [V]."""
        starts = np.asarray(starts_word, dtype=bool)
        rows = np.zeros((len(self._begun), len(pieces)), dtype=np.int64)
        whole = np.array([row and (not read or read in taken) for row, (taken, read) in enumerate(self._begun)], bool)
        rows[whole] = np.where(starts, CLOSED, NONE)
        rows[FREE] = CLOSED
        letters = set("".join(self.endings))
        open_ended = ANY in self.endings
        for token, piece in enumerate(map(_folded, pieces)):
            # Most pieces begin with a letter of no ending.
            if piece and not starts[token] and (open_ended or piece[0] in letters or _parts(piece[0])):
                for row in (PLAIN, *self._rows.values()):
                    rows[row, token] = self._step(row, piece)
        joins = np.zeros(len(pieces), dtype=bool)
        if not self.anywhere and any(map(is_spaceless, set("".join(pieces)))):
            joins[:] = [bool(piece) and not (_parts(piece[0]) or is_spaceless(piece[0])) for piece in pieces]
        opens = [not piece or _parts(piece[-1]) or is_spaceless(piece[-1]) for piece in pieces]
        return Following(rows, whole, joins & ~starts, np.array(opens, dtype=bool))

    def _step(self, row: int, piece: str) -> int:
        taken, read = self._begun[row]
        for character in piece:
            if _parts(character):
                return CLOSED if not read or read in taken else NONE
            read = ANY if ANY in taken and read in ("'", ANY) else read + character
            if (taken, read) not in self._rows:
                return NONE
        return self._rows[taken, read]


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
