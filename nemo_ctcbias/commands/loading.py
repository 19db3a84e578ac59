"""The model that a command works with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nemo_ctcbias.errors import LanguageModelError, ModelError
from nemo_ctcbias.shipped import checkpoint


def load_model(name: str | None, device: str = "cpu", **parts: Any):
    """`load_biased` without NeMo's start-up talk."""
    from nemo_ctcbias.cli import quieten

    quieten()
    from nemo_ctcbias.nemo.loading import load_biased

    return load_biased(name, device=device, **parts)


def check_files(
    model: str | None, adapter: str | None = None, phone_head: str | None = None, language_model: str | None = None
) -> None:
    """Refuse files that are not there before NeMo is imported; "none" stands for none.

    Raises:
        BiasingError: of the kind that loading them would raise.
    """
    path = Path(checkpoint(model))
    if path.is_dir():
        raise ModelError(f"{path}: is a folder; give a .nemo checkpoint or a pretrained NeMo model name")
    if path.suffix == ".nemo" and not path.is_file():
        raise ModelError(f"{path}: no such file; give a .nemo checkpoint or a pretrained NeMo model name")
    given = (
        ("--adapter", adapter, ModelError, "no such adapter file; give what `save_adapters` wrote"),
        ("--phone-head", phone_head, ModelError, "no such phone head; give a file that save_phone_head wrote"),
        ("--lm", language_model, LanguageModelError, "no such language model; give a KenLM .arpa or binary file"),
    )
    for option, file, kind, message in given:
        if file not in (None, "none") and not Path(file).is_file():
            raise kind(f"{option} {file}: {message}, or none")
