"""The beam search with a list and a language model: log-probs to hypotheses with their hits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.bias_list.trie import ROOT
from nemo_ctcbias.bias_list.vocabulary import WORD_START
from nemo_ctcbias.lm.boost_class import BoostClass
from nemo_ctcbias.lm.options import BOOST_SHARE, CLASS_PRIOR, CLASS_WEIGHT
from nemo_ctcbias.lm.spoken_words import SpokenWords
from nemo_ctcbias.search.beam_search import BeamOptions, BeamSearch, Hypothesis
from nemo_ctcbias.search.boosting import BoostOptions
from nemo_ctcbias.search.log_probs import numbers
from nemo_ctcbias.search.result import BiasedBeam
from nemo_ctcbias.search.search_list import SearchList
from nemo_ctcbias.search.timing import Timing
from nemo_ctcbias.search.word_scorer import WordLanguageModel, WordScorer


class BiasedSearch:
    """Adaptive subword boosting and unigram boosting in one beam search.

    Args:
        vocabulary: of the model.
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
            listed: what is listened for.
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
        log_probs = numbers(log_probs)
        boost, model = replace(self.boost, weight=self.boost.weight * weight), self.language_model
        acting = listed.active and boost.weight > 0
        if acting and self._is_kenlm and self.class_weight is not None:
            model = BoostClass(model, listed.words, self.class_weight - CLASS_PRIOR * prior)
            boost = replace(boost, weight=boost.weight * BOOST_SHARE)
        vocabulary, separator = self.vocabulary, self.vocabulary.separator_id
        asked = SpokenWords.of(model) if self._is_kenlm else model
        scorer = asked and WordScorer(asked, vocabulary.texts, vocabulary.starts_word, lm_start_state)
        # The start of a text counts as a space: what is written there reads the same without one.
        space = vocabulary.piece_ids.get(WORD_START) if separator is None else separator
        search = BeamSearch(
            vocabulary.starts_word,
            beam or self.beam,
            boost,
            listed.trie if acting else None,
            skipped=tuple(vocabulary.unknown_ids),
            initial_state=ROOT if space is None else listed.trie.step(ROOT, space),
            free_depth=1 if separator is None else 2,
            phrase_cost=prior,
            following=vocabulary.following,
        )
        hypotheses = search.search(log_probs, scorer)
        if acting and not (log_probs[:, :-1] >= log_probs[:, -1:]).any():
            # Nothing is heard in any frame: not for a list the less likely token of one among many frames of hiss.
            hypotheses = [one for one in hypotheses if not one.tokens] or hypotheses
        best = self._joined(hypotheses)[:limit]
        found = []
        for text, one in best:
            timing = Timing(log_probs, one.tokens, vocabulary.texts, base_log_probs)
            found.append(BiasedBeam.of(one, timing, listed, text, boost.weight, prior))
        return [one.in_class(asked, lm_start_state) for one in found] if isinstance(model, BoostClass) else found

    def _joined(self, hypotheses: Sequence[Hypothesis]) -> list[tuple[str, Hypothesis]]:
        """Texts and hypotheses, best first; those of equal text are one (their probabilities add up)."""
        joined: dict[str, Hypothesis] = {}
        for hypothesis in hypotheses:
            text = self.vocabulary.decode(hypothesis.tokens)
            first = joined.get(text)
            if first is not None:
                hypothesis = replace(first, acoustic=float(np.logaddexp(first.acoustic, hypothesis.acoustic)))
            joined[text] = hypothesis
        return sorted(joined.items(), key=lambda one: (-one[1].score, one[1].tokens))


def _is_kenlm(model: Any) -> bool:
    """Whether it stands around a KenLM file, which has a class of listed words: ours, or pyctcdecode's."""
    return hasattr(model, "_kenlm_model")
