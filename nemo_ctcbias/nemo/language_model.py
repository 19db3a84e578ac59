"""The language model of a biased model: which file it is."""

from __future__ import annotations

from pathlib import Path

from nemo_ctcbias.errors import LanguageModelError
from nemo_ctcbias.lm.kenlm_file import open_kenlm
from nemo_ctcbias.nemo.files import LANGUAGE_MODEL, settle_file


class LanguageModelMixin:
    """A language model that helps the search of a biased model."""

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

    def _settle_language_model(self) -> None:
        missing = "no such language model; give a KenLM .arpa or binary file"
        settle_file(self, LANGUAGE_MODEL, missing, LanguageModelError)
