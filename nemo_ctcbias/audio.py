"""Recordings as mono samples at the model's rate, whatever their format, and long ones in pieces."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import soundfile

from nemo_ctcbias.errors import AudioError

FURTHEST = 1e9  # seconds that an offset may be
LONGEST = 12 * 3600  # seconds of a recording: some GB of samples
LOWEST_RATE, HIGHEST_RATE = 1000, 1_000_000  # Hz
LOUDEST = 2.0**32  # samples may be whole numbers that were never scaled; beyond, their power overflows
BLOCK = 1 << 22  # samples read at once, of all channels together


def load_audio(path: str | Path, sample_rate: int, offset: float = 0.0, duration: float | None = None) -> np.ndarray:
    """Mono float32 samples of a wav, flac, ogg or mp3 file: channels averaged, resampled to `sample_rate` Hz.

    What a header promises is not believed: a file is read a block at a time, and no more than `LONGEST` seconds.

    Args:
        offset, duration: part of the recording in seconds; None to its end.

    Raises:
        AudioError: if the file is missing, unreadable, no sound, or holds no sample there.
    """
    path = Path(path)
    if not 0 <= offset <= FURTHEST or (duration is not None and not 0 < duration <= FURTHEST):
        raise AudioError(f"{path}: offset {offset} and duration {duration} name no part of it; give seconds from 0 up")
    try:
        _refuse(path)
        with soundfile.SoundFile(os.fsencode(path)) as file:
            rate = file.samplerate
            if not LOWEST_RATE <= rate <= HIGHEST_RATE:
                raise AudioError(f"{path}: {rate} samples a second are no sound; convert it to wav or flac")
            first = file.seek(round(min(offset * rate, file.frames)))
            seconds = (file.frames - first) / rate
            seconds = seconds if duration is None else min(duration, seconds)
            if seconds > LONGEST:
                raise AudioError(f"{path}: {seconds / 3600:.3g} hours are more than {LONGEST / 3600:g}; split it")
            mono = _mono(file, round(seconds * rate))
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    except (RuntimeError, ValueError, TypeError, MemoryError) as error:  # soundfile.LibsndfileError is a RuntimeError
        if isinstance(error, AudioError):
            raise
        reason = str(error).rsplit(":", 1)[-1].strip(" .") or type(error).__name__
        raise AudioError(f"{path}: cannot be read as audio ({reason}); convert it to wav or flac") from error
    if not len(mono):
        raise AudioError(f"{path}: holds no audio{f' from {offset:g} s on' if offset else ''}; record it again")
    if not np.isfinite(mono).all():
        raise AudioError(f"{path}: holds samples that are not numbers; export it again")
    if (peak := float(np.abs(mono).max())) > LOUDEST:
        raise AudioError(f"{path}: holds samples up to {peak:.0e}, which is no sound; export it again")
    if rate != sample_rate:
        import librosa

        mono = librosa.resample(mono, orig_sr=rate, target_sr=sample_rate)
    return mono


def _refuse(path: Path) -> None:
    """What is no file, or has a name that no output could hold."""
    if not _is_utf8(str(path)):
        raise AudioError(f"{str(path)!a}: cannot be read (its name is no text); rename it")
    if not path.exists():
        raise AudioError(f"{path}: no such file; check the path")
    if path.is_dir():
        raise AudioError(f"{path}: is a folder; give its audio files, or a manifest")
    if not path.is_file():
        raise AudioError(f"{path}: is no file but a pipe or device; record it into a file")


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _mono(file: soundfile.SoundFile, wanted: int) -> np.ndarray:
    """The next samples of a file, at most so many, channels averaged."""
    blocks, block = [np.zeros(0, dtype=np.float32)], max(BLOCK // file.channels, 1)
    while wanted > 0:
        samples = file.read(min(block, wanted), dtype="float32", always_2d=True)
        if not len(samples):
            break
        blocks.append(samples.mean(axis=1))
        wanted -= len(samples)
    return np.concatenate(blocks)


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
