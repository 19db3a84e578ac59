"""HotwordBeamDecoder: pyctcdecode's decoder interface over our search, with adaptive phrase boosting.

Same `decode` / `decode_beams` / `decode_batch` calls, alphabet and language model objects as pyctcdecode 0.5.0.
Differences: hotwords may be phrases with weights and display forms (any `BiasList`), and hypotheses are
distinct token sequences while searching (pyctcdecode merges equal text); equal texts are joined at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from nemo_ctcbias.bias_list import BiasList, Phrase, Vocabulary
from nemo_ctcbias.bias_list.list_length import log_excess
from nemo_ctcbias.bias_list.trie import ROOT
from nemo_ctcbias.errors import BiasListError, MissingDependencyError, ModelError
from nemo_ctcbias.lm.boost_class import BoostClass
from nemo_ctcbias.lm.options import LanguageModelOptions
from nemo_ctcbias.search.beam_search import BeamOptions, BeamSearch, Hypothesis
from nemo_ctcbias.search.biased_beam import BiasedBeam, Timing
from nemo_ctcbias.search.boosting import BoostOptions
from nemo_ctcbias.search.compiled_bias import Barred, CompiledBias
from nemo_ctcbias.search.word_scorer import WordLanguageModel, WordScorer

try:
    from pyctcdecode import Alphabet, BeamSearchDecoderCTC, LanguageModel
    from pyctcdecode.alphabet import UNK_BPE_TOKEN
    from pyctcdecode.constants import DEFAULT_HOTWORD_WEIGHT
except ImportError as error:
    raise MissingDependencyError(
        "hotword decoding needs pyctcdecode: pip install 'nemo-ctcbias[pyctcdecode]', or in an environment "
        "with numpy 2: pip install --no-deps pyctcdecode==0.5.0 pygtrie"
    ) from error


LM_DEFAULTS = LanguageModelOptions()


class HotwordBeamDecoder(BeamSearchDecoderCTC):
    """Beam search with adaptive boosting of listed phrases behind pyctcdecode's interface.

    Args:
        alphabet, language_model: pyctcdecode's own objects.
        vocabulary: how phrases are spelled in tokens; taken from the alphabet if not given.
        boost, beam: see `BoostOptions` and `BeamOptions`.
        alternatives: token sequences tried for each phrase (the tokenizer's own and the next shortest).
        class_weight: in-class weight of listed words in a KenLM language model, see `nemo_ctcbias.lm.boost_class`;
            None scores them as any other word.
        class_list_cost: by how much that weight falls with the length of the list, see `LanguageModelOptions`.
        boost_share: share of the boosting that stays where they are in that class, see `LanguageModelOptions`.
    """

    def __init__(
        self,
        alphabet: Alphabet,
        language_model: Any = None,
        vocabulary: Vocabulary | None = None,
        boost: BoostOptions = BoostOptions(),
        beam: BeamOptions = BeamOptions(),
        alternatives: int = 4,
        class_weight: float | None = LM_DEFAULTS.class_weight,
        class_list_cost: float = LM_DEFAULTS.class_list_cost,
        boost_share: float = LM_DEFAULTS.boost_share,
    ):
        super().__init__(alphabet, language_model)
        labels = alphabet.labels
        self._blank = labels.index("")
        pieces = labels[: self._blank] + labels[self._blank + 1 :]
        pieces = ["<unk>" if piece == UNK_BPE_TOKEN else piece for piece in pieces]  # spells nothing
        self.vocabulary = vocabulary or Vocabulary(pieces)
        self.boost, self.beam = boost, beam
        self.alternatives, self.boost_share = alternatives, boost_share
        self.class_weight, self.class_list_cost = class_weight, class_list_cost
        self._remember()

    def _remember(self) -> None:
        self.compile = lru_cache(maxsize=32)(self._compile)

    def _compile(self, bias_list: BiasList) -> CompiledBias:
        compiled = CompiledBias(bias_list, self.vocabulary, self.alternatives)
        self._language_model_for(compiled)  # so that no utterance waits for the list's words
        return compiled

    def __getstate__(self) -> dict:
        """Everything but the cache of compiled lists: pools of processes send the decoder around."""
        return {name: value for name, value in self.__dict__.items() if name != "compile"}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._remember()

    @classmethod
    def from_vocabulary(cls, vocabulary: Vocabulary, language_model: Any = None, **settings: Any) -> HotwordBeamDecoder:
        """Decoder for log-probs whose columns are the vocabulary's pieces and then the blank."""
        alphabet = Alphabet([*vocabulary.pieces, ""], vocabulary.kind == "bpe")
        return cls(alphabet, language_model, vocabulary, **settings)

    @classmethod
    def from_labels(cls, labels: Sequence[str], language_model: Any = None, **settings: Any) -> HotwordBeamDecoder:
        """Decoder for pyctcdecode-style labels (blank as "", anywhere)."""
        return cls(Alphabet.build_alphabet(list(labels)), language_model, **settings)

    def decode_beams(
        self,
        logits: np.ndarray,
        beam_width: int | None = None,
        beam_prune_logp: float | None = None,
        token_min_logp: float | None = None,
        prune_history: bool = False,
        hotwords: BiasList | Iterable[str | Phrase] | None = None,
        hotword_weight: float | None = None,
        lm_start_state: Any = None,
        base_log_probs: np.ndarray | None = None,
        heard: np.ndarray | None = None,
        barred: Sequence[Barred] = (),
        limit: int | None = None,
    ) -> list[BiasedBeam]:
        """Hypotheses of the final beam, best first.

        Args:
            logits: [T, V + 1] log-probs, logits or probabilities.
            beam_width, beam_prune_logp, token_min_logp: see `BeamOptions`; None takes the decoder's own.
            prune_history: accepted for compatibility; the search keeps token histories apart.
            hotwords: listed phrases.
            hotword_weight: strength on pyctcdecode's scale: 10 is the decoder's own strength, 0 is off.
            lm_start_state: of the language model; its state before the first word if None.
            base_log_probs: [T, V + 1] log-probs, blank last, of the model without adapters, where `logits` are those
                of the model with them; hits then tell what the adapters did.
            heard: [N] factors on the hotwords' weights in this recording, 0 for those that are not listened for
                (`nemo_ctcbias.phones.spotting`).
            barred: (phrase, first frame, last frame + 1): where a phrase is not boosted, though it is elsewhere.
            limit: how many to return; None: all.

        Raises:
            ValueError: if the shape of `logits` does not fit the alphabet.
            BiasListError: if the list cannot be read.
            ModelError: if log-probs are not numbers (NaN).
        """
        logits = np.asarray(logits)
        self._check_logits_dimension(logits)
        log_probs = self._log_probs(logits)
        given = {"beam_width": beam_width, "beam_prune_logp": beam_prune_logp, "token_min_logp": token_min_logp}
        options = replace(self.beam, **{name: value for name, value in given.items() if value is not None})
        boost = self.boost
        if hotword_weight is not None:
            boost = replace(boost, weight=self.boost.weight * float(hotword_weight) / DEFAULT_HOTWORD_WEIGHT)
        compiled = self.compile(as_bias_list(hotwords if boost.weight else None))
        if heard is not None and len(compiled.bias_list):
            compiled = compiled.heard(heard)
        language_model = self._language_model_for(compiled)
        if isinstance(language_model, BoostClass):
            boost = replace(boost, weight=boost.weight * self.boost_share)
        scorer = None
        if language_model is not None:
            scorer = WordScorer(language_model, self.vocabulary.pieces, self.vocabulary.starts_word, lm_start_state)
        muted = compiled.muted(barred, len(log_probs))
        hypotheses = self._search(log_probs, compiled, options, boost, scorer, muted)
        best = self._joined(hypotheses)[:limit]
        timings = (Timing(log_probs, one.tokens, self.vocabulary.pieces, base_log_probs) for _, one in best)
        beams = [
            BiasedBeam.of(one, timing, compiled, boost.weight, text)
            for (text, one), timing in zip(best, timings, strict=True)
        ]
        if isinstance(language_model, BoostClass):
            return [beam.in_class(language_model, lm_start_state) for beam in beams]
        return beams

    def decode(
        self,
        logits: np.ndarray,
        beam_width: int | None = None,
        beam_prune_logp: float | None = None,
        token_min_logp: float | None = None,
        hotwords: BiasList | Iterable[str | Phrase] | None = None,
        hotword_weight: float | None = None,
        lm_start_state: Any = None,
    ) -> str:
        """Text of the best hypothesis; see `decode_beams`."""
        settings = (beam_width, beam_prune_logp, token_min_logp, True, hotwords, hotword_weight, lm_start_state)
        return self.decode_beams(logits, *settings, limit=1)[0].text

    def decode_batch(
        self,
        pool: Any,
        logits_list: Sequence[np.ndarray],
        beam_width: int | None = None,
        beam_prune_logp: float | None = None,
        token_min_logp: float | None = None,
        hotwords: BiasList | Iterable[str | Phrase] | None = None,
        hotword_weight: float | None = None,
    ) -> list[str]:
        """Best text of each, in the processes of `pool` (of a fork context; None for this process)."""
        # pyctcdecode's own would hand on its defaults in place of this decoder's.
        return super().decode_batch(
            pool, logits_list, beam_width, beam_prune_logp, token_min_logp, as_bias_list(hotwords), hotword_weight
        )

    def decode_beams_batch(
        self,
        pool: Any,
        logits_list: Sequence[np.ndarray],
        beam_width: int | None = None,
        beam_prune_logp: float | None = None,
        token_min_logp: float | None = None,
        prune_history: bool = False,
        hotwords: BiasList | Iterable[str | Phrase] | None = None,
        hotword_weight: float | None = None,
    ) -> list[list[tuple]]:
        """Beams of each as (text, text_frames, logit_score, lm_score), as pyctcdecode returns them from processes."""
        settings = (beam_width, beam_prune_logp, token_min_logp, prune_history, as_bias_list(hotwords), hotword_weight)
        batch = super().decode_beams_batch(pool, logits_list, *settings)
        return [[(text, list(frames), *scores) for text, frames, *scores in beams] for beams in batch]

    def _search(self, log_probs, compiled, options, boost, scorer, muted) -> list[Hypothesis]:
        vocabulary, separator = self.vocabulary, self.vocabulary.separator_id
        search = BeamSearch(
            vocabulary.starts_word,
            options,
            boost,
            compiled.trie if compiled.active else None,
            skipped=tuple(vocabulary.unknown_ids),
            initial_state=ROOT if separator is None else compiled.trie.step(ROOT, separator),
            free_depth=1 if separator is None else 2,
        )
        return search.search(log_probs, scorer, muted)

    def _language_model_for(self, compiled: CompiledBias) -> WordLanguageModel | None:
        """The language model; where it is a KenLM one, with the list in its BOOST class."""
        model = self._language_model
        if self.class_weight is None or not compiled.active or not isinstance(model, LanguageModel):
            return model
        listed = self.class_list_cost * log_excess(compiled.trie.phrases, self.boost.free_list)
        return BoostClass(model, compiled.words, self.class_weight - listed)

    def _joined(self, hypotheses: list[Hypothesis]) -> list[tuple[str, Hypothesis]]:
        """Texts and hypotheses, best first; those of equal text are one (their probabilities add up)."""
        joined: dict[str, Hypothesis] = {}
        for hypothesis in hypotheses:
            text = self.vocabulary.decode(hypothesis.tokens)
            first = joined.get(text)
            if first is not None:
                hypothesis = replace(first, acoustic=float(np.logaddexp(first.acoustic, hypothesis.acoustic)))
            joined[text] = hypothesis
        return sorted(joined.items(), key=lambda one: (-one[1].score, one[1].tokens))

    def _log_probs(self, logits: np.ndarray) -> np.ndarray:
        """Natural log-probs float64 [T, V + 1] with the blank last."""
        logits = logits.astype(np.float64)
        if self._blank != logits.shape[1] - 1:
            logits = np.concatenate([np.delete(logits, self._blank, axis=1), logits[:, [self._blank]]], axis=1)
        if len(logits) and (logits >= 0).all() and np.allclose(logits.sum(axis=1), 1, atol=1e-3):
            with np.errstate(divide="ignore"):
                return np.log(logits)
        with np.errstate(invalid="ignore"):
            log_probs = logits - logits.max(axis=1, keepdims=True)
            log_probs -= np.log(np.exp(log_probs).sum(axis=1, keepdims=True))
        broken = np.flatnonzero(np.isnan(log_probs).any(axis=1))
        if len(broken):
            raise ModelError(
                f"frame {broken[0]}: the model's log-probs are not numbers; run it in full precision, where nothing "
                "overflows, or check its weights"
            )
        return log_probs


def as_bias_list(hotwords: BiasList | Iterable[str | Phrase] | None) -> BiasList:
    """Hotwords as a bias list; a bare string would be read letter by letter, so it is refused."""
    if isinstance(hotwords, str):
        raise BiasListError(f"hotwords: expected a list of phrases, got the string {hotwords!r}; pass [{hotwords!r}]")
    return hotwords if isinstance(hotwords, BiasList) else BiasList(hotwords or ())
