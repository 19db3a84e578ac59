"""Output files are there whole or not at all: written beside their place, and moved into it when they are complete."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from nemo_ctcbias.errors import OutputError

PROBE = 1 << 16  # bytes written to see that there is room for some


@contextlib.contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """A name beside `path`, of the same suffix, to write to; the file takes its place when the block ends.

    If the block fails, or the process is killed, what was at `path` is still there. What killed processes of this
    machine left in the folder is cleared away. Devices and pipes are written to directly.

    Raises:
        OutputError: the file cannot be written: no such folder, no permission, no room.
    """
    path = Path(path)
    try:
        _refuse(path)
        if _is_special(path):
            yield path
            return
        target = Path(os.path.realpath(path))  # a link stays one
        _clear(target.parent)
        partial = _beside(target)
        try:
            yield partial
            if partial.exists():  # NeMo writes in one of its processes only
                with partial.open("rb") as file:
                    os.fsync(file.fileno())  # some file systems find out only here that they are full
                if target.exists():
                    shutil.copymode(target, partial)
                partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise _refusal(path, error) from error


def check_writable(path: str | Path) -> None:
    """Refuse an output file before the work whose result it is to hold.

    Raises:
        OutputError: it could not be written now.
    """
    try:
        _refuse(Path(path))
        if _is_special(Path(path)):
            return
        probe = _beside(Path(os.path.realpath(path)))
        try:
            probe.write_bytes(bytes(PROBE))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise _refusal(path, error) from error


def make_folder(path: str | Path) -> Path:
    """A folder for output files, made if it is not there, and checked as `check_writable` does.

    Raises:
        OutputError: it cannot be made, or no file can be written into it now.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refusal(path, error) from error
    check_writable(path / "output")
    return path


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def _refuse(path: Path) -> None:
    """What moving a file into place would not notice, or not before everything is done."""
    if path.is_dir():
        raise IsADirectoryError(None, "is a folder")
    if not path.parent.is_dir():
        raise FileNotFoundError(None, f"there is no folder {path.parent}")
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(None, "the file that is there must not be changed")


def _refusal(path: str | Path, error: OSError) -> OutputError:
    return OutputError(f"{path}: cannot be written ({error.strerror or error}); make room for it, or name another file")


def _beside(target: Path) -> Path:
    """A hidden name that tells which machine, process and thread writes there."""
    writer = f"{platform.node()}-{os.getpid()}-{threading.get_ident()}"
    return target.with_name(f".{target.stem[:30]}.{writer}.part{target.suffix}")  # a long name must not become too long


def _clear(folder: Path) -> None:
    written = re.compile(rf"\..*\.{re.escape(platform.node())}-(\d+)-\d+\.part(\.[^.]*)?")
    for left in folder.iterdir():
        found = written.fullmatch(left.name)
        if found and not is_running(int(found[1])):
            left.unlink(missing_ok=True)


def is_running(process: int) -> bool:
    """Whether there is a process of this number on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True
