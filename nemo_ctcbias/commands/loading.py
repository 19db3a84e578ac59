"""The model that a command works with, and what is loaded beside it."""

from __future__ import annotations

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.shipped import checkpoint, shipped, shipped_file


def load_model(name: str | None, device: str, adapter: str | None = None, phone_head: str | None = None):
    """The biased model of a checkpoint, in eval mode on `device`.

    Args:
        name: a `.nemo` file, a pretrained name or that of a shipped model; None for the default one.
        adapter: file of contextual adapters to load; "none" switches off those that the model has; None leaves them,
            and gives a shipped model its own.
        phone_head: file of a phone head to load; None and "none" leave the model's, None gives a shipped one its own.

    Raises:
        ModelError: if it cannot be loaded.
        SettingError: if the device does not exist.
    """
    from nemo_ctcbias.cli import quieten

    quieten()
    import torch

    from nemo_ctcbias.nemo.convert import from_ctc

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise SettingError(f"--device {device}: {str(error).splitlines()[0]}; try --device cpu") from error
    model = from_ctc(checkpoint(name))
    if adapter is None:
        adapter = shipped_file(shipped(name).adapter)
    if adapter == "none":
        model.disable_adapters()
    elif adapter is not None:
        model.load_adapters(str(adapter))
    if phone_head is None:
        phone_head = shipped_file(shipped(name).phone_head)
    if phone_head not in (None, "none"):
        model.load_phone_head(phone_head)
    return model.to(torch.device(device)).eval()
