"""Recordings as mono samples at the model's rate, whatever their format, and long ones in pieces."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from nemo_ctcbias.errors import AudioError, ManifestError


def load_audio(path: str | Path, sample_rate: int, offset: float = 0.0, duration: float | None = None) -> np.ndarray:
    """Mono float32 samples of a wav, flac, ogg or mp3 file: channels averaged, resampled to `sample_rate` Hz.

    Args:
        offset, duration: part of the recording in seconds; None to its end.

    Raises:
        AudioError: if the file is missing, unreadable or holds no sample there.
    """
    path = Path(path)
    if not 0 <= offset < math.inf or (duration is not None and not 0 < duration < math.inf):
        raise AudioError(f"{path}: offset {offset} and duration {duration} name no part of it; give seconds from 0 up")
    try:
        if not path.exists():
            raise AudioError(f"{path}: no such file; check the path")
        if path.is_dir():
            raise AudioError(f"{path}: is a folder; give its audio files, or a manifest")
        with soundfile.SoundFile(path) as file:
            rate, first = file.samplerate, round(offset * file.samplerate)
            file.seek(min(first, file.frames))
            count = -1 if duration is None else round(duration * rate)
            samples = file.read(count, dtype="float32", always_2d=True)
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    except RuntimeError as error:  # soundfile.LibsndfileError is one
        reason = str(error).rsplit(":", 1)[-1].strip(" .")
        raise AudioError(f"{path}: cannot be read as audio ({reason}); convert it to wav or flac") from error
    if not len(samples):
        raise AudioError(f"{path}: holds no audio{f' from {offset:g} s on' if offset else ''}; record it again")
    mono = samples.mean(axis=1)
    if not np.isfinite(mono).all():
        raise AudioError(f"{path}: holds samples that are not numbers; export it again")
    if rate != sample_rate:
        import librosa

        mono = librosa.resample(mono, orig_sr=rate, target_sr=sample_rate)
    return mono


def part_of(row: Mapping[str, Any], where: str) -> tuple[float, float | None]:
    """(offset, duration) in seconds of the part of a recording that a manifest's row names; None to its end.

    As NeMo reads them: without an offset it is the whole recording, whose duration is often rounded.

    Raises:
        ManifestError: no such seconds; begins with `where`.
    """
    for field in ("offset", "duration"):
        value = row.get(field)
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0):
            raise ManifestError(f"{where}: '{field}' must be seconds from 0 up, got {value!r}")
    if row.get("offset") is None:
        return 0.0, None
    return float(row["offset"]), float(row["duration"]) if row.get("duration") else None


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
