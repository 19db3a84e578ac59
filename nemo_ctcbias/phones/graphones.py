"""Many-to-many alignment of letters and phones by expectation maximisation (Bisani & Ney 2008, section 3).

A graphone is one or two letters with the zero to two phones they stand for.  Its probability does not depend on its
neighbours here; the joint n-gram of `g2p` adds that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nemo_ctcbias.phones.phones import Pronunciation

LETTERS = "abcdefghijklmnopqrstuvwxyz'"

# Letters and phones of a graphone. Every graphone has a letter: phones without one would make the search for a
# pronunciation endless. Two letters with two phones are two graphones.
SHAPES = ((1, 0), (1, 1), (1, 2), (2, 1))


@dataclass(frozen=True, slots=True, order=True)
class Graphone:
    """Letters and the phones they stand for; `token` is its name in the joint n-gram."""

    letters: str
    phones: Pronunciation

    @property
    def token(self) -> str:
        """For example "x:K_S", "ph:F", "e:"."""
        return f"{self.letters}:{'_'.join(self.phones)}"

    @classmethod
    def of(cls, token: str) -> Graphone:
        """The graphone of that name."""
        letters, _, phones = token.partition(":")
        return cls(letters, tuple(phones.split("_")) if phones else ())


class GraphoneAligner:
    """Learns the probabilities of graphones from words and pronunciations, and splits a pair into graphones.

    Words of as many letters and phones as each other are worked on together, a numpy operation a lattice cell.

    Args:
        pairs: (word of `LETTERS`, pronunciation).
        iterations: passes of expectation maximisation, from uniform probabilities.
        min_count: graphones expected less often than this are noise (a misspelt entry, an abbreviation); they are
            dropped, and pairs that need one have no alignment.
    """

    def __init__(self, pairs: Iterable[tuple[str, Pronunciation]], iterations: int = 8, min_count: float = 5.0):
        self._units: dict[Graphone, int] = {}
        self.probabilities = np.zeros(0)
        groups = [self._group(*group) for group in _by_length(pairs).values()]
        self.probabilities = np.full(len(self._units), 1 / len(self._units))
        for _ in range(iterations):
            counts = np.zeros(len(self._units))
            for units in groups:
                self._expect(units, counts)
            self.probabilities = counts / counts.sum()
        kept = np.where(counts < min_count, 0, counts)
        self.probabilities = kept / max(kept.sum(), 1e-9)  # nothing may be left of a few words
        self._table = self.table()

    def table(self) -> dict[Graphone, float]:
        """Each graphone kept and its probability; they add up to 1."""
        return {unit: float(self.probabilities[i]) for unit, i in self._units.items() if self.probabilities[i] > 0}

    def align(self, word: str, phones: Pronunciation) -> list[Graphone] | None:
        """The likeliest graphones whose letters make the word and whose phones make the pronunciation.

        None if there are none, for too many phones or a letter unlike all seen.
        """
        return aligned(word, phones, self._table)

    def _group(self, words: Sequence[str], pronunciations: Sequence[Pronunciation]) -> list[np.ndarray]:
        """Numbers of the graphones that may start at each cell: [K, letters, phones] for each shape."""
        shaped = []
        for letters, sounds in SHAPES:
            rows, columns = len(words[0]) - letters + 1, len(pronunciations[0]) - sounds + 1
            numbers = np.zeros((len(words), max(rows, 0), max(columns, 0)), dtype=np.int64)
            for k, (word, phones) in enumerate(zip(words, pronunciations, strict=True)):
                for i in range(rows):
                    for j in range(columns):
                        unit = Graphone(word[i : i + letters], phones[j : j + sounds])
                        numbers[k, i, j] = self._units.setdefault(unit, len(self._units))
            shaped.append(numbers)
        return shaped

    def _expect(self, units: list[np.ndarray], counts: np.ndarray) -> None:
        """Add the expected counts of one group (the forward-backward algorithm on its lattice)."""
        probable = [self.probabilities[numbers] for numbers in units]
        words, rows, columns = units[0].shape  # of shape (1, 0): all letters, and one more than all phones
        forward = np.zeros((rows + 1, columns, words))
        backward = np.zeros((rows + 1, columns, words))
        forward[0, 0] = backward[-1, -1] = 1
        cells = [(i, j) for i in range(rows + 1) for j in range(columns)]
        for i, j in cells:
            for (letters, sounds), p in zip(SHAPES, probable, strict=True):
                if i >= letters and j >= sounds:
                    forward[i, j] += forward[i - letters, j - sounds] * p[:, i - letters, j - sounds]
        for i, j in reversed(cells):
            for (letters, sounds), p in zip(SHAPES, probable, strict=True):
                if i + letters <= rows and j + sounds < columns:
                    backward[i, j] += backward[i + letters, j + sounds] * p[:, i, j]
        total = np.where(forward[-1, -1] > 0, forward[-1, -1], np.inf)
        for (letters, sounds), p, numbers in zip(SHAPES, probable, units, strict=True):
            before = forward[: rows + 1 - letters, : columns - sounds]
            after = backward[letters:, sounds:]
            expected = (before * after / total).transpose(2, 0, 1) * p
            np.add.at(counts, numbers.ravel(), expected.ravel())


def aligned(word: str, phones: Pronunciation, table: Mapping[Graphone, float]) -> list[Graphone] | None:
    """The likeliest graphones of a table whose letters make the word and whose phones make the pronunciation.

    None if there are none, for too many phones or a letter unlike all in the table.
    """
    best: dict[tuple[int, int], tuple[float, list[Graphone]]] = {(0, 0): (1.0, [])}
    for i in range(len(word) + 1):
        for j in range(len(phones) + 1):
            for letters, sounds in SHAPES if (i, j) in best else ():
                if i + letters > len(word) or j + sounds > len(phones):
                    continue
                unit = Graphone(word[i : i + letters], phones[j : j + sounds])
                probability = best[i, j][0] * table.get(unit, 0.0)
                if probability > best.get((i + letters, j + sounds), (0.0,))[0]:
                    best[i + letters, j + sounds] = probability, [*best[i, j][1], unit]
    return best.get((len(word), len(phones)), (0.0, None))[1]


def _by_length(pairs: Iterable[tuple[str, Pronunciation]]) -> dict[tuple[int, int], tuple[list, list]]:
    groups: dict[tuple[int, int], tuple[list, list]] = defaultdict(lambda: ([], []))
    for word, phones in pairs:
        if word and phones and len(phones) <= 2 * len(word):  # else no sequence of shapes fits
            words, pronunciations = groups[len(word), len(phones)]
            words.append(word)
            pronunciations.append(phones)
    return groups
