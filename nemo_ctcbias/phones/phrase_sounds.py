"""How the phrases of a list sound, in columns: of a long list these are hundreds of thousands of pronunciations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from nemo_ctcbias.bias_list.columns import Columns
from nemo_ctcbias.bias_list.rows import Rows, ranges
from nemo_ctcbias.phones.phones import PHONE_IDS, PHONES, Pronunciation

Alternatives = tuple[tuple[Pronunciation, float], ...]
"""Pronunciations and their log-probs, likeliest first; the probabilities add up to 1."""


class PhoneRows(Rows):
    """Pronunciations, as columns of phone log-probs.

    >>> PhoneRows.of([("S", "ER"), ("SH",)])[0]
    ('S', 'ER')
    """

    KIND = np.int8

    @classmethod
    def _numbers(cls, items: Iterable[str]) -> Iterable[int]:
        return map(PHONE_IDS.__getitem__, items)

    def _items(self, numbers: list[int]) -> Pronunciation:
        return tuple([PHONES[number] for number in numbers])


class PhraseSounds(Columns[Alternatives]):
    """The alternatives of each phrase.

    Args:
        counts: [N] how many each has.
        phones: M pronunciations, those of one phrase behind those of the one before.
        log_probs: [M] of them.
    """

    def __init__(self, counts: np.ndarray, phones: PhoneRows, log_probs: np.ndarray):
        self.counts, self.phones, self.log_probs = counts, phones, log_probs
        self._ends = np.cumsum(counts, dtype=np.int64)

    @classmethod
    def of(cls, phrases: Iterable[Alternatives]) -> PhraseSounds:
        """Those of some phrases."""
        phrases = list(phrases)
        found = [one for alternatives in phrases for one in alternatives]
        return cls(
            np.array([*map(len, phrases)], dtype=np.int32),
            PhoneRows.of([phones for phones, _ in found]),
            np.array([log_prob for _, log_prob in found], dtype=np.float64),
        )

    def of_phrases(self, phrases: np.ndarray) -> np.ndarray:
        """Places of the pronunciations of some phrases."""
        return ranges((self._ends - self.counts)[phrases], self.counts[phrases])

    @property
    def nbytes(self) -> int:
        """Memory."""
        return self.counts.nbytes + self.phones.nbytes + self.log_probs.nbytes + self._ends.nbytes

    def __len__(self) -> int:
        return len(self.counts)

    def _item(self, place: int) -> Alternatives:
        end = int(self._ends[place])
        places = range(end - int(self.counts[place]), end)
        return tuple([(self.phones[place], float(self.log_probs[place])) for place in places])

    def __iter__(self) -> Iterator[Alternatives]:
        every = zip(self.phones, self.log_probs.tolist(), strict=True)
        return (tuple(islice(every, count)) for count in self.counts.tolist())
