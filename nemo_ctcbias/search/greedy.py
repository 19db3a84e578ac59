"""Greedy decoding of log-probs that an adapter has changed for a list: the best token of each frame, and its hits."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from nemo_ctcbias.bias_list import BiasList, Vocabulary
from nemo_ctcbias.search.alignment import greedy_path, token_spans
from nemo_ctcbias.search.beam_search import Hypothesis
from nemo_ctcbias.search.biased_beam import BiasedBeam, Timing
from nemo_ctcbias.search.compiled_bias import CompiledBias


class GreedyDecoder:
    """Stands in for the search where only adapters use the list; it boosts nothing.

    Args:
        vocabulary: of the model.
        alternatives: token sequences in which a phrase is known, see `nemo_ctcbias.bias_list.spell`.
    """

    def __init__(self, vocabulary: Vocabulary, alternatives: int = 4):
        self.vocabulary = vocabulary
        self.compile = lru_cache(maxsize=32)(lambda one: CompiledBias(one, vocabulary, alternatives))

    def decode_beams(
        self,
        log_probs: np.ndarray,
        hotwords: BiasList,
        hotword_weight: float | None = None,
        base_log_probs: np.ndarray | None = None,
        heard: np.ndarray | None = None,
        limit: int | None = None,
    ) -> list[BiasedBeam]:
        """The one hypothesis; its acoustic score is the log-prob of the frames' best tokens.

        Args:
            log_probs: [T, V + 1], blank last.
            hotwords: the list.
            hotword_weight: has acted in the adapters already.
            base_log_probs: as in `HotwordBeamDecoder.decode_beams`.
            heard: has acted in the adapters already.
            limit: as there; one is all there is.
        """
        path = greedy_path(log_probs)
        tokens = tuple(token for token, _, _ in token_spans(path, log_probs.shape[1] - 1))
        acoustic = float(np.max(log_probs, axis=1).sum())
        hypothesis = Hypothesis(tokens, (0.0,) * len(tokens), acoustic, lm=0.0, boost=0.0)
        timing = Timing(log_probs, tokens, self.vocabulary.pieces, base_log_probs)
        text = self.vocabulary.decode(tokens)
        return [BiasedBeam.of(hypothesis, timing, self.compile(hotwords), 0.0, text)]
