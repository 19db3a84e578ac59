"""Files of the checkout's examples/data, found without importing NeMo."""

from __future__ import annotations

from pathlib import Path

MODEL = "fastconformer_ctc_small.nemo"
LANGUAGE_MODEL = "lm_small.bin"
ADAPTER = "contextual_adapter.pt"
PHONE_HEAD = "phone_head.pt"


def shipped_file(name: str) -> Path | None:
    """A file of examples/data, in the checkout around the package or in the current folder; None if not there."""
    for root in (Path(__file__).resolve().parents[1], Path.cwd()):
        path = root / "examples" / "data" / name
        if path.is_file():
            return path
    return None
