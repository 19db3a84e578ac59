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

from nemo_ctcbias.bias_list import BiasList, Phrase, Vocabulary, spell
from nemo_ctcbias.bias_list.list_length import LIST_COST, log_excess
from nemo_ctcbias.bias_list.report import announce
from nemo_ctcbias.errors import BiasListError, MissingDependencyError
from nemo_ctcbias.lm.options import CLASS_WEIGHT
from nemo_ctcbias.search.beam_search import BeamOptions
from nemo_ctcbias.search.biased_search import BiasedSearch
from nemo_ctcbias.search.boosting import BoostOptions
from nemo_ctcbias.search.log_probs import checked
from nemo_ctcbias.search.result import BiasedBeam
from nemo_ctcbias.search.search_list import SearchList

try:
    from pyctcdecode import Alphabet, BeamSearchDecoderCTC
    from pyctcdecode.alphabet import UNK_BPE_TOKEN
    from pyctcdecode.constants import DEFAULT_HOTWORD_WEIGHT
except ImportError as error:
    raise MissingDependencyError(
        "hotword decoding needs pyctcdecode: pip install 'nemo-ctcbias[pyctcdecode]', or in an environment "
        "with numpy 2: pip install --no-deps pyctcdecode==0.5.0 pygtrie"
    ) from error

KEPT_LISTS = 8  # compiled ones, the last used


class HotwordBeamDecoder(BeamSearchDecoderCTC):
    """Beam search with adaptive boosting of listed phrases behind pyctcdecode's interface.

    Args:
        alphabet, language_model: pyctcdecode's own objects.
        vocabulary: how phrases are spelled in tokens; taken from the alphabet if not given.
        boost, beam: see `BoostOptions` and `BeamOptions`.
        alternatives: token sequences tried for each phrase (the tokenizer's own and the next shortest).
        class_weight: in-class weight of listed words in a KenLM language model, see `nemo_ctcbias.lm.boost_class`;
            None scores them as any other word.
        list_cost: of long lists, see `nemo_ctcbias.bias_list.list_length`.
    """

    def __init__(
        self,
        alphabet: Alphabet,
        language_model: Any = None,
        vocabulary: Vocabulary | None = None,
        boost: BoostOptions = BoostOptions(),
        beam: BeamOptions = BeamOptions(),
        alternatives: int = 4,
        class_weight: float | None = CLASS_WEIGHT,
        list_cost: float = LIST_COST,
    ):
        super().__init__(alphabet, language_model)
        labels = alphabet.labels
        self._blank = labels.index("")
        pieces = labels[: self._blank] + labels[self._blank + 1 :]
        pieces = ["<unk>" if piece == UNK_BPE_TOKEN else piece for piece in pieces]  # spells nothing
        self.vocabulary = vocabulary or Vocabulary(pieces)
        self.search = BiasedSearch(self.vocabulary, language_model, boost, beam, class_weight)
        self.alternatives, self.list_cost = alternatives, list_cost
        self._remember()

    def _remember(self) -> None:
        self.compile = lru_cache(maxsize=KEPT_LISTS)(self._compile)

    def _compile(self, bias_list: BiasList) -> SearchList:
        spelled = spell(bias_list, self.vocabulary, self.alternatives)
        announce(spelled.notes)  # wherever a list comes from, no phrase is lost silently
        return SearchList(spelled, self.vocabulary)

    def __getstate__(self) -> dict:
        """Everything but the cache of compiled lists: pools of processes send the decoder around."""
        return {name: value for name, value in self.__dict__.items() if name != "compile"}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        BeamSearchDecoderCTC.model_container[self._model_key] = self.search.language_model  # pyctcdecode's, by process
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
        limit: int | None = None,
    ) -> list[BiasedBeam]:
        """Hypotheses of the final beam, best first.

        Args:
            logits: [T, V + 1] log-probs, logits or probabilities.
            beam_width, beam_prune_logp, token_min_logp: see `BeamOptions`; None takes the decoder's own.
            prune_history: accepted for compatibility; the search keeps token histories apart.
            hotword_weight: strength on pyctcdecode's scale: 10 is the decoder's own strength, 0 is off.
            lm_start_state: of the language model; its state before the first word if None.
            limit: how many to return; None: all.

        Raises:
            ValueError: if the shape of `logits` does not fit the alphabet.
            BiasListError: if the list cannot be read.
            ModelError: if log-probs are not numbers (NaN).
        """
        logits = np.asarray(logits)
        self._check_logits_dimension(logits)
        log_probs = checked(logits, self._blank)
        given = {"beam_width": beam_width, "beam_prune_logp": beam_prune_logp, "token_min_logp": token_min_logp}
        weight = 1.0 if hotword_weight is None else float(hotword_weight) / DEFAULT_HOTWORD_WEIGHT
        listed = self.compile(as_bias_list(hotwords if weight else None))
        return self.search.beams(
            log_probs,
            listed,
            weight=weight,
            prior=self.list_cost * log_excess(len(listed.bias_list)),
            lm_start_state=lm_start_state,
            beam=replace(self.search.beam, **{name: value for name, value in given.items() if value is not None}),
            limit=limit,
        )

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


def as_bias_list(hotwords: BiasList | Iterable[str | Phrase] | None) -> BiasList:
    """Hotwords as a bias list; a bare string would be read letter by letter, so it is refused."""
    if isinstance(hotwords, str):
        raise BiasListError(f"hotwords: expected a list of phrases, got the string {hotwords!r}; pass [{hotwords!r}]")
    return hotwords if isinstance(hotwords, BiasList) else BiasList(hotwords or ())
