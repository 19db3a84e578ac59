"""KenLM files as pyctcdecode's own language model, the way NeMo's config names them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nemo_ctcbias.errors import SettingError

if TYPE_CHECKING:
    from pyctcdecode import LanguageModel


def load_language_model(path: str | Path, alpha: float, beta: float) -> LanguageModel:
    """pyctcdecode's `LanguageModel` of a KenLM ARPA or binary file.

    Args:
        path: an `.arpa` file also gives the known words, a binary one does not.
        alpha, beta: weight of the log-probs and score of each word (`ngram_lm_alpha`, `beam_beta` in NeMo).

    Raises:
        SettingError: if the file is missing or KenLM cannot read it.
    """
    import kenlm
    from pyctcdecode.language_model import LanguageModel, load_unigram_set_from_arpa

    path = Path(path)
    if not path.is_file():
        raise SettingError(f"{path}: no such language model; give a KenLM .arpa or binary file")
    try:
        model = kenlm.Model(str(path))
    except (OSError, RuntimeError) as error:
        reason = str(error).rsplit("Exception.", 1)[-1].strip(" )\n")  # what precedes is C++
        raise SettingError(f"{path}: KenLM cannot read it ({reason}); rebuild it with this KenLM version") from error
    words = load_unigram_set_from_arpa(str(path)) if path.suffix == ".arpa" else None
    return LanguageModel(model, words, alpha=float(alpha), beta=float(beta))
