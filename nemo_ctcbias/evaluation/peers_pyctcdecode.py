"""pyctcdecode's own hotwords: as shipped, and the same search with its matching cached, which writes the same text."""

from __future__ import annotations

import re
from typing import Any, ClassVar
from unittest import mock

from nemo_ctcbias.errors import MissingDependencyError, SettingError
from nemo_ctcbias.evaluation.cased_phrases import cased_phrases
from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.evaluation.systems import Context, Phrases, Setting, System
from nemo_ctcbias.nemo.vocabulary import head_of


class PyctcdecodeHotwords(System):
    """pyctcdecode 0.5.0 without a language model, its own `hotwords`, default pruning.

    Each step matches one pattern of all hotwords against the text of every beam, so that the time grows linearly with
    the list: from 100 words on a subset is measured, from 1,000 nothing. `pyctcdecode-cached` stands in there.
    """

    name = "pyctcdecode"
    grid = tuple({"hotword_weight": weight} for weight in (1.0, 3.0, 6.0, 10.0, 15.0))
    default: ClassVar[Setting] = {"hotword_weight": 10.0}
    slow_from: int | None = 100
    never_from: int | None = 1000
    tuned_by: str | None = "pyctcdecode-cached"

    def prepare(self, context: Context) -> None:
        """A decoder over the model's tokens and the blank."""
        try:
            import pyctcdecode
            from pyctcdecode.constants import DEFAULT_BEAM_WIDTH
        except ImportError as error:
            raise MissingDependencyError(
                "pyctcdecode is not installed: pip install 'nemo-ctcbias[pyctcdecode]', or in an environment with "
                "numpy 2: pip install --no-deps pyctcdecode==0.5.0 pygtrie"
            ) from error
        alphabet = pyctcdecode.Alphabet.build_alphabet([*head_of(context.model).vocabulary, ""])
        self._decoder = pyctcdecode.BeamSearchDecoderCTC(alphabet, self._language_model(context))
        self._beam_width = context.beam_width or DEFAULT_BEAM_WIDTH
        self._pieces = head_of(context.model).vocabulary

    def build(self, phrases: Phrases, setting: Setting) -> Any:
        """The phrases in the cases that the model writes."""
        return tuple(cased_phrases(phrases, self._pieces))

    def _language_model(self, context: Context) -> Any:
        return None

    def decode(self, item: Item, bias: Any, setting: Setting) -> str:
        """pyctcdecode's best text; its pattern of all hotwords is compiled within."""
        return self._decoder.decode(item.log_probs, beam_width=self._beam_width, hotwords=list(bias), **setting)


class PyctcdecodeCached(PyctcdecodeHotwords):
    """The same decoder, whose hotword scores are looked up instead of matched anew: same text, usable at any size."""

    name = "pyctcdecode-cached"
    slow_from = None
    never_from = None
    tuned_by = None

    def build(self, phrases: Phrases, setting: Setting) -> Any:
        """Words and character trie of the list, as pyctcdecode makes them."""
        from pygtrie import CharTrie

        words = sorted((word for phrase in super().build(phrases, setting) for word in phrase.split()), key=len)
        return frozenset(words), CharTrie.fromkeys(words) if words else CharTrie()

    def decode(self, item: Item, bias: Any, setting: Setting) -> str:
        """pyctcdecode's best text."""
        return self.decode_beams(item.log_probs, bias, setting["hotword_weight"], prune_history=True)[0][0]

    def decode_beams(self, log_probs: Any, bias: Any, weight: float, prune_history: bool = False) -> list:
        """pyctcdecode's beams, with its scorer replaced for this call."""
        import pyctcdecode.decoder

        scorer = _cached_scorer(*bias, weight)
        builder = mock.Mock(build_scorer=lambda hotwords, weight: scorer)
        with mock.patch.object(pyctcdecode.decoder, "HotwordScorer", builder):
            return self._decoder.decode_beams(log_probs, beam_width=self._beam_width, prune_history=prune_history)


class PyctcdecodeWithLM(PyctcdecodeCached):
    """The same with the language model of `--lm`, at the weights that our own part `lm` gives it."""

    name = "pyctcdecode-cached+lm"

    def _language_model(self, context: Context) -> Any:
        from pyctcdecode import LanguageModel

        from nemo_ctcbias.lm.kenlm_file import open_kenlm, words_of
        from nemo_ctcbias.lm.options import LanguageModelOptions

        if context.lm is None:
            raise SettingError(f"system {self.name!r}: needs a language model: give --lm FILE (KenLM ARPA or binary)")
        weights = LanguageModelOptions()
        return LanguageModel(open_kenlm(context.lm), words_of(context.lm), weights.alpha, weights.beta)


def _cached_scorer(words: frozenset[str], trie: Any, weight: float) -> Any:
    """pyctcdecode's scorer with both of its scores remembered: per text by its last word, per partial word."""
    from pyctcdecode.language_model import HotwordScorer

    class CachedScorer(HotwordScorer):
        def __init__(self) -> None:
            super().__init__(re.compile(r"^\b$"), trie, weight)
            self._counts = {"": 0}
            self._partial: dict[str, float] = {}

        def score(self, text: str) -> float:
            return self._weight * self._count(text)

        def _count(self, text: str) -> int:
            # Hotwords hold no space, so a match is always a whole word: one more or not than the text before it.
            if text not in self._counts:
                before, _, last = text.rpartition(" ")
                self._counts[text] = self._count(before) + (last in words)
            return self._counts[text]

        def score_partial_token(self, token: str) -> float:
            if token not in self._partial:
                self._partial[token] = super().score_partial_token(token)
            return self._partial[token]

    return CachedScorer()
