"""What is done of a recording of hours, in a file beside the output, so that `--resume` goes on in its middle."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from nemo_ctcbias.commands.recordings import Recording
from nemo_ctcbias.commands.transcripts import Transcript, Word
from nemo_ctcbias.search.hits import Hit
from nemo_ctcbias.whole_files import written_whole


class KeptPart:
    """The transcript of a recording up to some sample.

    Args:
        path: of the file; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def __bool__(self) -> bool:
        """Whether anything is kept."""
        return self._path is not None

    @classmethod
    def beside(cls, out: str | None, folder: str | None, one: Recording) -> KeptPart:
        """Beside the output file, or in the output folder; with standard output or a pipe nothing is kept."""
        special = folder is None and (out is None or (Path(out).exists() and not Path(out).is_file()))
        if special:
            return cls(None)
        name = hashlib.sha256(f"{one.path} {one.offset} {one.duration} {one.seconds}".encode()).hexdigest()[:12]
        return cls((Path(out).parent if folder is None else Path(folder)) / f".{Path(one.path).stem[:40]}.{name}.part")

    def read(self, one: Recording) -> tuple[int, Transcript | None]:
        """The sample, and the transcript of all before it."""
        if self._path is None or not self._path.is_file():
            return 0, None
        row = json.loads(self._path.read_text(encoding="utf-8"))
        hits, words = (Hit(**hit) for hit in row["hits"]), (Word(*word) for word in row["words"])
        return row["end"], Transcript(one, row["text"], tuple(hits), tuple(words))

    def write(self, end: int, found: Transcript) -> None:
        """Keep it, whole or not at all."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        row = {"end": end, "text": found.text, "hits": [asdict(hit) for hit in found.hits], "words": found.words}
        with written_whole(self._path) as file:
            file.write_text(json.dumps(row), encoding="utf-8")

    def remove(self) -> None:
        """It is done."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
