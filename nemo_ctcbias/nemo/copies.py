"""Copies of a model: `copy.deepcopy`, and pickles for other processes (pools of any kind).

NeMo's models hold functions and wrappers that can be neither copied nor pickled, so a copy is what `save_to` writes,
restored; its mode, its device, its types and what was frozen are those of the original.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from itertools import chain
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import torch

WEIGHTS = "model_weights.ckpt"  # in a `.nemo`


class CopyMixin:
    """A model that can be copied and sent to other processes."""

    def __reduce__(self) -> tuple:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.nemo"
            self.save_to(str(file))
            packed = file.read_bytes()
        tensors = chain(self.named_parameters(), self.named_buffers())
        types = {name: tensor.dtype for name, tensor in tensors if tensor.dtype != torch.float32}
        frozen = [name for name, parameter in self.named_parameters() if not parameter.requires_grad]
        state = {"training": self.training, "types": types, "frozen": frozen}
        return _restored, (type(self), packed, str(next(self.parameters()).device), state)


def _restored(kind: type, packed: bytes, device: str, state: dict[str, Any]) -> Any:
    """The model of a `.nemo`'s bytes."""
    folder = Path(tempfile.mkdtemp(prefix="nemo-ctcbias-"))
    Finalize(None, shutil.rmtree, (folder, True), exitpriority=0)  # unlike atexit's, run in processes of pools, too
    file = folder / "model.nemo"
    file.write_bytes(packed)
    model = kind.restore_from(str(file), map_location=device)
    _without_weights(file)
    for name, tensor in chain(model.named_parameters(), model.named_buffers()):
        if name in state["types"]:
            tensor.data = tensor.data.to(state["types"][name])
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in state["frozen"])
    return model.train(state["training"])


def _without_weights(file: Path) -> None:
    """Leave of a `.nemo` what NeMo looks for when the model is saved again."""
    small = file.with_suffix(".small")
    with tarfile.open(file) as whole, tarfile.open(small, "w") as rest:
        for member in whole.getmembers():
            if member.isfile() and Path(member.name).name != WEIGHTS:
                rest.addfile(member, whole.extractfile(member))
    small.replace(file)
