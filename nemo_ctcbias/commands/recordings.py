"""The recordings of a command: named files or the rows of a manifest, and their samples."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nemo_ctcbias.audio import load_audio, split_long
from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.errors import AudioError, ManifestError


@dataclass
class Recording:
    """One recording to transcribe and what became of it."""

    path: str
    offset: float = 0.0
    duration: float | None = None
    bias_list: BiasList | None = None  # its own list, from the manifest
    reference: str | None = None
    pieces: list[tuple[int, np.ndarray]] = field(default_factory=list)


def recordings_of_manifest(path: str) -> list[Recording]:
    """One a row, in order.

    Raises:
        ManifestError: a row that cannot be used (file and line are named), or none.
    """
    from nemo_ctcbias.nemo.utterance_lists import FIELD, list_of_entry, rows_of_manifest, seconds_of

    folder, recordings = Path(path).parent, []
    for number, row in rows_of_manifest(path):
        where, audio = f"{path}:{number}", row.get("audio_filepath")
        if not isinstance(audio, str):
            raise ManifestError(f"{where}: no 'audio_filepath'; a row is a JSON object with that field")
        own, offset, duration = row.get(FIELD), seconds_of(row, "offset", where), seconds_of(row, "duration", where)
        recordings.append(
            Recording(
                path=str(folder / audio if is_file(folder / audio) else audio),
                offset=offset or 0.0,
                duration=duration or None if offset is not None else None,  # as NeMo: durations are often rounded
                bias_list=None if own is None else list_of_entry(own, where, folder),
                reference=row["text"] if isinstance(row.get("text"), str) and row["text"].strip() else None,
            )
        )
    if not recordings:
        raise ManifestError(f"{path}: holds no rows; a row is a JSON object with an 'audio_filepath'")
    return recordings


def loaded(recordings: list[Recording], sample_rate: int) -> Iterator[Recording]:
    """Those that could be read, with their samples; the others are reported."""
    for one in recordings:
        try:
            samples = load_audio(one.path, sample_rate, one.offset, one.duration)
        except AudioError as error:
            print(f"nemo-ctcbias: {error}", file=sys.stderr)
            continue
        one.pieces = split_long(samples, sample_rate)
        yield one


def is_file(text: str | Path) -> bool:
    """Whether a file of that name exists."""
    try:
        return Path(text).is_file()
    except OSError:  # too long for a file name
        return False
