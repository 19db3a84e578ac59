"""CTC scores of pronunciations over phone log-probs, exact (compiled), and the phones that are heard."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise

import numpy as np

from nemo_ctcbias.compiled import compiled
from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones.lattice import Lattice
from nemo_ctcbias.phones.phones import BLANK, PHONES, Pronunciation


def forward_scores(log_probs: np.ndarray, lattices: Sequence[Lattice]) -> np.ndarray:
    """Log-prob of each lattice, all its paths summed, float64 [len(lattices)]; -inf if the frames are too few.

    Args:
        log_probs: [T, 40] phone log-probs (natural log), blank last.

    Raises:
        PhoneticsError: log-probs of another shape.
    """
    log_probs = checked(log_probs)
    if not lattices:
        return np.zeros(0)
    joined = Lattice.side_by_side(lattices)
    starts = np.cumsum([0, *map(len, lattices)])[:-1]
    if not len(log_probs):  # only silence fits into no frames
        return np.array([0.0 if len(lattice) == 1 else -np.inf for lattice in lattices])
    score = _forward(log_probs, joined.labels, joined.sources, joined.weights, joined.initial)
    return np.logaddexp.reduceat(np.where(joined.final, score, -np.inf), starts)


@compiled
def _forward(log_probs, labels, sources, weights, initial):
    """Log-prob of all paths that end in each state [S] with the last frame."""
    width, states = sources.shape
    before, score = np.empty(states + 1), np.full(states + 1, -np.inf)
    for state in range(states):
        score[state] = initial[state] + log_probs[0, labels[state]]
    for t in range(1, len(log_probs)):
        before[:] = score
        for state in range(states):
            top, total = -np.inf, 0.0
            for k in range(width):
                top = max(top, before[sources[k, state]] + weights[k, state])
            if top > -np.inf:
                for k in range(width):
                    total += np.exp(before[sources[k, state]] + weights[k, state] - top)
                top += np.log(total)
            score[state] = top + log_probs[t, labels[state]]
    return score[:states]


def heard_phones(log_probs: np.ndarray) -> Pronunciation:
    """The likeliest phone (or blank) of each frame of phone log-probs [T, 40], repeats collapsed, blanks left out."""
    labels = (label for label, _ in groupby(checked(log_probs).argmax(axis=1).tolist()))
    return tuple(PHONES[label] for label in labels if label != BLANK)


def word_cuts(spans: Sequence[tuple[int, int]], frames: int) -> list[int]:
    """Frames that part the words of a transcript, one more than words: halfway between the end of a word and the next.

    Subword models mark a word late and briefly; its phones may stand anywhere between its neighbours.

    Args:
        spans: first frame and last frame + 1 of each word, in order.
        frames: T, where the last word ends.
    """
    inner = [(end + start + 1) // 2 for (_, end), (start, _) in pairwise(spans)]
    return [0, *inner, frames] if spans else [0]


def hearings(log_probs: np.ndarray) -> list[np.ndarray]:
    """What each of K heads heard, float64 [T, 40] each, of phone log-probs [T, K, 40], or [T, 40] for one head.

    Raises:
        PhoneticsError: log-probs of another shape.
    """
    log_probs = np.asarray(log_probs)
    if log_probs.ndim != 3:
        return [checked(log_probs)]
    return [checked(np.ascontiguousarray(log_probs[:, head])) for head in range(log_probs.shape[1])]


def checked(log_probs: np.ndarray) -> np.ndarray:
    """Phone log-probs as float64 [T, 40].

    Raises:
        PhoneticsError: another shape: not the log-probs of this package's phone head.
    """
    log_probs = np.asarray(log_probs, dtype=np.float64)
    if log_probs.ndim != 2 or log_probs.shape[1] != BLANK + 1:
        raise PhoneticsError(
            f"phone log-probs: shape {list(log_probs.shape)}, expected [T, {BLANK + 1}] ({BLANK} phones and the blank "
            "last); use a phone head of this package's inventory"
        )
    return log_probs
