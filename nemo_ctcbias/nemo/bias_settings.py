"""Settings of a biased model: changed by one thread at a time, checked, saved with it; the files that they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.errors import LanguageModelError, PhoneticsError, SettingError
from nemo_ctcbias.lm.kenlm_file import open_kenlm
from nemo_ctcbias.nemo.calibration import Calibrator
from nemo_ctcbias.nemo.files import LANGUAGE_MODEL, LEXICON, settle_file
from nemo_ctcbias.nemo.internals import unchanged_on_error
from nemo_ctcbias.phones.calibration import Calibration
from nemo_ctcbias.phones.lexicon import lexicon_of
from nemo_ctcbias.settings import Settings, clean, overlaid


class SettingsMixin:
    """The section `biasing` of a biased model's config."""

    @contextmanager
    def changing(self):
        """While this lasts, the model is changed by one thread; what fails changes nothing."""
        with self.lock, unchanged_on_error(self):
            yield

    @staticmethod
    def checked_biasing(given: Mapping[str, Any]) -> DictConfig:
        """A section `biasing` with today's names and all its upper keys.

        Raises:
            SettingError: naming an unknown key or a value that cannot be.
        """
        given = clean(plain(given))
        Settings.of(given)
        usual = {item.name: {} if item.name in Settings.SECTIONS else item.default for item in fields(Settings)}
        return OmegaConf.create({**usual, **{key: value for key, value in given.items() if value is not None}})

    def set_biasing(self, **settings: object) -> None:
        """Change settings of the section, nested ones too: `set_biasing(weight=8, boost={"token_bonus": 1.0})`.

        Raises:
            SettingError: a setting that does not exist or is out of range, or `bias_list` (see `set_bias_list`), or
                `lm.path` (see `set_language_model`).
        """
        given = clean(plain(settings))
        for value, key, instead in (
            (given.get("bias_list"), "bias_list", "set_bias_list"),
            (given.get("lm", {}).get("path"), "lm.path", "set_language_model"),
        ):
            if value is not None:
                raise SettingError(f"biasing.{key}: is set with model.{instead}(...)")
        with self.changing():
            self._cfg.biasing = self.checked_biasing(overlaid(plain(self._cfg.biasing), given))
            self._settle_lexicon()
            self.renew_decoding()

    def set_preset(self, preset: str | None) -> None:
        """Choose how much is done: "off", "fast" (no language model, no correction), "accurate" (all there is).

        Settings made for a part count for more, for example `set_phonetics(parts=["detection"])`. None: the parts' own
        settings alone. It is saved with the model.

        Raises:
            SettingError: no such preset.
        """
        with self.changing():
            self._cfg.biasing = self.checked_biasing({**self._cfg.biasing, "preset": preset})
            self.renew_decoding()

    def set_bias_weight(self, weight: float) -> None:
        """Strength of all lists: 10 as tuned, 0 off; saved with the model."""
        self.set_biasing(weight=weight)

    def set_language_model(self, path: str | Path | None, always: bool = False, **weights: float | None) -> None:
        """Let a KenLM file help the search (None: no longer); it is saved with the model.

        Args:
            path: an ARPA or binary file.
            always: also for recordings without a list, which are NeMo's own decoding otherwise.
            weights: see `nemo_ctcbias.settings.LanguageModelSettings`.

        Raises:
            LanguageModelError: if KenLM cannot read the file.
            SettingError: a weight that does not exist or is out of range.
        """
        lm = {} if path is None else {"path": str(path), "always": always, **weights}
        biasing = self.checked_biasing({**self._cfg.biasing, "lm": lm})
        if path is not None:
            open_kenlm(path)
        with self.changing():
            self._cfg.biasing = biasing
            self._settle_language_model()
            self.renew_decoding()

    def set_phonetics(self, **settings: Any) -> None:
        """Change settings of `biasing.phonetics`, for example `set_phonetics(variants=5)`; saved with the model.

        Raises:
            SettingError: a setting that does not exist or is out of range.
            PhoneticsError: a lexicon that cannot be read.
        """
        lexicon_of(settings.get("lexicon"))
        self.set_biasing(phonetics=settings)

    def calibrate(
        self,
        audio: Sequence[str | np.ndarray],
        bias_list: BiasList | Sequence | str | Path | None = None,
        precision: float | None = None,
        batch_size: int = 8,
    ) -> Calibration:
        """Set `least_confidence` so that the wanted share of listed phrases is right, from speech of one's own.

        Nobody needs to transcribe it; it is transcribed twice, with the list and with decoys, and no other thread
        should use the model meanwhile. The result says what was found and what could not be.

        Args:
            audio: files, or samples at the model's rate; none longer than the model can take.
            bias_list: None: the stored one.
            precision: None: the setting.
            batch_size: recordings a batch.

        Raises:
            SettingError: the model does not ask how sure its hits are, or there is no phrase to make decoys of.
        """
        calibrator = Calibrator(self, self.bias_list if bias_list is None else BiasList.of(bias_list))
        with calibrator.listening():
            calibrator.add(audio, batch_size)
        found = calibrator.result(self.settings.precision if precision is None else precision)
        self.set_biasing(**found.settings)
        return found

    def _settle_language_model(self) -> None:
        missing = "no such language model; give a KenLM .arpa or binary file"
        settle_file(self, LANGUAGE_MODEL, missing, LanguageModelError)

    def _settle_lexicon(self) -> None:
        missing = "no such lexicon; give a file in the format of the CMU dictionary"
        settle_file(self, LEXICON, missing, PhoneticsError)


def plain(section: Any) -> Any:
    """A section without OmegaConf's containers, nothing filled in."""
    if OmegaConf.is_config(section):
        return OmegaConf.to_container(section, resolve=False)
    if isinstance(section, Mapping):
        return {key: plain(value) for key, value in section.items()}
    return str(section) if isinstance(section, Path) else section
