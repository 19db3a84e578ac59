"""The language model of a biased model: which file it is, and how it travels inside the `.nemo`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from omegaconf import DictConfig, OmegaConf

from nemo_ctcbias.errors import LanguageModelError
from nemo_ctcbias.lm.kenlm_file import load_language_model, open_kenlm
from nemo_ctcbias.lm.options import LanguageModelOptions
from nemo_ctcbias.nemo.config import BiasingConfig, language_model_options
from nemo_ctcbias.nemo.files import packed_file, settle_file
from nemo_ctcbias.nemo.vocabulary import vocabulary_of

if TYPE_CHECKING:
    from pyctcdecode import LanguageModel

    from nemo_ctcbias.nemo.biased_ctc import BiasedCTCMixin

ARTIFACT = "biasing.lm.path"

_loaded: WeakKeyDictionary[BiasedCTCMixin, tuple[tuple, LanguageModel]] = WeakKeyDictionary()


class LanguageModelMixin:
    """A language model that helps the search of a biased model."""

    def set_language_model(self, path: str | Path | None, always: bool = True, **weights: float | None) -> None:
        """Let a KenLM file help the search (None: no longer); it is saved with the model.

        Args:
            path: an ARPA or binary file.
            always: also for recordings without a list; False leaves these to NeMo's own decoding.
            weights: see `nemo_ctcbias.lm.options.LanguageModelOptions`.

        Raises:
            LanguageModelError: if KenLM cannot read the file.
            SettingError: a weight that does not exist or is out of range.
        """
        lm = {} if path is None else {"path": str(path), "always": always, **weights}
        biasing = BiasingConfig.merge({**self._cfg.biasing, "lm": lm})
        if path is not None:
            open_kenlm(path)
        self._cfg.biasing = biasing
        settle(self)
        self.change_decoding_strategy(self._cfg.decoding, verbose=False)


def always(lm: DictConfig) -> bool:
    """Whether recordings without a list are searched, too: `lm` is that section of `biasing`."""
    return bool(lm.get("path") and lm.get("enabled", True) and lm.get("always", False))


def settle(model: BiasedCTCMixin) -> None:
    """Make `biasing.lm.path` a file that stays.

    Raises:
        LanguageModelError: if the file is missing.
    """
    settle_file(model, ARTIFACT, "no such language model; give a KenLM .arpa or binary file", LanguageModelError)


def packed(model: BiasedCTCMixin) -> AbstractContextManager:
    """Let NeMo put the file into the `.nemo` that is saved meanwhile."""
    return packed_file(model, ARTIFACT)


def chosen(model: BiasedCTCMixin) -> tuple[str | None, LanguageModelOptions]:
    """File and weights: those of NeMo's `pyctcdecode` strategy if it names a file, else those of `biasing.lm`."""
    decoding = model.cfg.decoding
    biasing = model.biasing
    options = language_model_options(biasing)
    named = OmegaConf.select(decoding, "beam.ngram_lm_model") if decoding.strategy == "pyctcdecode" else None
    if not named:
        return biasing.lm.get("path") if biasing.lm.get("enabled", True) else None, options
    beam = decoding.beam
    alpha, beta = float(beam.get("ngram_lm_alpha", 1.0)), float(beam.get("beam_beta", 0.0))
    return named, replace(options, alpha=alpha, beta=beta)


def language_model_of(model: BiasedCTCMixin) -> LanguageModel | None:
    """The language model that helps the search, None where none is set; read once."""
    path, options = chosen(model)
    if not path:
        return None
    key = (str(path), options)
    if model not in _loaded or _loaded[model][0] != key:
        _loaded[model] = (
            key,
            load_language_model(path, options, vocabulary_of(model), [phrase.text for phrase in model.bias_list]),
        )
    return _loaded[model][1]
