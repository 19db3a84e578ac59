"""The `bias_list` field of manifests: a list of phrases or a file, one utterance at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.errors import ManifestError

FIELD = "bias_list"


def lists_of_manifest(path: str | Path, folder: Path | None = None) -> dict[int, BiasList]:
    """Lists of the rows that carry one, by row number (empty lines not counted).

    File names are taken relative to `folder` (by default the manifest's), else to the working directory.

    Raises:
        ManifestError: naming file and line of a row or list that cannot be read.
    """
    path = Path(path)
    lists: dict[int, BiasList] = {}
    row = 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except json.JSONDecodeError as error:
            raise ManifestError(f"{path}:{number}: not a JSON object ({error.msg})") from error
        if isinstance(entry, dict) and entry.get(FIELD) is not None:
            lists[row] = list_of_entry(entry[FIELD], f"{path}:{number}", folder or path.parent)
        row += 1
    return lists


def list_of_entry(value: Any, where: str, folder: Path) -> BiasList:
    """The list of one manifest entry; file names are taken relative to `folder`, if they exist there."""
    if isinstance(value, str):
        beside = folder / value
        return BiasList.load(beside if beside.exists() else value)
    if isinstance(value, list):
        return BiasList(value, source=where)
    raise ManifestError(f"{where}: '{FIELD}' must be a list of phrases or a file name, got {type(value).__name__}")
