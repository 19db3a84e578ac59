"""The beam search with a list and a language model: log-probs to hypotheses with their hits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.bias_list.trie import ROOT
from nemo_ctcbias.bias_list.vocabulary import WORD_START
from nemo_ctcbias.lm.boost_class import BoostClass
from nemo_ctcbias.lm.options import BOOST_SHARE, CLASS_PRIOR, CLASS_WEIGHT
from nemo_ctcbias.lm.spoken_words import SpokenWords
from nemo_ctcbias.search.beam_search import BeamOptions, BeamSearch
from nemo_ctcbias.search.boosting import BoostOptions
from nemo_ctcbias.search.list_search import ListSearch
from nemo_ctcbias.search.result import BiasedBeam
from nemo_ctcbias.search.search_list import SearchList
from nemo_ctcbias.search.word_scorer import WordLanguageModel


class BiasedSearch:
    """Adaptive subword boosting and unigram boosting in one beam search.

    Args:
        language_model: of words, None for none.
        boost, beam: see `BoostOptions` and `BeamOptions`.
        class_weight: in-class weight of listed words in a KenLM language model, see `nemo_ctcbias.lm.boost_class`;
            None scores them as any other word.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        language_model: WordLanguageModel | None = None,
        boost: BoostOptions = BoostOptions(),
        beam: BeamOptions = BeamOptions(),
        class_weight: float | None = CLASS_WEIGHT,
    ):
        self.vocabulary, self.language_model = vocabulary, language_model
        self.boost, self.beam, self.class_weight = boost, beam, class_weight
        self._is_kenlm = _is_kenlm(language_model)

    def beams(
        self,
        log_probs: np.ndarray,
        listed: SearchList,
        weight: float = 1.0,
        prior: float = 0.0,
        base_log_probs: np.ndarray | None = None,
        lm_start_state: Any = None,
        beam: BeamOptions | None = None,
        limit: int | None = None,
    ) -> list[BiasedBeam]:
        """Hypotheses of the final beam, best first.

        Args:
            log_probs: [T, V + 1], natural logs, blank last.
            weight: of the boosting, times that of `boost`; 0 is off.
            prior: what each listed phrase must earn besides, for the length of the list.
            base_log_probs: [T, V + 1] of the model without adapters, where `log_probs` are those with them; hits then
                tell what the adapters did.
            lm_start_state: of the language model; its state before the first word if None.
            beam: in place of the search's own.
            limit: how many to return; None: all.

        Raises:
            ModelError: if log-probs are not numbers (NaN).
        """
        search = self.of(listed, weight, prior, lm_start_state, beam)
        state = search.start()
        search.advance(state, log_probs)
        return search.finish(state, log_probs, base_log_probs, limit)

    def of(
        self,
        listed: SearchList,
        weight: float = 1.0,
        prior: float = 0.0,
        lm_start_state: Any = None,
        beam: BeamOptions | None = None,
        lag: int | None = None,
        greedy: bool = False,
    ) -> ListSearch:
        """The search made ready for a list; the arguments as in `beams`, and more for streams.

        Args:
            lag: as in `BeamSearch`.
            greedy: follow the best token of each frame, without boosting or language model.
        """
        boost = replace(self.boost, weight=0.0 if greedy else self.boost.weight * weight)
        model = None if greedy else self.language_model
        acting = listed.active and boost.weight > 0
        if acting and self._is_kenlm and self.class_weight is not None:
            model = BoostClass(model, listed.words, self.class_weight - CLASS_PRIOR * prior)
            boost = replace(boost, weight=boost.weight * BOOST_SHARE)
        vocabulary, separator = self.vocabulary, self.vocabulary.separator_id
        # The start of a text counts as a space: what is written there reads the same without one.
        space = vocabulary.piece_ids.get(WORD_START) if separator is None else separator
        search = BeamSearch(
            vocabulary.starts_word,
            beam or self.beam,
            boost,
            listed.trie if acting else None,
            skipped=tuple(vocabulary.unknown_ids),
            initial_state=listed.trie.step(ROOT, space) if acting and space is not None else ROOT,
            free_depth=1 if separator is None else 2,
            phrase_cost=prior,
            following=vocabulary.following,
            lag=lag,
        )
        asked = SpokenWords.of(model) if model is not None and self._is_kenlm else model
        classes = isinstance(model, BoostClass)
        return ListSearch(search, vocabulary, listed, boost.weight, prior, asked, classes, lm_start_state, greedy)


def _is_kenlm(model: Any) -> bool:
    """Whether it stands around a KenLM file, which has a class of listed words: ours, or pyctcdecode's."""
    return hasattr(model, "_kenlm_model")
