"""A model ready for use, with everything that belongs to it; the command line and Python load it in one way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.lm.kenlm_module import kenlm, tell_what_is_left_out
from nemo_ctcbias.nemo.biased_ctc import BiasedCTCMixin
from nemo_ctcbias.nemo.ctc_models import from_ctc
from nemo_ctcbias.shipped import checkpoint, shipped, shipped_file

NONE = "none"  # in place of a file: without that part


def load_biased(
    source: str | Path | None = None,
    *,
    bias_list: Any = None,
    adapter: str | Path | None = None,
    phone_head: str | Path | None = None,
    language_model: str | Path | None = None,
    other_base: bool = False,
    device: str = "auto",
) -> BiasedCTCMixin:
    """A biased model with all its parts, in eval mode: what `nemo-ctcbias` works with.

    A `.nemo` that was saved with `save_to` holds its adapter, phone head, language model, settings and list; a shipped
    model brings the parts that were trained for it. `from_ctc` makes a biased model of a checkpoint alone.

    Args:
        source: a `.nemo` file, a pretrained NeMo name or that of a shipped model; None for the default one.
        bias_list: a list in place of the stored one: phrases, or a file.
        adapter, phone_head, language_model: files in place of the model's own; "none" leaves that part out.
        other_base: take an adapter or phone head that was trained with other weights of this model.
        device: "auto", "cpu", "cuda", "cuda:1", ...

    Raises:
        BiasingError: one of its kinds, for what cannot be loaded or does not belong to the model.
    """
    place, brings = device_of(device), shipped(source)
    model = from_ctc(checkpoint(source))
    _take(adapter or shipped_file(brings.adapter), model.load_adapters, model.disable_adapters, other_base)
    _take(phone_head or shipped_file(brings.phone_head), model.load_phone_head, model.remove_phone_head, other_base)
    if language_model is None and brings.language_model and kenlm is None:
        tell_what_is_left_out()
    else:
        language_model = language_model or shipped_file(brings.language_model)
    if language_model is not None:
        stored = {key: value for key, value in model.cfg.biasing.lm.items() if key != "path"}
        model.set_language_model(None if language_model == NONE else language_model, **stored)
    if bias_list is not None:
        model.set_bias_list(bias_list)
    return model.to(place).eval()


def _take(file: str | Path | None, load: Callable[..., None], leave_out: Callable[[], None], other_base: bool) -> None:
    """Load a part from its file, or leave it out; without a file it stays as it is in the model."""
    if file == NONE:
        leave_out()
    elif file is not None:
        load(str(file), other_base=other_base)


def device_of(name: str) -> torch.device:
    """The device of that name, the GPU for "auto" if there is one.

    Raises:
        SettingError: if it cannot be used.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise SettingError(f"--device {name}: {str(error).splitlines()[0]}; try --device cpu") from error
    return torch.device(name)
