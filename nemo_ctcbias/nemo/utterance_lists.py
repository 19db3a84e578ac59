"""The `bias_list` field of manifests: a list of phrases or a file, one utterance at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nemo_ctcbias.audio import FURTHEST
from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.data_files import lines_of, parse_json, read_text
from nemo_ctcbias.errors import BiasListError, ManifestError

FIELD = "bias_list"
MOST_BYTES = 8 << 30  # of a manifest


def rows_of_manifest(path: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, row) of a NeMo manifest, empty lines left out.

    Raises:
        ManifestError: naming the file, and the line that is no JSON object.
    """
    for number, line in enumerate(lines_of(read_text(path, "manifest", ManifestError, MOST_BYTES)), start=1):
        if not line.strip():
            continue
        try:
            row = parse_json(line)
        except ValueError as error:
            raise ManifestError(f"{path}:{number}: not a JSON object ({error}); write one object a line") from error
        if not isinstance(row, dict):
            raise ManifestError(f"{path}:{number}: not a JSON object but {type(row).__name__}; write one object a line")
        yield number, row


def seconds_of(row: Mapping[str, Any], field: str, where: str) -> float | None:
    """The seconds that a row says, None where it says nothing.

    Raises:
        ManifestError: no seconds; begins with `where`.
    """
    value = row.get(field)
    number = not isinstance(value, bool) and isinstance(value, (int, float))
    if value is not None and not (number and 0 <= value <= FURTHEST):
        raise ManifestError(f"{where}: '{field}' must be seconds from 0 up, got {str(value)[:40]!r}")
    return value


def lists_of_manifest(path: str | Path, folder: Path | None = None) -> dict[int, BiasList]:
    """Lists of the rows that carry one, by row number (empty lines not counted).

    File names are taken relative to `folder` (by default the manifest's), else to the working directory.

    Raises:
        ManifestError: naming file and line of a row or list that cannot be read.
    """
    return {
        index: list_of_entry(row[FIELD], f"{path}:{number}", folder or Path(path).parent)
        for index, (number, row) in enumerate(rows_of_manifest(path))
        if row.get(FIELD) is not None
    }


def lists_of_dataset(manifests: str | Sequence[str], dataset: Any) -> dict[int, BiasList]:
    """Lists by sample number of a NeMo data set, which skips and reorders rows but keeps their numbers.

    Raises:
        ManifestError: as `lists_of_manifest`.
    """
    files = manifests.split(",") if isinstance(manifests, str) else list(manifests)
    rows = [row for file in files for row in _list_of_each_row(file)]
    collection = getattr(getattr(dataset, "manifest_processor", None), "collection", ())
    return {at: rows[sample.id] for at, sample in enumerate(collection) if rows[sample.id] is not None}


def _list_of_each_row(path: str) -> list[BiasList | None]:
    lists = lists_of_manifest(path)
    return [lists.get(index) for index, _ in enumerate(rows_of_manifest(path))]


def list_of_entry(value: Any, where: str, folder: Path) -> BiasList:
    """The list of one manifest entry; file names are taken relative to `folder`, if they exist there.

    A manifest may name any file that its reader may read. As it may come from somebody else, no message shows a line.

    Raises:
        ManifestError: neither a list of phrases nor a file that can be read; begins with `where`.
    """
    if isinstance(value, str):
        beside = folder / value
        try:
            return BiasList.load(beside if beside.exists() else value, shown=False)
        except (BiasListError, OSError, ValueError) as error:  # OSError: too long for a file name
            reason = error if isinstance(error, BiasListError) else "no file has such a name"
            raise ManifestError(f"{where}: '{FIELD}': {reason}") from error
    if isinstance(value, list):
        return BiasList(value, source=where)
    raise ManifestError(f"{where}: '{FIELD}' must be a list of phrases or a file name, got {type(value).__name__}")
