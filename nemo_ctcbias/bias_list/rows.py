"""Sequences of small numbers, millions of them, in two arrays: a Python object is made of the one that is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np

from nemo_ctcbias.bias_list.columns import Columns


class Rows(Columns[tuple[int, ...]]):
    """Sequences of numbers.

    >>> rows = Rows.of([(7, 8), (), (9,)])
    >>> rows[0], list(rows.take(np.array([2, 0])))
    ((7, 8), [(9,), (7, 8)])

    Args:
        flat: [K] the numbers of all, one sequence behind the other.
        lengths: [M] of the sequences.
    """

    KIND: type = np.int32

    def __init__(self, flat: np.ndarray, lengths: np.ndarray):
        self.flat, self.lengths = flat, lengths
        self.ends = np.cumsum(lengths, dtype=np.int64)

    @classmethod
    def of(cls, sequences: Iterable[Sequence]) -> Rows:
        """Those of some sequences; rows as they are."""
        if isinstance(sequences, cls):
            return sequences
        sequences = list(sequences)
        lengths = np.fromiter(map(len, sequences), dtype=np.int32, count=len(sequences))
        numbers = cls._numbers(chain.from_iterable(sequences))
        return cls(np.fromiter(numbers, dtype=cls.KIND, count=int(lengths.sum())), lengths)

    @classmethod
    def _numbers(cls, items: Iterable) -> Iterable[int]:
        return items

    def _items(self, numbers: list[int]) -> tuple:
        return tuple(numbers)

    @property
    def starts(self) -> np.ndarray:
        """[M] where each begins."""
        return self.ends - self.lengths

    @property
    def nbytes(self) -> int:
        """Memory."""
        return self.flat.nbytes + self.lengths.nbytes + self.ends.nbytes

    def take(self, index: np.ndarray) -> Rows:
        """The sequences of these places, as often as they stand there."""
        lengths = self.lengths[index]
        return type(self)(self.flat[ranges(self.ends[index] - lengths, lengths)], lengths)

    def followed_by(self, others: Rows) -> Rows:
        """Each sequence with the other of its place behind it."""
        pairs = np.arange(2 * len(self)).reshape(2, -1).T.ravel()  # the first one, its other, the second one, ...
        both = Rows(np.concatenate([self.flat, others.flat]), np.concatenate([self.lengths, others.lengths]))
        return type(self)(both.take(pairs).flat, self.lengths + others.lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index):
        return self.take(np.arange(len(self))[index]) if isinstance(index, slice) else super().__getitem__(index)

    def _item(self, place: int) -> tuple:
        end = int(self.ends[place])
        return self._items(self.flat[end - int(self.lengths[place]) : end].tolist())

    def __iter__(self) -> Iterator[tuple]:
        flat, first = self.flat.tolist(), 0
        for end in self.ends.tolist():
            yield self._items(flat[first:end])
            first = end


def ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """So many numbers from each of these on, one range behind the other."""
    ends = np.cumsum(lengths, dtype=np.int64)
    return np.repeat(starts - (ends - lengths), lengths) + np.arange(int(lengths.sum()))
