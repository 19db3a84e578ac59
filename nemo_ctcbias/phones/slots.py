"""Where a model writes tokens, or might: the places of a recording at which there is something to pronounce."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

LEAST = 0.01  # probability of a token that is looked at
ALTERNATIVES = 6  # most tokens looked at in a place
UNWRITTEN = 0.1  # probability of all tokens together where none is written, from which on the place is looked at


@dataclass(frozen=True)
class Slot:
    """A place where tokens stand, or might.

    frame: of the encoder, the first; written: whether the model writes the likeliest of them; tokens: the likeliest, by
    their probabilities, which add up to 1 with that of none (`silence`).
    """

    frame: int
    written: bool
    tokens: tuple[tuple[int, float], ...]
    silence: float

    @property
    def best(self) -> int:
        """The likeliest token."""
        return self.tokens[0][0]


def slots_of(log_probs: np.ndarray) -> Iterator[Slot]:
    """The slots in log-probs [T, V + 1], blank last, in order: one for each token written, and for each frame in which
    none is and one might.
    """
    p = np.exp(log_probs.astype(np.float32))
    blank, best = p.shape[1] - 1, p.argmax(axis=1)
    at = 0
    while at < len(p):
        end, written = at + 1, bool(best[at] != blank)
        while written and end < len(p) and best[end] == best[at]:
            end += 1
        if written or 1 - p[at, blank] > UNWRITTEN:
            weights = p[at:end].max(axis=0)
            silence = float(p[at, blank]) if end == at + 1 else 0.0  # what is written twice is there
            weights[blank] = 0
            likely = np.flatnonzero(weights >= LEAST)
            order = np.argsort(-weights[likely], kind="stable")[:ALTERNATIVES]
            tokens = list(zip(likely[order].tolist(), weights[likely[order]].tolist(), strict=True))
            total = silence + sum(weight for _, weight in tokens)
            if tokens:
                yield Slot(at, written, tuple((token, weight / total) for token, weight in tokens), silence / total)
        at = end
