"""Files that a setting names and that travel inside the `.nemo`, under any name that NeMo gives them there."""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import OmegaConf

from nemo_ctcbias.errors import BiasingError

if TYPE_CHECKING:
    from nemo_ctcbias.nemo.biased_ctc import BiasedCTCMixin

NEMO_PREFIX = re.compile(r"^(?:[0-9a-f]{32}_)+")  # NeMo puts one before an artifact's name with each saving


def settle_file(model: BiasedCTCMixin, key: str, missing: str, kind: type[BiasingError]) -> None:
    """Make the setting `key` name a file that stays: NeMo deletes an archive's files once the model is built.

    Raises:
        BiasingError: of this kind, with the message `missing`, if there is no such file.
    """
    path = OmegaConf.select(model._cfg, key)
    if not path:
        return
    if str(path).startswith("nemo:"):
        packed = Path(model.register_artifact(key, path))
        model.artifacts.pop(key, None)
        folder = tempfile.mkdtemp(prefix="nemo-ctcbias-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        path = shutil.copy(packed, Path(folder) / NEMO_PREFIX.sub("", packed.name))
    elif not Path(path).is_file():
        raise kind(f"{key}: {path}: {missing}")
    OmegaConf.update(model._cfg, key, str(Path(path).resolve()))


@contextmanager
def packed_file(model: BiasedCTCMixin, key: str):
    """Let NeMo put the file into the `.nemo` that is saved meanwhile."""
    path = OmegaConf.select(model._cfg, key)
    if path:
        model.register_artifact(key, path)
    try:
        yield
    finally:
        if path:
            model.artifacts.pop(key, None)
            OmegaConf.update(model._cfg, key, path)
