"""Weighted edit distance of pronunciations: one alignment, or the distances of many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nemo_ctcbias.compiled import compiled
from nemo_ctcbias.phones.phones import INDEL_COST, SUBSTITUTION_COSTS, Pronunciation, phone_ids


@dataclass(frozen=True)
class EditAlignment:
    """Cost, and pairs of phones in order; None stands opposite a phone that only one of the two has."""

    cost: float
    pairs: tuple[tuple[str | None, str | None], ...]

    @property
    def first(self) -> Pronunciation:
        """The first pronunciation."""
        return tuple(a for a, _ in self.pairs if a is not None)

    @property
    def second(self) -> Pronunciation:
        """The second pronunciation."""
        return tuple(b for _, b in self.pairs if b is not None)


def edit_align(a: Pronunciation, b: Pronunciation) -> EditAlignment:
    """The cheapest alignment under `SUBSTITUTION_COSTS` and `INDEL_COST`."""
    replace = SUBSTITUTION_COSTS[np.ix_(phone_ids(a), phone_ids(b))]
    cost = np.add.outer(np.arange(len(a) + 1), np.arange(len(b) + 1)) * INDEL_COST
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            beside = min(cost[i - 1, j], cost[i, j - 1]) + INDEL_COST
            cost[i, j] = min(cost[i - 1, j - 1] + replace[i - 1, j - 1], beside)
    pairs, i, j = [], len(a), len(b)
    while i or j:
        if i and j and cost[i, j] == cost[i - 1, j - 1] + replace[i - 1, j - 1]:
            i, j = i - 1, j - 1
            pairs.append((a[i], b[j]))
        elif i and cost[i, j] == cost[i - 1, j] + INDEL_COST:
            i -= 1
            pairs.append((a[i], None))
        else:
            j -= 1
            pairs.append((None, b[j]))
    return EditAlignment(float(cost[-1, -1]), tuple(reversed(pairs)))


class DistanceTable:
    """Distances of one pronunciation to many (compiled).

    Args:
        pronunciations: M of them.
    """

    def __init__(self, pronunciations: Sequence[Pronunciation]):
        self._lengths = np.array([len(p) for p in pronunciations], dtype=np.int64)
        self._ids = np.zeros((len(pronunciations), max(self._lengths, default=0)), dtype=np.int64)
        for row, pronunciation in enumerate(pronunciations):
            self._ids[row, : len(pronunciation)] = phone_ids(pronunciation)

    def within(
        self, query: Pronunciation, ends: Sequence[int], share: float, among: np.ndarray | None = None
    ) -> dict[int, list[tuple[int, float]]]:
        """Pronunciations near the first `end` phones of the query, for each end: (index, distance), in the order given.

        Near is at most `share` times the pronunciation's own length away. `among` are the pronunciations to look at,
        ascending; None: all.
        """
        rows = np.arange(len(self._lengths)) if among is None else among
        most = share * self._lengths[rows] + 1e-9
        phones = phone_ids(query[: max(ends, default=0)])
        distances = _distances(phones, self._ids[rows], self._lengths[rows], most, SUBSTITUTION_COSTS, INDEL_COST)
        found = {}
        for end in ends:
            near = np.flatnonzero(distances[end] <= most)
            found[end] = list(zip(rows[near].tolist(), distances[end, near].tolist(), strict=True))
        return found


@compiled
def _distances(query, others, lengths, most, replace, indel):
    """Distance of each beginning of the query to each other pronunciation [len(query) + 1, M]; inf beyond `most` [M].

    Args:
        others: [M, longest] phones, of which the first `lengths` [M] count.
        replace, indel: costs.
    """
    found = np.full((len(query) + 1, len(lengths)), np.inf)
    cost = np.empty(others.shape[1] + 1)
    for row in range(len(lengths)):
        for place in range(lengths[row] + 1):
            cost[place] = place * indel
        found[0, row] = cost[lengths[row]]
        for end in range(1, len(query) + 1):
            aside, cost[0] = cost[0], end * indel
            least = cost[0]
            for place in range(1, lengths[row] + 1):
                same = aside + replace[query[end - 1], others[row, place - 1]]
                aside = cost[place]
                cost[place] = min(same, min(aside, cost[place - 1]) + indel)
                least = min(least, cost[place])
            if least > most[row]:  # costs only grow from here
                break
            found[end, row] = cost[lengths[row]]
    return found
