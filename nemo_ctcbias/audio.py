"""Recordings as mono samples at the model's rate, whatever their format, and long ones in pieces."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from nemo_ctcbias.errors import AudioError

#: What is looked for in folders; single files may be called anything.
SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".mp4", ".webm", ".aiff", ".aif", ".au")


def load_audio(path: str | Path, sample_rate: int, offset: float = 0.0, duration: float | None = None) -> np.ndarray:
    """Mono float32 samples of a recording: channels averaged, resampled to `sample_rate` Hz.

    libsndfile reads wav, flac, ogg, opus, mp3 and more; m4a, aac and what else FFmpeg knows needs the package `av`.

    Args:
        offset, duration: part of the recording in seconds; None to its end.

    Raises:
        AudioError: if the file is missing, unreadable or holds no sample there.
    """
    path = Path(path)
    if not 0 <= offset < math.inf or (duration is not None and not 0 < duration < math.inf):
        raise AudioError(f"{path}: offset {offset} and duration {duration} name no part of it; give seconds from 0 up")
    with _readable(path):
        samples, rate = _read(path, offset, duration)
    if not len(samples):
        raise AudioError(f"{path}: holds no audio{f' from {offset:g} s on' if offset else ''}; record it again")
    mono = samples.mean(axis=1)
    if not np.isfinite(mono).all():
        raise AudioError(f"{path}: holds samples that are not numbers; export it again")
    if rate != sample_rate:
        import librosa

        mono = librosa.resample(mono, orig_sr=rate, target_sr=sample_rate)
    return mono


def seconds_of(path: str | Path) -> float:
    """Length of a recording as its header tells it (0 where it does not); its samples are not read.

    Raises:
        AudioError: if the file is missing or unreadable.
    """
    path = Path(path)
    with _readable(path):
        try:
            info = soundfile.info(path)
            return info.frames / info.samplerate
        except soundfile.LibsndfileError as error:
            with _ffmpeg(path, error) as file:
                return (file.duration or 0) / 1e6


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Whatever libraries raise about a file, as one line."""
    try:
        if not path.exists():
            raise AudioError(f"{path}: no such file; check the path")
        if path.is_dir():
            raise AudioError(f"{path}: is a folder; give its audio files, or a manifest")
        yield
    except AudioError:
        raise
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    except RuntimeError as error:  # soundfile.LibsndfileError is one
        reason = str(error).rsplit(":", 1)[-1].strip(" .")
        raise AudioError(f"{path}: cannot be read as audio ({reason}); convert it to wav or flac") from error


def _read(path: Path, offset: float, duration: float | None) -> tuple[np.ndarray, int]:
    """Samples [T, C] of a part, and their rate."""
    try:
        with soundfile.SoundFile(path) as file:
            rate, first = file.samplerate, round(offset * file.samplerate)
            file.seek(min(first, file.frames))
            count = -1 if duration is None else round(duration * rate)
            return file.read(count, dtype="float32", always_2d=True), rate
    except soundfile.LibsndfileError as error:
        with _ffmpeg(path, error) as file:
            import av

            rate = file.streams.audio[0].rate
            as_floats = av.AudioResampler(format="fltp")
            frames = [one for frame in file.decode(audio=0) for one in as_floats.resample(frame)]
            samples = np.concatenate([one.to_ndarray() for one in frames], axis=1).T if frames else np.zeros((0, 1))
    first = round(offset * rate)
    return samples[first : None if duration is None else first + round(duration * rate)].astype(np.float32), rate


@contextmanager
def _ffmpeg(path: Path, unknown: soundfile.LibsndfileError) -> Iterator[Any]:
    """The file opened by FFmpeg, through the package `av`, where libsndfile does not know its format."""
    if "format" not in str(unknown).lower() and "supported" not in str(unknown).lower():
        raise unknown
    try:
        import av
    except ImportError:
        if path.suffix.lower() in SUFFIXES:
            needs = f"{path.suffix} needs FFmpeg: pip install 'nemo-ctcbias[audio]', or convert it to wav or flac"
            raise AudioError(f"{path}: {needs}") from unknown
        raise unknown from None
    try:
        with av.open(str(path)) as file:
            if not file.streams.audio:
                raise AudioError(f"{path}: holds no audio; check the path")
            yield file
    except av.FFmpegError as error:
        raise unknown from error


def split_long(samples: np.ndarray, sample_rate: int, longest: float = 30.0) -> list[tuple[int, np.ndarray]]:
    """(start sample, piece) pairs of at most `longest` seconds, cut where the recording is quietest.

    Full-context attention needs memory that grows with the square of the length; speech itself does not.
    """
    pieces, start, limit, window = [], 0, int(longest * sample_rate), int(0.2 * sample_rate)
    while len(samples) - start > limit:
        search = samples[start + limit // 2 : start + limit]
        blocks = search[: len(search) // window * window].reshape(-1, window)
        quietest = int((blocks**2).mean(axis=1).argmin())
        cut = start + limit // 2 + quietest * window + window // 2
        pieces.append((start, samples[start:cut]))
        start = cut
    pieces.append((start, samples[start:]))
    return pieces
