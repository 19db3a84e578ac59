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
from nemo_ctcbias.phones.phones import BLANK, PHONE_IDS
from nemo_ctcbias.phones.phrase_sounds import Alternatives


@dataclass(frozen=True)
class Lattice:
    """S states; every path starts in an initial and ends in a final one, and moves one arc a frame.

    labels: columns of the phone log-probs [S].
    sources, weights: where up to K arcs into each state come from, and their log-probs [K, S]; arcs that are not there
        come from state S and have weight -inf.
    initial: log-prob of starting in a state [S]; final: whether a path may end there [S].
    """

    labels: np.ndarray
    sources: np.ndarray
    weights: np.ndarray
    initial: np.ndarray
    final: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def of(cls, slots: Sequence[Alternatives]) -> Lattice:
        """The lattice of the slots; of none, a single blank.

        Raises:
            PhoneticsError: a slot without pronunciations, or an empty pronunciation.
        """
        states, ends = _States(), []  # ends: last states of the alternatives of the slot before
        initial = {states.add(BLANK, ()): 0.0}
        blank = 0  # behind it
        for number, slot in enumerate(slots):
            new_ends = []
            for pronunciation, log_prob in slot:
                if not pronunciation:
                    raise PhoneticsError(f"slot {number}: an empty pronunciation; leave the word out")
                phones = [PHONE_IDS[phone] for phone in pronunciation]
                if number == 0:
                    initial[len(states.labels)] = log_prob
                before = [(end, log_prob) for end in [blank, *ends] if states.labels[end] != phones[0]]
                new_ends.append(states.spell(phones, before))
            if not new_ends:
                raise PhoneticsError(f"slot {number}: no pronunciation; leave the word out")
            blank, ends = states.add(BLANK, [(end, 0.0) for end in new_ends]), new_ends
        final = np.zeros(len(states.labels), dtype=bool)
        final[[blank, *ends]] = True
        start = np.full(len(states.labels), -np.inf)
        start[list(initial)] = list(initial.values())
        return cls(np.array(states.labels), *_padded(states.arcs), start, final)

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
        names = ("labels", "initial", "final")
        joined = {name: np.concatenate([getattr(lattice, name) for lattice in lattices]) for name in names}
        return cls(sources=sources, weights=weights, **joined)


class _States:
    """States in the making: their labels, and the arcs into each, which every state has from itself."""

    def __init__(self) -> None:
        self.labels: list[int] = []
        self.arcs: list[list[tuple[int, float]]] = []

    def add(self, label: int, into: Sequence[tuple[int, float]]) -> int:
        """One more."""
        state = len(self.labels)
        self.labels.append(label)
        self.arcs.append([(state, 0.0), *into])
        return state

    def spell(self, phones: Sequence[int], into: Sequence[tuple[int, float]]) -> int:
        """Those of a pronunciation, blanks between; its last one."""
        last = self.add(phones[0], into)
        for phone in phones[1:]:
            blank = self.add(BLANK, [(last, 0.0)])
            last = self.add(phone, [(blank, 0.0), *([(last, 0.0)] if self.labels[last] != phone else [])])
        return last


def _padded(arcs: list[list[tuple[int, float]]]) -> tuple[np.ndarray, np.ndarray]:
    shape = max(map(len, arcs)), len(arcs)
    sources, weights = np.full(shape, len(arcs)), np.full(shape, -np.inf)
    for state, into in enumerate(arcs):
        for k, (source, weight) in enumerate(into):
            sources[k, state], weights[k, state] = source, weight
    return sources, weights
