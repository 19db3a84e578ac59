"""The recordings of a command: files, folders, patterns, standard input, or the rows of a manifest."""

from __future__ import annotations

import atexit
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from glob import glob, has_magic
from pathlib import Path

import numpy as np
from tqdm import tqdm

from nemo_ctcbias.audio import SUFFIXES, load_audio, part_of, seconds_of, split_long
from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.errors import AudioError, ManifestError

STANDARD_INPUT = "-"
LONG = 600.0  # seconds; longer recordings are never held as a whole


@dataclass
class Recording:
    """One recording to transcribe.

    path: as it was named.
    offset, duration: part of it in seconds; None to its end.
    bias_list: its own list, from the manifest.
    reference: what is said, where that is known.
    file: where it lies, if not at `path`.
    seconds: its length as far as it is known.
    pieces: (first sample, samples) while it is worked on.
    """

    path: str
    offset: float = 0.0
    duration: float | None = None
    bias_list: BiasList | None = None
    reference: str | None = None
    file: str | None = None
    seconds: float = 0.0
    pieces: list[tuple[int, np.ndarray]] = field(default_factory=list)


def recordings_named(names: Iterable[str]) -> list[Recording]:
    """Those that files, folders (with all below them), patterns and "-" stand for.

    Raises:
        AudioError: a folder without recordings, or a pattern that fits no file.
    """
    found: list[Recording] = []
    for name in names:
        if name == STANDARD_INPUT:
            found.append(Recording(name, file=_standard_input()))
        else:
            found += map(Recording, _files(name))
    return found


def _files(name: str) -> list[str]:
    path = Path(name)
    if is_file(path):
        return [name]
    if path.is_dir():
        files = [str(one) for one in sorted(path.rglob("*")) if one.suffix.lower() in SUFFIXES and one.is_file()]
        if not files:
            raise AudioError(f"{name}: is a folder without recordings ({', '.join(SUFFIXES)}); check the path")
        return files
    if has_magic(name):
        files = sorted(one for one in glob(name, recursive=True) if is_file(one))  # noqa: PTH207 (as the shell would)
        if not files:
            raise AudioError(f"{name}: fits no file; check the pattern (** goes through folders)")
        return files
    return [name]  # reported as missing, like rows of manifests


def _standard_input() -> str:
    """A file that holds it."""
    with tempfile.NamedTemporaryFile(prefix="nemo-ctcbias-", delete=False) as file:
        atexit.register(Path(file.name).unlink, missing_ok=True)
        file.write(sys.stdin.buffer.read())
    return file.name


def recordings_of_manifest(path: str) -> list[Recording]:
    """One a row, in order.

    Raises:
        ManifestError: a row that cannot be used (file and line are named), or none.
    """
    from nemo_ctcbias.nemo.utterance_lists import FIELD, list_of_entry, rows_of_manifest

    folder, recordings = Path(path).parent, []
    for number, row in rows_of_manifest(path):
        where, audio = f"{path}:{number}", row.get("audio_filepath")
        if not isinstance(audio, str):
            raise ManifestError(f"{where}: no 'audio_filepath'; a row is a JSON object with that field")
        own, (offset, duration) = row.get(FIELD), part_of(row, where)
        recordings.append(
            Recording(
                path=str(folder / audio if is_file(folder / audio) else audio),
                offset=offset,
                duration=duration,
                bias_list=None if own is None else list_of_entry(own, where, folder),
                reference=row["text"] if isinstance(row.get("text"), str) and row["text"].strip() else None,
                seconds=duration or 0.0,
            )
        )
    if not recordings:
        raise ManifestError(f"{path}: holds no rows; a row is a JSON object with an 'audio_filepath'")
    return recordings


def readable(recordings: Sequence[Recording]) -> list[Recording]:
    """Those whose headers can be read, and how long they are; the others are reported, before anything takes time."""
    found = []
    for one in recordings:
        try:
            long = seconds_of(one.file or one.path)
        except AudioError as error:
            complain(one, error)
            continue
        if one.duration is None:
            one.seconds = max(0.0, long - one.offset)
        found.append(one)
    return found


def loaded(recordings: Sequence[Recording], sample_rate: int) -> Iterator[Recording]:
    """Those that could be read, with their samples; the others are reported."""
    for one in recordings:
        try:
            samples = load_audio(one.file or one.path, sample_rate, one.offset, one.duration)
        except AudioError as error:
            complain(one, error)
            continue
        one.pieces = split_long(samples, sample_rate)
        yield one


def complain(one: Recording, error: AudioError) -> None:
    """Report a recording that cannot be read."""
    message = str(error) if one.file is None else str(error).replace(one.file, one.path)
    print(f"nemo-ctcbias: {message}", file=sys.stderr)


def progress_bar(recordings: Sequence[Recording], doing: str) -> tqdm:
    """A bar of their seconds of audio, on standard error."""
    shown = "{desc}: {percentage:3.0f}% of {total} s of audio [{elapsed}<{remaining}]"
    total = round(sum(one.seconds for one in recordings))
    return tqdm(total=total, desc=doing, bar_format=shown, disable=None, file=sys.stderr)


def advance(bar: tqdm, seconds: float) -> None:
    """So much is done."""
    bar.update(min(seconds, bar.total - bar.n))  # headers and offsets are rounded


def is_long(one: Recording) -> bool:
    """Whether a recording is read piece by piece, whoever else is transcribed with it."""
    return one.seconds > LONG


def is_file(text: str | Path) -> bool:
    """Whether a file of that name exists; not where no name can be like that, for which `Path` raises errors."""
    return os.path.isfile(text)  # noqa: PTH113
