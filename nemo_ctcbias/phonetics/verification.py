"""Does a listed phrase sound right where it was written?  Those that do not are not listened for again.

Spotting asks before the search whether a phrase can be heard anywhere.  What the search then writes may stand
elsewhere, or in place of a word that sounds alike: asked again at that place, much that it invented gives itself away.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.number_settings import check_numbers
from nemo_ctcbias.phonetics.spotting import Spotting

TINY = 1e-30  # a confidence of 0 has no logarithm


@dataclass(frozen=True)
class VerificationOptions:
    """Settings of the verification.  A phrase that was written stands if, at one of its places,

        e + confidence_weight * ln(confidence) >= threshold

    with the evidence e of spotting (`SpottingOptions`) in the frames of that place.

    threshold: with less, the recording is decoded again without the phrase; lower ones let more stand.
    confidence_weight: what the model's confidence in the phrase counts beside its phones.
    slack: frames of the phone head by which a place is widened at both ends, words being vague about them.
    """

    threshold: float = 5.0
    confidence_weight: float = 0.5
    slack: int = 4

    def __post_init__(self) -> None:
        check_numbers("verification", self, lowest={"threshold": -np.inf})


@dataclass(frozen=True)
class Place:
    """Where a phrase of the list was written.

    phrase: its index in the list; start, end: first frame and last frame + 1, as of the phone log-probs; confidence:
    of the model, from 0 to 1.
    """

    phrase: int
    start: int
    end: int
    confidence: float


class Verification:
    """Finds out which phrases do not sound like what was said where they were written.

    Args:
        spotting: what evidence is, and how the phrases of lists sound.
        options: see `VerificationOptions`.
    """

    def __init__(self, spotting: Spotting, options: VerificationOptions = VerificationOptions()):
        self.spotting, self.options = spotting, options

    def doubtful(self, log_probs: np.ndarray, bias_list: BiasList, places: Iterable[Place]) -> set[int]:
        """Phrases that stand at none of their places; those that nobody can pronounce always stand.

        Args:
            log_probs: [T, 40] phone log-probs of the recording, blank last.
            bias_list: the user's.
            places: of listed phrases in a hypothesis.

        Raises:
            PhoneticsError: log-probs of another shape.
        """
        spotter, options = self.spotting.spotter(bias_list), self.options
        best: dict[int, float] = {}
        for place in places:
            frames = slice(max(place.start - options.slack, 0), place.end + options.slack)
            evidence = spotter.evidence_of(place.phrase, log_probs[frames])
            score = evidence + options.confidence_weight * math.log(max(place.confidence, TINY))
            best[place.phrase] = max(score, best.get(place.phrase, -math.inf))
        return {phrase for phrase, score in best.items() if score < options.threshold}  # NaN is not
