"""Pronunciations from a file in the format of the CMU Pronouncing Dictionary."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from os import PathLike, fspath
from pathlib import Path

from nemo_ctcbias.bias_list.report import quoted
from nemo_ctcbias.data_files import read_text
from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones.phones import Pronunciation, parse_phones

_VARIANT = re.compile(r"\(\d+\)$")  # word(2): the word's second pronunciation


class Lexicon(Mapping[str, tuple[Pronunciation, ...]]):
    """Words in lower case and their pronunciations, the first one the most usual.

    >>> Lexicon({"tomato": ["T AH M EY T OW", "T AH M AA T OW"]})["tomato"][0]
    ('T', 'AH', 'M', 'EY', 'T', 'OW')

    Raises:
        PhoneticsError: an unknown phone.
    """

    def __init__(self, entries: Mapping[str, list[str]] | None = None):
        self._entries: dict[str, tuple[Pronunciation, ...]] = {}
        for word, pronunciations in (entries or {}).items():
            for pronunciation in pronunciations:
                self._add(word, parse_phones(pronunciation, f"lexicon entry {quoted(word)}"))

    def _add(self, word: str, phones: Pronunciation) -> None:
        word = word.lower()
        known = self._entries.get(word, ())
        if phones not in known:  # entries may differ in stress alone
            self._entries[word] = (*known, phones)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Lexicon:
        """Read `word PHONE PHONE ...` a line; `word(2)` adds a pronunciation, `;;;` and ` #` begin comments.

        Raises:
            PhoneticsError: no such file, not text, or a broken line; names the file and the line.
        """
        name = fspath(path)
        lexicon = cls()
        for number, line in enumerate(read_text(name, "lexicon file", PhoneticsError).split("\n"), start=1):
            word, *phones = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].split() or [""]
            if not word or word.startswith(";;;"):
                continue
            if not phones:
                raise PhoneticsError(f"{name}:{number}: {quoted(word)} has no phones; write 'word PHONE PHONE ...'")
            lexicon._add(_VARIANT.sub("", word), parse_phones(phones, f"{name}:{number}"))
        if not lexicon:
            raise PhoneticsError(f"{name}: holds no words; a lexicon has 'word PHONE PHONE ...' a line")
        return lexicon

    def __getitem__(self, word: str) -> tuple[Pronunciation, ...]:
        return self._entries[word.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"Lexicon({len(self)} words)"


@lru_cache(maxsize=4)
def lexicon_of(path: str | Path | None) -> Lexicon | None:
    """The lexicon of a file, read once; None for none.

    Raises:
        PhoneticsError: if it cannot be read.
    """
    return None if path is None else Lexicon.load(path)
