"""The base models that the checkout ships in examples/data, and what was trained on them; found without NeMo.

The default one is installed with the package, too.
"""

from __future__ import annotations

import site
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from nemo_ctcbias.errors import ModelError


@dataclass(frozen=True)
class Shipped:
    """Files of a base model; None where there is none."""

    model: str
    language_model: str | None = None
    adapter: str | None = None
    phone_head: str | None = None


SHIPPED = {
    "strong": Shipped(
        "whisper_ctc_strong.nemo", "lm_small.bin", "contextual_adapter_strong.pt", "phone_head_strong.pt"
    ),
    "small": Shipped("fastconformer_ctc_small.nemo", "lm_small.bin", "contextual_adapter.pt", "phone_head.pt"),
}
DEFAULT = "strong"
INSTALLED = "share/nemo-ctcbias"  # where `pip install` puts the default one, below the environment's prefix


def shipped(name: str | Path | None) -> Shipped:
    """What comes with a model by the name that a user gave: nothing with one of their own.

    Args:
        name: of a shipped model, a file, a pretrained name; None for the default.
    """
    return SHIPPED.get(str(name or DEFAULT), Shipped(""))


def shipped_file(name: str | None) -> Path | None:
    """A file of examples/data: in the package's checkout, the current folder, or installed; None if nowhere."""
    checkouts = (root / "examples" / "data" for root in (Path(__file__).resolve().parents[1], Path.cwd()))
    installed = (Path(root) / INSTALLED for root in (sysconfig.get_path("data"), site.getuserbase()))
    places = (*checkouts, *installed) if name else ()
    return next((folder / name for folder in places if (folder / name).is_file()), None)


def checkpoint(name: str | Path | None = None) -> str:
    """The file of a shipped model (the default one for None); any other name as it is.

    Raises:
        ModelError: if the package was installed without the checkout around it.
    """
    known = SHIPPED.get(str(name or DEFAULT))
    if known is None:
        return str(name)
    path = shipped_file(known.model)
    if path is None:
        raise ModelError(
            f"the model {name or DEFAULT!r} lies in the checkout's examples/data, and only {DEFAULT!r} is installed "
            "with the package; give the file there as --model, or a .nemo of yours"
        )
    return str(path)
