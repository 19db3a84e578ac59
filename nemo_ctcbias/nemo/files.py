"""Files that a setting names and that travel inside the `.nemo`, under any name that NeMo gives them there.

A model that is restored uses the files of its own archive only: an archive comes from somebody else, and what its
config names on this machine is none of its business, nor what stands in this machine's environment.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from nemo_ctcbias.data_files import interpolation
from nemo_ctcbias.errors import BiasingError, ModelError
from nemo_ctcbias.whole_files import is_running

# Settings that name files.
LIST, LANGUAGE_MODEL, LEXICON = "biasing.bias_list", "biasing.lm.path", "biasing.phonetics.lexicon"
NEMO_PREFIX = re.compile(r"^(?:[0-9a-f]{32}_)+")  # NeMo puts one before an artifact's name with each saving
MEMBER = "nemo:"  # NeMo's mark of a file in the archive
SECTIONS = ("biasing", "phone_head", "adapters")  # of a config, that are ours


class Folder:
    """A temporary folder, gone when nobody holds it any more; those of killed processes are cleared away."""

    def __init__(self) -> None:
        prefix = f"nemo-ctcbias-{platform.node()}-"
        for left in Path(tempfile.gettempdir()).glob(f"{prefix}*-*"):
            process = left.name.removeprefix(prefix).split("-")[0]
            if process.isdigit() and not is_running(int(process)):
                shutil.rmtree(left, ignore_errors=True)
        self.path = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-"))
        weakref.finalize(self, _remove, self.path, os.getpid())


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


def refuse_interpolation(archive: Path) -> None:
    """Refuse an archive whose sections of ours ask for what stands elsewhere, such as in the environment.

    They are read from its file, for NeMo hands over a config that it has filled in.

    Raises:
        ModelError: naming the section.
    """
    file = archive / "model_config.yaml"
    config = OmegaConf.to_container(OmegaConf.load(file), resolve=False) if file.is_file() else {}
    for name, section in config.items():
        if name in SECTIONS and (odd := interpolation(section)) is not None:
            raise ModelError(f"{name}: nothing is interpolated in a checkpoint, got {odd[:60]!r}")


def member(archive: Path | None, path: str, key: str) -> Path:
    """The file of the archive that is being restored which the setting `key` names.

    Raises:
        ModelError: it names something else.
    """
    name = path.removeprefix(MEMBER)
    found = None if archive is None else archive / name
    if not path.startswith(MEMBER) or Path(name).name != name or found is None:
        raise ModelError(f"{key}: a checkpoint may only name files inside itself; set another once it is loaded")
    if found.is_symlink() or not found.is_file():
        raise ModelError(f"{key}: {path!r} is not in the checkpoint; save it again")
    return found


def unpacked(archive: Path | None, path: str, key: str) -> tuple[Folder, Path]:
    """The same, copied to where it stays: NeMo deletes an archive's files once the model is built.

    Raises:
        ModelError: as `member`.
    """
    packed, folder = member(archive, path, key), Folder()
    return folder, Path(shutil.copy(packed, folder.path / NEMO_PREFIX.sub("", packed.name)))


def settle_file(model: Any, key: str, missing: str, kind: type[BiasingError]) -> None:
    """Make the setting `key` name its file in full.

    Raises:
        BiasingError: of this kind, with the message `missing`, if there is no such file.
    """
    path = OmegaConf.select(model._cfg, key)
    if not path:
        return
    if not Path(path).is_file():
        raise kind(f"{key}: {path}: {missing}")
    OmegaConf.update(model._cfg, key, str(Path(path).resolve()))


@contextmanager
def packed_file(model: Any, key: str):
    """Let NeMo put the file that the setting `key` names into the `.nemo` that is saved meanwhile."""
    path = OmegaConf.select(model._cfg, key)
    if path:
        model.register_artifact(key, path)
    try:
        yield
    finally:
        if path:
            model.artifacts.pop(key, None)
            OmegaConf.update(model._cfg, key, path)
