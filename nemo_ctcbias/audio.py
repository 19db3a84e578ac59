"""Recordings as mono samples at the model's rate, whatever their format, and long ones in pieces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from nemo_ctcbias.errors import AudioError


def load_audio(path: str | Path, sample_rate: int, offset: float = 0.0, duration: float | None = None) -> np.ndarray:
    """Mono float32 samples of a wav, flac, ogg or mp3 file: channels averaged, resampled to `sample_rate` Hz.

    Args:
        offset, duration: part of the recording in seconds; None to its end.

    Raises:
        AudioError: if the file is missing, unreadable or holds no sample there.
    """
    path = Path(path)
    if not path.exists():
        raise AudioError(f"{path}: no such file")
    if path.is_dir():
        raise AudioError(f"{path}: is a folder; give its audio files, or a manifest")
    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            file.seek(min(int(offset * rate), file.frames))
            samples = file.read(-1 if duration is None else int(duration * rate), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        reason = str(error).rsplit(":", 1)[-1].strip()
        raise AudioError(f"{path}: cannot be read as audio ({reason}); convert it to wav or flac") from error
    if not len(samples):
        raise AudioError(f"{path}: holds no audio")
    mono = samples.mean(axis=1)
    if not np.isfinite(mono).all():
        raise AudioError(f"{path}: holds samples that are not numbers")
    if rate != sample_rate:
        import librosa

        mono = librosa.resample(mono, orig_sr=rate, target_sr=sample_rate)
    return mono


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
