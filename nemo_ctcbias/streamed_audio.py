"""Samples of a stream as they come, at the model's rate; only the last of them are kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from numbers import Real
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nemo_ctcbias.audio import HIGHEST_RATE, LOUDEST, LOWEST_RATE, SoundFile, load_audio, split_long
from nemo_ctcbias.errors import AudioError

BLOCK = 60.0  # seconds of a long recording that are read at once


class StreamedSamples:
    """Mono float32 samples at one rate (a second), counted from the beginning of the stream."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._kept = np.zeros(0, dtype=np.float32)
        self._forgotten = 0
        self._given, self._resampler = rate, None

    @property
    def end(self) -> int:
        """How many there were."""
        return self._forgotten + len(self._kept)

    def add(self, samples: Any, rate: int | None = None) -> None:
        """The next ones.

        Args:
            samples: [T] floats from -1 to 1, or 16-bit integers.
            rate: theirs; another one than before begins anew there.

        Raises:
            AudioError: no mono sound, or no rate; nothing is taken.
        """
        where = f"stream at {self.end / self.rate:.2f} s"
        samples = np.asarray(samples)
        if samples.ndim != 1 or not (samples.dtype == np.int16 or np.issubdtype(samples.dtype, np.floating)):
            shape = f"{samples.dtype} of shape {list(samples.shape)}"
            raise AudioError(f"{where}: got {shape}; give mono samples, floats from -1 to 1 or 16-bit integers")
        if len(samples) and not np.isfinite(samples).all():
            raise AudioError(f"{where}: holds samples that are not numbers; they were left out")
        if len(samples) and np.abs(samples.astype(np.float64)).max() > LOUDEST:
            raise AudioError(f"{where}: holds samples up to {np.abs(samples).max():.0e}, which is no sound")
        rate = self.rate if rate is None else rate
        if not isinstance(rate, Real) or not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise AudioError(f"{where}: {rate!r} samples a second are no sound; say how many the stream has")
        samples = samples / np.float32(1 << 15) if samples.dtype == np.int16 else samples
        self._keep(self._resampled(samples.astype(np.float32), rate))

    def end_of_stream(self) -> None:
        """No more come: what a resampler still holds is there now."""
        self._keep(self._flushed())

    def between(self, first: int, last: int) -> np.ndarray:
        """Samples [first, last), as far as they are there."""
        return self._kept[max(first - self._forgotten, 0) : max(last - self._forgotten, 0)]

    def forget(self, before: int) -> None:
        """Nobody asks for samples before this one any more."""
        gone = min(max(before - self._forgotten, 0), len(self._kept))
        self._kept, self._forgotten = self._kept[gone:], self._forgotten + gone

    def _resampled(self, samples: np.ndarray, rate: int) -> np.ndarray:
        rest = self._flushed() if rate != self._given else samples[:0]
        if rate != self._given:
            import soxr  # librosa's resampler

            self._given = rate
            self._resampler = None if rate == self.rate else soxr.ResampleStream(rate, self.rate, 1, dtype="float32")
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        return np.concatenate([rest, samples])

    def _flushed(self) -> np.ndarray:
        nothing = np.zeros(0, dtype=np.float32)
        return nothing if self._resampler is None else self._resampler.resample_chunk(nothing, last=True)

    def _keep(self, samples: np.ndarray) -> None:
        self._kept = np.concatenate([self._kept, samples])


def blocks_of(
    path: str | Path, rate: int, seconds: float, offset: float = 0.0, duration: float | None = None
) -> Iterator[tuple[np.ndarray, int]]:
    """(mono samples, their rate) of a recording, so many seconds at a time; only what libsndfile cannot read is held.

    Args:
        rate: of what is held.
        offset, duration: part of the recording in seconds; None to its end.

    Raises:
        AudioError: if the file is missing, unreadable or no sound.
    """
    try:
        file = SoundFile(os.fsencode(path))
        if not file.seekable():
            raise RuntimeError("its length is not known")
    except (OSError, RuntimeError):  # whoever reads it as a whole says why, or can
        whole, step = load_audio(path, rate, offset, duration), max(1, round(seconds * rate))
        yield from ((whole[at : at + step], rate) for at in range(0, len(whole), step))
        return
    with file:
        given = file.samplerate
        file.seek(round(min(offset * given, file.frames)))
        wanted = -1 if duration is None else round(duration * given)
        for block in file.blocks(max(1, round(seconds * given)), frames=wanted, dtype="float32", always_2d=True):
            yield block.mean(axis=1), given


def blocks_from(file: BinaryIO, rate: int, seconds: float) -> Iterator[tuple[np.ndarray, int]]:
    """The same of raw 16-bit samples, little-endian and mono, as they come."""
    step = 2 * max(1, round(seconds * rate))
    while data := file.read(step):
        yield np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(np.int16), rate


def pieces_of(
    path: str | Path, rate: int, offset: float = 0.0, duration: float | None = None, start: int = 0
) -> Iterator[tuple[int, np.ndarray]]:
    """(start sample, piece) pairs of a recording as `split_long` cuts it, which is never held as a whole.

    Args:
        rate: of the samples.
        offset, duration: part of the recording in seconds; None to its end.
        start: sample of that part from which on, where a piece begins.

    Raises:
        AudioError: if the file is missing, unreadable or no sound.
    """
    samples, at, left = StreamedSamples(rate), 0, None if duration is None else duration - start / rate
    try:
        for block, given in blocks_of(path, rate, BLOCK, offset + start / rate, left):
            samples.add(block, given)
            *pieces, (rest, _) = split_long(samples.between(at, samples.end), rate)
            yield from ((start + at + first, piece) for first, piece in pieces)
            at += rest
            samples.forget(at)
    except (RuntimeError, OSError) as error:  # libsndfile's, where a file breaks off
        raise AudioError(f"{path}: cannot be read further than {(start + samples.end) / rate:.0f} s") from error
    except AudioError as error:
        if str(error).startswith(str(path)):
            raise
        raise AudioError(f"{path}: {error}") from error
    samples.end_of_stream()
    yield from ((start + at + first, piece) for first, piece in split_long(samples.between(at, samples.end), rate))
