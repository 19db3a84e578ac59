"""The model that a command works with, and what is loaded beside it."""

from __future__ import annotations

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.shipped import ADAPTER, PHONE_HEAD, shipped_file


def load_model(name: str | None, device: str, adapter: str | None = None, phone_head: str | None = None):
    """The biased model of a checkpoint, in eval mode on `device`.

    Args:
        name: None for the shipped one.
        adapter: file of contextual adapters to load; "none" switches off those that the model has; None leaves them,
            and gives the shipped model its own.
        phone_head: file of a phone head to load; None and "none" leave the model's, None gives the shipped one its own.

    Raises:
        ModelError: if it cannot be loaded.
        SettingError: if the device does not exist.
    """
    from nemo_ctcbias.cli import quieten

    quieten()
    import torch

    from nemo_ctcbias.nemo.convert import from_ctc, shipped_model

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise SettingError(f"--device {device}: {str(error).splitlines()[0]}; try --device cpu") from error
    model = from_ctc(name or shipped_model())
    if adapter is None and name is None:
        adapter = shipped_file(ADAPTER)
    if adapter == "none":
        model.disable_adapters()
    elif adapter is not None:
        model.load_adapters(str(adapter))
    if phone_head is None and name is None:
        phone_head = shipped_file(PHONE_HEAD)
    if phone_head not in (None, "none"):
        model.load_phone_head(phone_head)
    return model.to(torch.device(device)).eval()
