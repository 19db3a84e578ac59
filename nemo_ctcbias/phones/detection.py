"""Keyword detection: which listed phrases can be heard in a recording at all, by their sound.

The paper's techniques ask how a phrase sounds only after the search.  Asked before, the same phones make a long list
short: of a hundred phrases that are not spoken about ten are left, and what is left is believed the more, the better it
is heard.  The longer the list, the more of it sounds like something else by chance, so the more is asked for; of a few
phrases, little.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nemo_ctcbias.bias_list import Note
from nemo_ctcbias.phones.hearing import Hearing
from nemo_ctcbias.phones.score import PhraseScores

THRESHOLD = 0.0  # the default of `biasing.phonetics.detection_threshold`
# Times the prior of a long list: frames are no independent witnesses, and a score is worth less than half of what it
# says (see `confidence`); here, where only what is surely not said is to be left out, not all of that is asked.
PRIOR_WEIGHT = 1.5
# What was detected acts with 1 + SLOPE * (score - USUAL) times its weight, within bounds: the clearer, the stronger.
USUAL, SLOPE = 5.0, 0.05
LEAST, MOST = 0.5, 2.0


def detect(scores: PhraseScores, heard: Sequence[Hearing], threshold: float, prior: float) -> np.ndarray:
    """Factor on each phrase's weight in this recording [N]: 0 for those that are not listened for.

    Args:
        scores: of the list; phrases without a score are always listened for.
        heard: by each witness, see `PhraseScores.best`.
        threshold: what a score must exceed its prior by.
        prior: of one phrase of the list, `list_cost * log_length(N)`.
    """
    prior *= PRIOR_WEIGHT
    found = scores.best(heard, least=threshold + prior) - prior
    factors = np.clip(1 + SLOPE * (found - USUAL), LEAST, MOST)
    return np.where(np.isnan(found), 1.0, np.where(found >= threshold, factors, 0.0))


def too_short(scores: PhraseScores, threshold: float, prior: float) -> Iterator[Note]:
    """A note for each phrase that cannot be detected, however clearly it is said."""
    bias_list = scores.bias_list
    for index in np.flatnonzero(scores.most() < threshold + PRIOR_WEIGHT * prior).tolist():
        phones = scores.phones(index)
        reason = f"is never heard: {phones} phones are too few in a list of {len(bias_list)}"
        remedy = "list a longer phrase, or lower biasing.phonetics.detection_threshold"
        yield Note(bias_list.where(index), bias_list[index].text, "dropped", reason, remedy)
