"""Does a listed phrase sound right where it was written?  Where it does not, it is not listened for again.

Detection asks before the search whether a phrase can be heard anywhere.  What the search then writes may stand
elsewhere, or in place of a word that sounds alike: the same score, asked again at that place, gives away much that was
invented.  Where a contextual adapter was asked, it is a second witness of the same kind: what it adds to the phrase's
log-prob there is a log-likelihood ratio, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nemo_ctcbias.phones.hearing import Hearing, between
from nemo_ctcbias.phones.score import PHONE_PRIOR, PhraseScores

THRESHOLD = 4.0  # the default of `biasing.phonetics.verification_threshold`
ADAPTER_WEIGHT = 0.5  # of the adapter's opinion: it has heard the same encoder, and so is no independent witness
# Times the prior of a long list. Frames are no independent witnesses either: by a logistic regression on what was
# written rightly and wrongly, a score is worth less than half of what it says.
PRIOR_WEIGHT = 1.5
SLACK = 2  # frames of the encoder by which a place is widened at both ends, words being vague about them


@dataclass(frozen=True)
class Place:
    """Where a phrase of the list was written.

    phrase: its index in the list; start, end: the encoder's first frame and last frame + 1; adapter: what
    adapters added to its log-prob there.
    """

    phrase: int
    start: int
    end: int
    adapter: float = 0.0


def stands(
    place: Place, heard: Sequence[Hearing], scores: PhraseScores, threshold: float = THRESHOLD, prior: float = 0.0
) -> bool:
    """Whether a phrase stands at a place; one that nobody can pronounce always does.

    A short phrase cannot score more than its phones are worth: all but one of them are enough.

    Args:
        place: in a hypothesis.
        heard: of the recording by each witness, see `PhraseScores.best`.
        scores: of the list.
        threshold: what score and adapter together must exceed the prior by.
        prior: of one phrase of the list, `list_cost * log_excess(N)`.

    Raises:
        PhoneticsError: log-probs of another shape.
    """
    score = scores.at(place.phrase, between(heard, place.start - SLACK, place.end + SLACK))
    needed = threshold + PRIOR_WEIGHT * prior - ADAPTER_WEIGHT * place.adapter
    return bool(np.isnan(score) or score >= min(needed, PHONE_PRIOR * (scores.phones(place.phrase) - 1)))
