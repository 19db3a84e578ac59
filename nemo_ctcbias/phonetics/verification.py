"""Does a listed phrase sound right where it was written?  Those that do not are not listened for again.

Spotting asks before the search whether a phrase can be heard anywhere.  What the search then writes may stand
elsewhere, or in place of a word that sounds alike: asked again at that place, much that it invented gives itself away.
Where a recording is heard unclearly, no phone is far from any other, and everything sounds a little like everything:
more evidence is asked for there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.number_settings import check_numbers
from nemo_ctcbias.phonetics.alignment import hearings
from nemo_ctcbias.phonetics.phones import BLANK
from nemo_ctcbias.phonetics.spotting import Spotting


@dataclass(frozen=True)
class VerificationOptions:
    """Settings of the verification.  A phrase that was written stands if, at one of its places,

        e + adapter_weight * (g - adapter_usual) >= min(threshold + clarity_weight * (clarity_usual - c), m)

    with the evidence e of spotting (`SpottingOptions`) in the frames of that place, m that of a phrase without a flaw,
    g, what adapters added to its log-prob there (e alone where no adapter acts), and c, how clearly the recording is
    heard (`clarity`).

    threshold: with less, the recording is decoded again without the phrase; lower ones let more stand.
    clarity_weight: how much more evidence is asked for where less is heard clearly.
    clarity_usual: clarity of a recording for which `threshold` is meant.
    adapter_weight: what the adapter's opinion counts beside the phones.
    adapter_usual: what it adds to a phrase of which it thinks neither well nor ill.
    slack: frames of the phone head by which a place is widened at both ends, words being vague about them.
    """

    threshold: float = 8.0
    clarity_weight: float = 20.0
    clarity_usual: float = -0.35
    adapter_weight: float = 1.0
    adapter_usual: float = 3.0
    slack: int = 4

    def __post_init__(self) -> None:
        any_number = dict.fromkeys(("threshold", "clarity_usual", "adapter_usual"), -np.inf)
        check_numbers("verification", self, lowest=any_number)


@dataclass(frozen=True)
class Place:
    """Where a phrase of the list was written.

    phrase: its index in the list; start, end: first frame and last frame + 1, as of the phone log-probs; adapter: what
    adapters added to its log-prob there, None where none was asked.
    """

    phrase: int
    start: int
    end: int
    adapter: float | None = None


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
            log_probs: [T, 40] phone log-probs of the recording, blank last, or [T, K, 40] of K heads.
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
            agreed = 0.0 if place.adapter is None else place.adapter - options.adapter_usual
            score = evidence + options.adapter_weight * agreed
            best[place.phrase] = max(score, best.get(place.phrase, -math.inf))
        needed = options.threshold + options.clarity_weight * (options.clarity_usual - clarity(log_probs))
        # A short phrase cannot have more evidence than its phones are worth.  (NaN is less than nothing.)
        return {phrase for phrase, score in best.items() if score < min(needed, spotter.most(phrase))}


def clarity(log_probs: np.ndarray) -> float:
    """How clearly a recording is heard: mean log-prob of the phones that are the likeliest labels of their frames.

    Args:
        log_probs: [T, 40] phone log-probs, blank last, or [T, K, 40] of K heads, whose frames all count.

    Returns:
        0 or below; where no phone is likelier than the blank, as little as can be: that of 40 equal labels.
    """
    heard = np.concatenate(hearings(log_probs))
    phones = heard[heard.argmax(axis=1) != BLANK] if len(heard) else heard
    return float(phones.max(axis=1).mean()) if len(phones) else -math.log(BLANK + 1)
