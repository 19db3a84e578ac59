"""Where transcripts go: each as soon as it is known, so that an end in the middle loses only what was in the works.

A file is written beside its place, as FILE.part, line by line, and takes its place when all is done; `--resume` goes
on with it.  A folder gets a whole file a recording.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TextIO

from nemo_ctcbias.commands.formats import Format
from nemo_ctcbias.commands.recordings import Recording
from nemo_ctcbias.commands.transcripts import Transcript
from nemo_ctcbias.errors import OutputError, SettingError
from nemo_ctcbias.whole_files import check_writable, written_whole


class Output(Protocol):
    """Takes transcripts in the order of the recordings."""

    def missing(self, recordings: Sequence[Recording]) -> list[Recording]:
        """Those that an earlier run has not written; starts nothing."""

    def begin(self) -> None:
        """What was there before is out of date from now on."""

    def write(self, one: Transcript) -> None:
        """Write it now."""

    def close(self, whole: bool) -> None:
        """No more comes; `whole` if nothing was cut short."""


class Stream:
    """Standard output, or a pipe."""

    def __init__(self, form: Format, named: bool, path: str | None = None):
        self._form, self._named, self._path = form, named, path
        self._file: TextIO | None = None

    def missing(self, recordings: Sequence[Recording]) -> list[Recording]:
        """All: nobody knows what was read of it."""
        return list(recordings)

    def begin(self) -> None:
        """Nothing is there."""

    def write(self, one: Transcript) -> None:
        """Write it now."""
        if self._file is None:
            self._file = sys.stdout if self._path is None else Path(self._path).open("w", encoding="utf-8")
            self._file.write(self._form.header)
        self._file.write(self._form.write(one, self._named))
        self._file.flush()

    def close(self, whole: bool) -> None:
        """Nothing is left to do."""
        if self._path is not None and self._file is not None:
            self._file.close()


class OneFile:
    """A file for all recordings.

    Raises:
        OutputError: it cannot be written.
    """

    def __init__(self, path: str, form: Format, named: bool, resume: bool):
        check_writable(path)
        self._path, self._form, self._named, self._resume = Path(path), form, named, resume
        self._part = self._path.with_name(f"{self._path.name}.part")
        self._file: TextIO | None = None
        self._kept, self._count = "", 0

    def missing(self, recordings: Sequence[Recording]) -> list[Recording]:
        """Those that neither the file nor its unfinished form holds; repeated ones count."""
        before = next((one for one in (self._part, self._path) if self._resume and one.is_file()), None)
        if before is None:
            return list(recordings)
        text = before.read_text(encoding="utf-8").removeprefix(self._form.header)
        if self._form.bare and not self._named:  # all of the one recording, if it is whole
            self._kept = text if before == self._path else ""
            return [] if self._kept else list(recordings)
        lines = text.split("\n")[:-1]  # what ends without a line break was cut short
        self._kept = "".join(f"{line}\n" for line in lines)
        there = Counter(_path_in(line) for line in lines)
        self._count = len(lines)
        left = []
        for one in recordings:
            if there[one.path]:
                there[one.path] -= 1
            else:
                left.append(one)
        return left

    def begin(self) -> None:
        """Make FILE.part, so that an earlier run's FILE is not taken for this one's once it is cut short."""
        self._open().flush()

    def write(self, one: Transcript) -> None:
        """Add it to FILE.part."""
        self._open().write(self._form.write(one, self._named))
        self._count += 1
        self._file.flush()

    def _open(self) -> TextIO:
        if self._file is None:
            try:
                self._file = self._part.open("w", encoding="utf-8")
                self._file.write(self._form.header + self._kept)
            except OSError as error:
                raise OutputError(f"{self._part}: cannot be written ({error.strerror}); name another file") from error
        return self._file

    def close(self, whole: bool) -> None:
        """Move it into place, or say that it can be gone on with."""
        if whole:
            self._open()
        if self._file is None:
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        if whole:
            self._part.replace(os.path.realpath(self._path))
        elif self._form.resumes and self._named and self._count:
            told = f"{self._part} holds {self._count} recordings; the same command with --resume goes on"
            print(f"nemo-ctcbias: {told}", file=sys.stderr)


class Folder:
    """A file a recording, called as it is, in the folders that it is in.

    Raises:
        SettingError: the folder is a file.
    """

    def __init__(self, path: str, suffix: str, form: Format, resume: bool):
        self._path, self._suffix, self._form, self._resume = Path(path), suffix, form, resume
        if self._path.exists() and not self._path.is_dir():
            raise SettingError(f"--out-dir {path}: is a file; name a folder")
        self._names: dict[int, Path] = {}

    def missing(self, recordings: Sequence[Recording]) -> list[Recording]:
        """Those without a file.

        Raises:
            SettingError: two recordings would be written to one file.
        """
        names = _distinct(recordings)
        self._names = {
            id(one): self._path / f"{name}.{self._suffix}" for one, name in zip(recordings, names, strict=True)
        }
        return [one for one in recordings if not (self._resume and self._names[id(one)].is_file())]

    def begin(self) -> None:
        """Files are replaced one by one."""

    def write(self, one: Transcript) -> None:
        """Write its file whole."""
        path = self._names[id(one.recording)]
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as file:
            file.write_text(self._form.header + self._form.write(one, False), encoding="utf-8")

    def close(self, whole: bool) -> None:
        """Nothing is left to do."""


def output_for(out: str | None, folder: str | None, suffix: str, form: Format, named: bool, resume: bool) -> Output:
    """Where the options say, checked before anything takes time.

    Raises:
        BiasingError: of its kinds, for what cannot be written.
    """
    if folder is not None:
        return Folder(folder, suffix, form, resume)
    if out is None or (Path(out).exists() and not Path(out).is_file() and not Path(out).is_dir()):
        return Stream(form, named, out)
    return OneFile(out, form, named, resume)


def _path_in(line: str) -> str:
    return json.loads(line)["audio_filepath"] if line.startswith("{") else line.split("\t")[0]


def _distinct(recordings: Sequence[Recording]) -> list[str]:
    """Names of the recordings below the folder that all are in: without suffix, with it, or with their offset."""
    paths = [Path("standard_input") if one.path == "-" else Path(one.path).absolute() for one in recordings]
    root = os.path.commonpath([path.parent for path in paths]) if all(map(Path.is_absolute, paths)) else ""
    inside = [Path(os.path.relpath(path, root)) if root and path.is_absolute() else path for path in paths]
    ways: list[Callable[[Path, Recording], Path]] = [
        lambda path, one: path.with_suffix(""),
        lambda path, one: path,
        lambda path, one: path.with_name(f"{path.stem}@{one.offset:g}"),
    ]
    for way in ways:
        names = [str(way(path, one)) for path, one in zip(inside, recordings, strict=True)]
        if len(set(names)) == len(names):
            return names
    twice = next(name for name, count in Counter(names).items() if count > 1)
    raise SettingError(f"--out-dir: two recordings would be written to {twice!r}; transcribe them one after the other")
