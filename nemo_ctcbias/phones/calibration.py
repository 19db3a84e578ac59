"""From how sure a list and its decoys were heard in some speech to the least confidence that keeps a wanted precision.

Nobody said a decoy, so all their hits are chance, and a list has as many chance hits for each of its phrases as they
have (target and decoy, Elias & Gygi 2007).  Of T(c) hits of a list of N phrases that are at least c sure

    (D(c) + 1) * N / M

are expected to be chance, where D(c) are those of M decoys; the 1 makes the share that is chance no smaller than it is
in the mean where decoys are few (Levitsky et al. 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Verdict = Literal["found", "few", "chance"]


@dataclass(frozen=True)
class Calibration:
    """What decoys say of a list's hits.

    verdict: "found": a least confidence for the wanted precision; "few": so few hits that none could have been found;
        "chance": hits enough, and decoys that were heard as surely.
    precision: that is wanted.
    least: confidence to be asked of each phrase; None: what is asked without a calibration.
    hits, decoys: how many were heard of either.
    kept, chance: hits of the list that are at least so sure, and how many of them are expected to be chance.
    needed: hits, at the least, by which the wanted precision could have been seen.
    best: the highest precision that is expected of any number of hits, 0 without any.
    """

    verdict: Verdict
    precision: float
    least: float | None
    hits: int
    decoys: int
    kept: int
    chance: float
    needed: int
    best: float

    @property
    def settings(self) -> dict[str, float | None]:
        """For the section `biasing`, or `model.set_biasing`."""
        return {"precision": self.precision, "least_confidence": self.least}

    @property
    def right(self) -> int:
        """How many of the hits that are kept are expected to be right."""
        return max(0, round(self.kept - self.chance))


def calibrated(
    listed: Sequence[float], decoys: Sequence[float], share: float, precision: float, usual: float
) -> Calibration:
    """The least confidence at which the expected share of chance hits is at most 1 - precision.

    Where there is none, nothing is to be invented: with hits enough it lies above the surest of them, with too few at
    the usual one or above the surest decoy.

    Args:
        listed, decoys: confidences of the hits of the list and of its decoys, from 0 to 1.
        share: phrases of the list for each decoy.
        precision: that is wanted.
        usual: what is asked without a calibration.
    """
    found, by_chance = np.sort(listed)[::-1], np.sort(decoys)
    wanted = 1 - precision
    needed = max(1, int(np.ceil(share / wanted - 1e-9)))
    hits = np.searchsorted(-found, -found, side="right")  # at least as sure as each one
    chance = (_at_least(by_chance, found) + 1) * share
    good = np.flatnonzero(chance <= wanted * hits + 1e-9)
    best = float(max(0.0, 1 - (chance / hits).min())) if len(found) else 0.0
    verdict: Verdict = "found"
    if len(good):
        least = float(found[good[-1]])
    else:
        verdict = "few" if len(found) < needed else "chance"
        surest = max(by_chance.max(initial=0.0), found.max(initial=0.0) if verdict == "chance" else 0.0)
        above = min(float(np.nextafter(surest, 2)), 1.0)
        least = above if above > usual else None
    asked = usual if least is None else least
    kept = int((found >= asked).sum())
    expected = min(float(kept), float(_at_least(by_chance, np.array([asked]))[0] + 1) * share) if kept else 0.0
    return Calibration(verdict, precision, least, len(found), len(by_chance), kept, expected, needed, best)


def _at_least(ascending: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """How many are at least so sure."""
    return len(ascending) - np.searchsorted(ascending, asked, side="left")
