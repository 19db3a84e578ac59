"""Recordings that are sent: for as long as it takes to decode them in a folder of the server's own, then gone."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO

from nemo_ctcbias.audio import SUFFIXES, load_audio, split_long
from nemo_ctcbias.commands.recordings import Recording
from nemo_ctcbias.errors import AudioError
from nemo_ctcbias.whole_files import is_running

PREFIX = "nemo-ctcbias-serve"


class Uploads:
    """The folder; it and what killed servers of this machine left behind are cleared away.

    Args:
        seconds: the longest recording that is taken.
    """

    def __init__(self, seconds: float):
        self._seconds = seconds
        self._folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}-{platform.node()}-{os.getpid()}-"))
        written = re.compile(rf"{PREFIX}-{re.escape(platform.node())}-(\d+)-\w+")
        for left in self._folder.parent.glob(f"{PREFIX}-*"):
            found = written.fullmatch(left.name)
            if found and not is_running(int(found[1])):
                shutil.rmtree(left, ignore_errors=True)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def recording(self, sent: BinaryIO, name: str, sample_rate: int) -> Recording:
        """What was sent, decoded and cut into pieces.

        Args:
            name: that the sender calls it by; nothing is opened by that name.

        Raises:
            AudioError: no audio, or too long.
        """
        name = name[:100] or "file"
        suffix = Path(name).suffix.lower()
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=suffix if suffix in SUFFIXES else "") as file:
            shutil.copyfileobj(sent, file)
            file.flush()
            try:
                samples = load_audio(file.name, sample_rate, duration=self._seconds + 1)
            except AudioError as error:
                raise AudioError(str(error).replace(file.name, name)) from error
        seconds = len(samples) / sample_rate
        if seconds > self._seconds:
            raise AudioError(f"{name}: is longer than {self._seconds:g} s, this server's longest; split it")
        return Recording(name, seconds=seconds, pieces=split_long(samples, sample_rate))
