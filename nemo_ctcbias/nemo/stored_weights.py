"""Weights in a file of torch's, read without running code and with the checksums that the file brings."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch

from nemo_ctcbias.errors import ModelError
from nemo_ctcbias.whole_files import written_whole


def read_weights(path: str | Path, what: str, writer: str) -> dict[str, Any]:
    """The mapping that torch stored in a file.

    Args:
        what: it is to be, for messages: "phone head".
        writer: the call that writes such files.

    Raises:
        ModelError: no such file, none of this kind, or one that was damaged on the way.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"{path}: no such {what} file; give a file that {writer} wrote")
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # torch writes checksums, but does not look at them
        stored = None if damaged else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever its unpickler meets
        raise ModelError(f"{path}: no {what} file ({type(error).__name__}); give a file that {writer} wrote") from error
    if damaged:
        raise ModelError(f"{path}: is damaged (the checksum of {damaged} does not fit); copy it again")
    if not isinstance(stored, dict):
        raise ModelError(f"{path}: no {what} file (it holds {type(stored).__name__}); give a file that {writer} wrote")
    return stored


def write_weights(path: str | Path, stored: dict[str, Any]) -> None:
    """Let torch store a mapping, the whole of it or nothing.

    Raises:
        OutputError: the file cannot be written.
    """
    with written_whole(path) as partial, partial.open("wb") as file:
        try:
            torch.save(stored, file)
        except RuntimeError as error:  # torch's own words for what the file said
            raise error.__context__ if isinstance(error.__context__, OSError) else OSError(str(error)) from error


def first_line(error: Exception) -> str:
    """What an error of another library says, in one line."""
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
