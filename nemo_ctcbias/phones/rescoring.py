"""Re-rank an n-best list by how well each hypothesis sounds (phonetic rescoring, Dingliwal et al. 2022).

Hypotheses of one recording mostly agree.  Only where they differ are their pronunciations scored against the phone
head's log-probs, each different stretch of words once, with the neighbouring words that all of them share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Protocol, TypeVar

import numpy as np

from nemo_ctcbias.phones.alignment import forward_scores, hearings, word_cuts
from nemo_ctcbias.phones.lattice import Lattice
from nemo_ctcbias.phones.pronouncer import Pronouncer

WEIGHT = 0.4  # of the phone scores (natural log); the default of `biasing.phonetics.rescoring_weight`
N_BEST = 20  # hypotheses looked at; those behind keep their places
# The most that one stretch of words may win or lose before the weight; also what one loses whose phones do not fit.
LIMIT = 30.0
KEPT = 20_000  # lattices of words


class Hypothesis(Protocol):
    """What is read of a hypothesis: recognised words and the search's score (natural log)."""

    words: Sequence[str]
    score: float


H = TypeVar("H", bound=Hypothesis)


@dataclass(frozen=True)
class Stretch:
    """Where hypotheses differ: words [first, last) of the best one stand for `words[h]` in hypothesis h."""

    first: int
    last: int
    words: list[tuple[str, ...]]


class Lattices:
    """Lattices of words, kept from one recording to the next; nothing of it depends on a list."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], Lattice | None] = {}

    def of(self, words: tuple[str, ...], pronouncer: Pronouncer) -> Lattice | None:
        """None if a word cannot be pronounced."""
        if pronouncer.given:  # what users say themselves holds for their lists alone
            return self._made(words, pronouncer)
        kept = self._kept
        if words not in kept:
            if len(kept) >= KEPT:
                kept = self._kept = {}
            kept[words] = self._made(words, pronouncer)
        return kept[words]

    @staticmethod
    def _made(words: tuple[str, ...], pronouncer: Pronouncer) -> Lattice | None:
        slots = pronouncer.slots(words)
        return None if slots is None else Lattice.of(slots)


def rescore(
    log_probs: np.ndarray,
    hypotheses: Sequence[H],
    spans: Sequence[tuple[int, int]],
    pronouncer: Pronouncer,
    weight: float = WEIGHT,
    lattices: Lattices | None = None,
) -> list[tuple[H, float]]:
    """The hypotheses, best total first, each with its phone score (weighted) against the one that came first before.

    Args:
        log_probs: [T, 40] phone log-probs, blank last, or [T, K, 40] of K heads, whose mean counts.
        hypotheses: best first.
        spans: first frame and last frame + 1 of each word of the first hypothesis, frames as in `log_probs`.
        pronouncer: made with the bias list.

    Raises:
        PhoneticsError: log-probs of another shape.
        ValueError: not a span for each word.
    """
    if hypotheses and len(spans) != len(hypotheses[0].words):
        raise ValueError(f"{len(spans)} spans for the {len(hypotheses[0].words)} words of the best hypothesis")
    head, tail = hypotheses[:N_BEST], hypotheses[N_BEST:]
    phone, lattices = np.zeros(len(head)), lattices or Lattices()
    if weight and len(head) > 1:
        heads = hearings(log_probs)
        cuts = word_cuts(spans, len(log_probs))
        for stretch in stretches([hypothesis.words for hypothesis in head]):
            frames = slice(cuts[stretch.first], cuts[stretch.last]) if spans else slice(None)
            known = {each: lattices.of(each, pronouncer) for each in stretch.words}
            phone += np.mean([_gains(heard[frames], stretch.words, known) for heard in heads], axis=0)
    rescored = list(zip(head, (phone * weight).tolist(), strict=True))
    rescored.sort(key=lambda item: -(item[0].score + item[1]))  # stable: equals keep the search's order
    return rescored + [(hypothesis, 0.0) for hypothesis in tail]


def _gains(
    log_probs: np.ndarray, words: list[tuple[str, ...]], lattices: dict[tuple[str, ...], Lattice | None]
) -> np.ndarray:
    """Log-likelihood of each against the first, within the limit; 0 where one of the two has no pronunciation."""
    known = {each: lattice for each, lattice in lattices.items() if lattice is not None}
    if words[0] not in known:
        return np.zeros(len(words))
    scores = dict(zip(known, forward_scores(log_probs, list(known.values())), strict=True))
    # Too few frames for either: -inf against -inf says nothing.
    first, floor = scores[words[0]], -1e9
    gains = [max(scores.get(each, first), floor) - max(first, floor) for each in words]
    return np.clip(gains, -LIMIT, LIMIT)


def stretches(hypotheses: Sequence[Sequence[str]]) -> Iterator[Stretch]:
    """The places where hypotheses differ, in order, each with the word before and after it that all share.

    The shared words let the boundaries be found by the sound; they cost every hypothesis the same.
    """
    best = hypotheses[0]
    places = [_matches(best, words) for words in hypotheses]  # word of the best -> word of the hypothesis
    shared = [i for i in range(len(best)) if all(i in place for place in places)]
    for before, after in zip([-1, *shared], [*shared, len(best)], strict=True):
        words = [
            tuple(hypothesis[max(place.get(before, -1), 0) : place.get(after, len(hypothesis)) + 1])
            for place, hypothesis in zip(places, hypotheses, strict=True)
        ]
        if any(others != words[0] for others in words):
            yield Stretch(max(before, 0), min(after + 1, len(best)), words)


def _matches(a: Sequence[str], b: Sequence[str]) -> dict[int, int]:
    """Words that both have, in order: position in a -> position in b."""
    if list(a) == list(b):
        return {i: i for i in range(len(a))}
    blocks = SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    return {i + k: j + k for i, j, size in blocks for k in range(size)}
