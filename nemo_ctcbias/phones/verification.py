"""Does a listed phrase sound right where it was written?  Where it does not, it is not listened for again.

Spotting asks before the search whether a phrase can be heard anywhere.  What the search then writes may stand
elsewhere, or in place of a word that sounds alike: asked again at that place, much that it invented gives itself away,
above all what an ordinary word fits better.
Where a recording is heard unclearly, no phone is far from any other, and everything sounds a little like everything:
more evidence is asked for there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.number_settings import check_numbers
from nemo_ctcbias.phones.alignment import hearings
from nemo_ctcbias.phones.common_words import CommonWords
from nemo_ctcbias.phones.phones import BLANK
from nemo_ctcbias.phones.rivals import Rivals
from nemo_ctcbias.phones.spotting import Spotting


@dataclass(frozen=True)
class VerificationOptions:
    """Settings of the verification.  A phrase that was written stands if, at one of its places,

        e + adapter_weight * (g - adapter_usual) + rival_weight * min(e - r, 0)
            >= min(threshold + clarity_weight * (clarity_usual - c), m)

    with the evidence e of spotting (`SpottingOptions`) in the frames of that place, m that of a phrase without a flaw,
    g, what adapters added to its log-prob there (no such term where no adapter acts), r, the evidence there for the
    ordinary word that is heard best (`Rivals`), less what e loses in a long list (no such term where no word is known
    to be ordinary), and c, how clearly the recording is heard (`clarity`).

    threshold: with less, the recording is decoded again without the phrase; lower ones let more stand.
    clarity_weight: how much more evidence is asked for where less is heard clearly.
    clarity_usual: clarity of a recording for which `threshold` is meant.
    adapter_weight: what the adapter's opinion counts beside the phones.
    adapter_usual: what it adds to a phrase of which it thinks neither well nor ill.
    rivals: ordinary words that are compared, the most common ones of the language model; 0: none.
    rival_weight: what a phrase loses for every unit of evidence that one of them has more.
    slack: frames of the phone head by which a place is widened at both ends, words being vague about them.
    """

    threshold: float = 5.0
    clarity_weight: float = 20.0
    clarity_usual: float = -0.35
    adapter_weight: float = 0.5
    adapter_usual: float = 3.0
    rivals: int = 2000
    rival_weight: float = 2.0
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
    """Finds out where listed phrases do not sound like what was said.

    Args:
        spotting: what evidence is, and how the phrases of lists sound.
        options: see `VerificationOptions`.
        common: which words are ordinary ones; None: nobody knows.
    """

    def __init__(
        self,
        spotting: Spotting,
        options: VerificationOptions = VerificationOptions(),
        common: CommonWords | None = None,
    ):
        self.spotting, self.options, self._common = spotting, options, common

    @cached_property
    def rivals(self) -> Rivals | None:
        """The ordinary words; None without any."""
        words = self._common.most_common(self.options.rivals) if self._common is not None else []
        return Rivals(words, self.spotting) if words else None

    def get_ready(self, bias_list: BiasList) -> None:
        """Work out how the phrases and their rivals sound; else it is done with the first doubt."""
        self.spotting.spotter(bias_list)
        _ = self.rivals

    def doubtful(self, log_probs: np.ndarray, bias_list: BiasList, places: Iterable[Place]) -> list[Place]:
        """The places at which a phrase does not stand; those that nobody can pronounce always stand.

        Args:
            log_probs: [T, 40] phone log-probs of the recording, blank last, or [T, K, 40] of K heads.
            bias_list: the user's.
            places: of listed phrases in a hypothesis.

        Raises:
            PhoneticsError: log-probs of another shape.
        """
        spotter, options = self.spotting.spotter(bias_list), self.options
        needed = options.threshold + options.clarity_weight * (options.clarity_usual - clarity(log_probs))
        # A short phrase cannot have more evidence than its phones are worth.  (NaN is less than nothing.)
        return [
            place
            for place in places
            if self._score(place, log_probs, bias_list) < min(needed, spotter.most(place.phrase))
        ]

    def _score(self, place: Place, log_probs: np.ndarray, bias_list: BiasList) -> float:
        """What speaks for a place; NaN if nobody can pronounce the phrase."""
        options = self.options
        frames = log_probs[max(place.start - options.slack, 0) : place.end + options.slack]
        evidence = self.spotting.spotter(bias_list).evidence_of(place.phrase, frames)
        score = evidence
        if place.adapter is not None:
            score += options.adapter_weight * (place.adapter - options.adapter_usual)
        if self.rivals is not None and np.isfinite(evidence):
            phrase = bias_list[place.phrase]
            # Words have no long list to be one of; of a short list each phrase is likelier than a word.
            enough = evidence + max(self.spotting.options.chance(len(bias_list)), 0.0)
            rival = self.rivals.evidence(frames, (phrase.text, *phrase.forms), least=enough)
            score -= options.rival_weight * max(rival - enough, 0.0)
        return score


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
