"""The language model of a biased model: which file it is, and how it travels inside the `.nemo`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from nemo_ctcbias.errors import LanguageModelError
from nemo_ctcbias.lm.kenlm_file import open_kenlm
from nemo_ctcbias.nemo.files import packed_file, settle_file

if TYPE_CHECKING:
    from nemo_ctcbias.nemo.biased_ctc import BiasedCTCMixin

ARTIFACT = "biasing.lm.path"


class LanguageModelMixin:
    """A language model that helps the search of a biased model."""

    def set_language_model(self, path: str | Path | None, always: bool = True, **weights: float | None) -> None:
        """Let a KenLM file help the search (None: no longer); it is saved with the model.

        Args:
            path: an ARPA or binary file.
            always: also for recordings without a list; False leaves these to NeMo's own decoding.
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
            settle(self)
            self.change_decoding_strategy(self._cfg.decoding, verbose=False)


def settle(model: BiasedCTCMixin) -> None:
    """Make `biasing.lm.path` a file that stays.

    Raises:
        LanguageModelError: if the file is missing.
    """
    settle_file(model, ARTIFACT, "no such language model; give a KenLM .arpa or binary file", LanguageModelError)


def packed(model: BiasedCTCMixin) -> AbstractContextManager:
    """Let NeMo put the file into the `.nemo` that is saved meanwhile."""
    return packed_file(model, ARTIFACT)
