"""Greedy decoding of log-probs that an adapter has changed for a list: the best token of each frame, and its hits."""

from __future__ import annotations

import numpy as np

from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.search.alignment import greedy_spans
from nemo_ctcbias.search.beam_search import Hypothesis
from nemo_ctcbias.search.result import BiasedBeam
from nemo_ctcbias.search.search_list import SearchList
from nemo_ctcbias.search.timing import Timing


def greedy_beam(
    log_probs: np.ndarray, listed: SearchList, vocabulary: Vocabulary, base_log_probs: np.ndarray | None = None
) -> BiasedBeam:
    """The one hypothesis where only adapters use the list; its score is the log-prob of the frames' best tokens.

    Args:
        log_probs: [T, V + 1], blank last.
        base_log_probs: as in `BiasedSearch.beams`.
    """
    tokens = tuple(token for token, _, _ in greedy_spans(log_probs))
    hypothesis = Hypothesis(tokens, (0.0,) * len(tokens), float(np.max(log_probs, axis=1).sum()), lm=0.0, boost=0.0)
    timing = Timing(log_probs, tokens, vocabulary.texts, base_log_probs)
    return BiasedBeam.of(hypothesis, timing, listed, vocabulary.decode(tokens), weight=0.0)
