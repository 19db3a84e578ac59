"""What a model makes of recordings: text, listed phrases, word times and other hypotheses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.commands.recordings import Recording
from nemo_ctcbias.search.hits import Hit


class Word(NamedTuple):
    """A word, or a listed phrase, and when it is said (seconds of the recording's file)."""

    text: str
    start: float
    end: float


TOGETHER = 8  # batches in a call of `transcribe`, which recognises one while the encoder works on the next
OF_LONG = 4  # batches of a long recording, sorted by length, and lost at most if it is cut short: some 8 minutes of 8


@dataclass(frozen=True)
class Transcript:
    """What became of a recording; times in seconds of its file.

    words: empty where no times were asked for.
    nbest: (text, score) of the hypotheses, best first; empty where not asked for, or for a recording in pieces.
    """

    recording: Recording
    text: str
    hits: tuple[Hit, ...] = ()
    words: tuple[Word, ...] = ()
    nbest: tuple[tuple[str, float], ...] = ()


def transcribe_all(
    model: Any,
    recordings: Sequence[Recording],
    batch_size: int,
    *,
    unbiased: bool = False,
    timed: bool = False,
    done: Callable[[float], object] = lambda seconds: None,
) -> list[Transcript]:
    """Transcripts of loaded recordings, in their order; long ones piece by piece.

    Args:
        unbiased: use no list at all, not even the model's.
        timed: with word times.
        done: told the seconds of audio of some batches.
    """
    rate = model.cfg.sample_rate
    jobs = [(index, piece) for index, one in enumerate(recordings) for piece in one.pieces]
    jobs.sort(key=lambda job: -len(job[1][1]))  # like lengths together: less padding
    found: dict[tuple[int, int], list] = {}
    for first in range(0, len(jobs), TOGETHER * batch_size):
        batch = jobs[first : first + TOGETHER * batch_size]
        default = BiasList() if unbiased else model.bias_list
        lists = [default if unbiased or (own := recordings[i].bias_list) is None else own for i, _ in batch]
        config = model.get_transcribe_config()
        config.batch_size, config.num_workers, config.verbose = batch_size, 0, False
        config.pad_min_duration = 0.0  # NeMo pads samples to a second but not files, and files are what these are
        config.timestamps, config.return_hypotheses = timed, timed
        audio = [piece for _, (_, piece) in batch]
        results = model.transcribe(audio, timestamps=timed or None, bias_lists=lists, override_config=config)
        for (index, (start, _)), hypotheses in zip(batch, results, strict=True):
            found[index, start] = hypotheses if isinstance(hypotheses, list) else [hypotheses]
        done(sum(map(len, audio)) / rate)
    return [
        _joined(one, [(start / rate, found[index, start]) for start, _ in one.pieces])
        for index, one in enumerate(recordings)
    ]


def transcribe_long(
    model: Any,
    recording: Recording,
    pieces: Iterator[tuple[int, np.ndarray]],
    batch_size: int,
    known: Transcript | None = None,
    **options: Any,
) -> Iterator[tuple[int, Transcript]]:
    """(sample up to which it goes, transcript so far) of a recording that is never held as a whole, batches at a time.

    Args:
        pieces: of its samples, in order, as `recordings.loaded` cuts them.
        known: what an earlier run made of what comes before them.
        options: as for `transcribe_all`.
    """
    found = known or Transcript(recording, "")
    while some := list(islice(pieces, OF_LONG * batch_size)):
        (new,) = transcribe_all(model, [replace(recording, pieces=some)], batch_size, **options)
        text = " ".join(filter(None, (found.text, new.text)))
        found = replace(found, text=text, hits=found.hits + new.hits, words=found.words + new.words)
        yield some[-1][0] + len(some[-1][1]), found


def _joined(recording: Recording, pieces: list[tuple[float, list]]) -> Transcript:
    best = [(start, hypotheses[0]) for start, hypotheses in pieces]
    text = " ".join(hypothesis.text for _, hypothesis in best if hypothesis.text)
    hits, words = [], []
    for start, hypothesis in best:
        begin = start + recording.offset
        for hit in getattr(hypothesis, "hits", []):
            hits.append(replace(hit, start=round(hit.start + begin, 3), end=round(hit.end + begin, 3)))
        times = hypothesis.timestamp.get("word", []) if isinstance(hypothesis.timestamp, dict) else []
        for one in times:
            words.append(Word(one["word"], round(one["start"] + begin, 3), round(one["end"] + begin, 3)))
    nbest = [(one.text, float(one.score)) for one in pieces[0][1]] if len(pieces) == 1 else []
    return Transcript(recording, text, tuple(hits), tuple(words), tuple(nbest))
