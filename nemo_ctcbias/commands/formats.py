"""Transcripts as files: text, JSON lines, tables, subtitles."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nemo_ctcbias.commands.transcripts import Transcript, Word

# Of a subtitle, as Netflix and the BBC ask for: two lines of 42 letters, up to seven seconds, a new one after a pause.
LETTERS, SECONDS, PAUSE = 84, 7.0, 0.8


@dataclass(frozen=True)
class Format:
    """How transcripts are written.

    write: what stands for one recording; told whether it has to say which.
    header: stands first in a file.
    timed: whether words need times.
    alone: whether a file holds one recording only.
    resumes: whether what is written of a recording begins with its path, so that it is known what is there.
    bare: whether it does not where there is one recording only; then the file is that one's.
    """

    write: Callable[[Transcript, bool], str]
    header: str = ""
    timed: bool = False
    alone: bool = False
    resumes: bool = False
    bare: bool = False


def as_text(one: Transcript, named: bool) -> str:
    """The path before it, where there are several."""
    return f"{one.recording.path}\t{one.text}\n" if named else f"{one.text}\n"


def as_json(one: Transcript, named: bool) -> str:
    """An object with all that is known."""
    row = {"audio_filepath": one.recording.path}
    if one.recording.offset or one.recording.duration is not None:
        row |= {"offset": one.recording.offset, "duration": one.recording.duration}
    row |= {"text": one.text, "hits": [hit.as_dict() for hit in one.hits]}
    if one.words:
        row["words"] = [word._asdict() for word in one.words]
    if one.nbest:
        row["nbest"] = [{"text": text, "score": round(score, 3)} for text, score in one.nbest]
    return json.dumps(row, ensure_ascii=False) + "\n"


def as_tsv(one: Transcript, named: bool) -> str:
    """A row of a table; the listed phrases with their times and confidence."""
    hits = "; ".join(f"{hit.phrase} {hit.start:.2f}-{hit.end:.2f} {hit.confidence:.2f}" for hit in one.hits)
    cells = (one.recording.path, f"{one.recording.offset:g}", f"{one.recording.seconds:.2f}", one.text, hits)
    return "\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in cells) + "\n"


def as_ctm(one: Transcript, named: bool) -> str:
    """NIST's time-marked words: file, channel, start, duration, word; a listed phrase is split evenly."""
    name = Path(one.recording.path).stem.replace(" ", "_")
    lines = []
    for word in one.words:
        parts = word.text.split()
        each = (word.end - word.start) / max(len(parts), 1)
        lines += [f"{name} 1 {word.start + at * each:.2f} {each:.2f} {part}\n" for at, part in enumerate(parts)]
    return "".join(lines)


def as_srt(one: Transcript, named: bool) -> str:
    """SubRip subtitles."""
    return "".join(
        f"{number}\n{_clock(start, ',')} --> {_clock(end, ',')}\n{text}\n\n"
        for number, (start, end, text) in enumerate(subtitles(one.words), start=1)
    )


def as_vtt(one: Transcript, named: bool) -> str:
    """WebVTT subtitles."""
    return "".join(f"{_clock(a, '.')} --> {_clock(b, '.')}\n{text}\n\n" for a, b, text in subtitles(one.words))


FORMATS = {
    "txt": Format(as_text, resumes=True, bare=True),
    "json": Format(as_json, resumes=True),
    "tsv": Format(as_tsv, header="audio_filepath\toffset\tseconds\ttext\thits\n", resumes=True),
    "ctm": Format(as_ctm, timed=True, bare=True),
    "srt": Format(as_srt, timed=True, alone=True, bare=True),
    "vtt": Format(as_vtt, header="WEBVTT\n\n", timed=True, alone=True, bare=True),
}


def subtitles(words: Sequence[Word]) -> Iterator[tuple[float, float, str]]:
    """(start, end, text) of each, a new one where it would become too long or somebody pauses."""
    held: list[Word] = []
    for word in words:
        if held:
            letters = sum(len(one.text) + 1 for one in held) + len(word.text)
            if letters > LETTERS or word.end - held[0].start > SECONDS or word.start - held[-1].end > PAUSE:
                yield held[0].start, held[-1].end, " ".join(one.text for one in held)
                held = []
        held.append(word)
    if held:
        yield held[0].start, held[-1].end, " ".join(one.text for one in held)


def _clock(seconds: float, point: str) -> str:
    thousandths = round(1000 * seconds)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"
