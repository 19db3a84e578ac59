"""Read NeMo manifests for evaluation: bad rows stop with a line number, missing audio is skipped and reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nemo_ctcbias.audio import part_of
from nemo_ctcbias.data_files import exists
from nemo_ctcbias.errors import ManifestError
from nemo_ctcbias.evaluation.normalise import normalise
from nemo_ctcbias.nemo.utterance_lists import rows_of_manifest

Row = Mapping[str, Any]  # one manifest line; `id` and an absolute `audio_filepath` are always set after reading


@dataclass(frozen=True)
class Skip:
    """An utterance left out of the evaluation, and why."""

    id: str
    reason: str


def read_manifest(path: str | Path, wordless: bool = False) -> tuple[list[dict[str, Any]], list[Skip]]:
    """Rows of a manifest and the rows left out.

    Audio paths are relative to the manifest's folder (or the working folder, as in NeMo). Rows without text or audio
    file are skipped, each with its reason; they would otherwise turn into wrong numbers.

    Args:
        wordless: take rows whose text is empty, too: recordings in which nothing is said.

    Raises:
        ManifestError: no such file, not text, a line that is no JSON object, no `audio_filepath` or `text`, two rows
            with the same id, or nothing left.
    """
    path = Path(path)
    rows: list[dict[str, Any]] = []
    skipped: list[Skip] = []
    first_line: dict[str, int] = {}
    for number, row in rows_of_manifest(path):
        _check(row, f"{path}:{number}")
        row["audio_filepath"] = _locate(row["audio_filepath"], path.parent)
        offset = f"@{row['offset']}" if row.get("offset") else ""
        row["id"] = str(row.get("id") or f"{row['audio_filepath']}{offset}")
        if row["id"] in first_line:
            raise ManifestError(
                f"{path}:{number}: id {row['id']!r} is also on line {first_line[row['id']]}; give each row its own 'id'"
            )
        first_line[row["id"]] = number
        reason = _unusable(row, wordless)
        if reason:
            skipped.append(Skip(row["id"], reason))
        else:
            rows.append(row)
    if not rows:
        reasons = f" ({len(skipped)} skipped, first: {skipped[0].reason})" if skipped else ""
        raise ManifestError(f"{path}: holds no utterance that can be scored{reasons}")
    return rows, skipped


def _check(row: Row, where: str) -> None:
    for key in ("audio_filepath", "text"):
        if not isinstance(row.get(key), str):
            raise ManifestError(f"{where}: no '{key}'; evaluation needs the audio and its transcript")
    part_of(row, where)
    rare = row.get("rare_words")
    if rare is not None and not (isinstance(rare, list) and all(isinstance(word, str) for word in rare)):
        raise ManifestError(f"{where}: 'rare_words' is no list of words")


def _locate(audio: str, folder: Path) -> str:
    return str((Path(audio) if exists(audio) and not exists(folder / audio) else folder / audio).absolute())


def _unusable(row: Row, wordless: bool) -> str | None:
    if not wordless and not normalise(row["text"]):
        return "empty text"
    if not exists(row["audio_filepath"]):
        return f"missing audio {row['audio_filepath']}"
    return None
