"""CTC states of a sequence of slots (words), each with alternative pronunciations.

One blank before the first slot and one behind each slot are shared by the alternatives; blanks inside a pronunciation
are its own.  As in every CTC topology a blank may be skipped between two different phones, also from the end of a word
to the start of the next.  An alternative's log-prob is paid on the way into its first phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones.phones import BLANK, PHONE_IDS, Pronunciation

Slot = Sequence[tuple[Pronunciation, float]]


@dataclass(frozen=True)
class Lattice:
    """S states; every path starts in an initial and ends in a final one, and moves one arc a frame.

    labels: columns of the phone log-probs [S].
    sources, weights: where up to K arcs into each state come from, and their log-probs [K, S]; arcs that are not there
        come from state S and have weight -inf.
    initial: log-prob of starting in a state [S]; final: whether a path may end there [S].
    slot, alternative: which slot and which pronunciation of it a state belongs to [S], -1 for shared blanks.
    """

    labels: np.ndarray
    sources: np.ndarray
    weights: np.ndarray
    initial: np.ndarray
    final: np.ndarray
    slot: np.ndarray
    alternative: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def of(cls, slots: Sequence[Slot]) -> Lattice:
        """The lattice of the slots; of none, a single blank.

        Raises:
            PhoneticsError: a slot without pronunciations, or an empty pronunciation.
        """
        labels, owner = [BLANK], [(-1, -1)]
        arcs: list[list[tuple[int, float]]] = [[(0, 0.0)]]
        initial = {0: 0.0}
        blank, ends = 0, []  # behind the slot before: its shared blank and the last states of its alternatives
        for number, slot in enumerate(slots):
            new_ends = []
            for which, (pronunciation, log_prob) in enumerate(slot):
                if not pronunciation:
                    raise PhoneticsError(f"slot {number}: an empty pronunciation; leave the word out")
                last = -1
                for phone in pronunciation:
                    label, state = PHONE_IDS[phone], len(labels)
                    if last < 0:
                        into = [(end, log_prob) for end in [blank, *ends] if labels[end] != label]
                        if number == 0:
                            initial[state] = log_prob
                    else:
                        labels.append(BLANK)
                        owner.append((number, which))
                        arcs.append([(state, 0.0), (last, 0.0)])
                        into = [(state, 0.0)] + ([(last, 0.0)] if labels[last] != label else [])
                        state += 1
                    labels.append(label)
                    owner.append((number, which))
                    arcs.append([(state, 0.0), *into])
                    last = state
                new_ends.append(last)
            if not new_ends:
                raise PhoneticsError(f"slot {number}: no pronunciation; leave the word out")
            blank, ends = len(labels), new_ends
            labels.append(BLANK)
            owner.append((-1, -1))
            arcs.append([(blank, 0.0), *((end, 0.0) for end in ends)])
        final = np.zeros(len(labels), dtype=bool)
        final[[blank, *ends]] = True
        start = np.full(len(labels), -np.inf)
        start[list(initial)] = list(initial.values())
        sources, weights = _padded(arcs)
        slot_of, alternative_of = np.array(owner).T
        return cls(np.array(labels), sources, weights, start, final, slot_of, alternative_of)

    @classmethod
    def side_by_side(cls, lattices: Sequence[Lattice]) -> Lattice:
        """All lattices as one without arcs between them, states in order: one pass over the frames serves them all."""
        total, width = sum(map(len, lattices)), max(len(lattice.sources) for lattice in lattices)
        sources = np.full((width, total), total)
        weights = np.full((width, total), -np.inf)
        at = 0
        for lattice in lattices:
            block = np.s_[: len(lattice.sources), at : at + len(lattice)]
            sources[block] = np.where(lattice.sources == len(lattice), total, lattice.sources + at)
            weights[block] = lattice.weights
            at += len(lattice)
        names = ("labels", "initial", "final", "slot", "alternative")
        joined = {name: np.concatenate([getattr(lattice, name) for lattice in lattices]) for name in names}
        return cls(sources=sources, weights=weights, **joined)


def _padded(arcs: list[list[tuple[int, float]]]) -> tuple[np.ndarray, np.ndarray]:
    shape = max(map(len, arcs)), len(arcs)
    sources, weights = np.full(shape, len(arcs)), np.full(shape, -np.inf)
    for state, into in enumerate(arcs):
        for k, (source, weight) in enumerate(into):
            sources[k, state], weights[k, state] = source, weight
    return sources, weights
