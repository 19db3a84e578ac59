"""Recordings as mono samples at the model's rate, whatever their format, and long ones in pieces."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from nemo_ctcbias.errors import AudioError, ManifestError

FURTHEST = 1e9  # seconds that an offset may be
LONGEST = 12 * 3600  # seconds of a recording: some GB of samples
LOWEST_RATE, HIGHEST_RATE = 1000, 1_000_000  # Hz
LOUDEST = 2.0**32  # samples may be whole numbers that were never scaled; beyond, their power overflows
BLOCK = 1 << 22  # samples read at once, of all channels together
UNKNOWN = 2**63 - 1  # libsndfile's length of a file that does not tell it, as flac that was written into a pipe

#: What FFmpeg may open: recordings, never playlists and scripts, which make it read other files or the network.
CONTAINERS = "aac,ac3,aiff,amr,asf,au,caf,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,w64,wav"

#: What is looked for in folders; single files may be called anything.
SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".mp4", ".webm", ".aiff", ".aif", ".au")


class SoundFile(soundfile.SoundFile):
    """A file that libsndfile reads; one of unknown length is read from its beginning, for it cannot seek at its end."""

    def seekable(self) -> bool:
        """As soundfile's, which asks before it seeks."""
        return self.frames != UNKNOWN and super().seekable()


def load_audio(path: str | Path, sample_rate: int, offset: float = 0.0, duration: float | None = None) -> np.ndarray:
    """Mono float32 samples of a recording: channels averaged, resampled to `sample_rate` Hz.

    libsndfile reads wav, flac, ogg, opus, mp3 and more; m4a, aac and what else FFmpeg knows needs the package `av`.

    What a header promises is not believed: a file is read a block at a time, and no more than `LONGEST` seconds.

    Args:
        offset, duration: part of the recording in seconds; None to its end.

    Raises:
        AudioError: if the file is missing, unreadable, no sound, or holds no sample there.
    """
    path = Path(path)
    if not 0 <= offset <= FURTHEST or (duration is not None and not 0 < duration <= FURTHEST):
        raise AudioError(f"{path}: offset {offset} and duration {duration} name no part of it; give seconds from 0 up")
    with _readable(path):
        mono, rate = _read(path, offset, duration)
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


def part_of(row: Mapping[str, Any], where: str) -> tuple[float, float | None]:
    """(offset, duration) in seconds of the part of a recording that a manifest's row names; None to its end.

    As NeMo reads them: without an offset it is the whole recording, whose duration is often rounded.

    Raises:
        ManifestError: no such seconds; begins with `where`.
    """
    for field in ("offset", "duration"):
        value = row.get(field)
        number = not isinstance(value, bool) and isinstance(value, (int, float))
        if value is not None and not (number and 0 <= value <= FURTHEST):
            raise ManifestError(f"{where}: '{field}' must be seconds from 0 up, got {str(value)[:40]!r}")
    if row.get("offset") is None:
        return 0.0, None
    return float(row["offset"]), float(row["duration"]) if row.get("duration") else None


def seconds_of(path: str | Path) -> float:
    """Length of a recording as its header tells it (0 where it does not); its samples are not read.

    Raises:
        AudioError: if the file is missing or unreadable.
    """
    path = Path(path)
    with _readable(path):
        try:
            info = soundfile.info(os.fsencode(path))
            return 0.0 if info.frames == UNKNOWN else info.frames / info.samplerate
        except soundfile.LibsndfileError as error:
            with _ffmpeg(path, error) as file:
                return (file.duration or 0) / 1e6


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Whatever libraries raise about a file, as one line."""
    try:
        _refuse(path)
        yield
    except AudioError:
        raise
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    except (RuntimeError, ValueError, TypeError, MemoryError) as error:  # soundfile.LibsndfileError is a RuntimeError
        reason = str(error).rsplit(":", 1)[-1].strip(" .") or type(error).__name__
        raise AudioError(f"{path}: cannot be read as audio ({reason}); convert it to wav or flac") from error


def _refuse(path: Path) -> None:
    """What is no file, or has a name that no output could hold."""
    name = str(path)
    if name.encode("utf-8", "ignore").decode("utf-8") != name:
        raise AudioError(f"{name!a}: cannot be read (its name is no text); rename it")
    if not path.exists():
        raise AudioError(f"{path}: no such file; check the path")
    if path.is_dir():
        raise AudioError(f"{path}: is a folder; give its audio files, or a manifest")
    if not path.is_file():
        raise AudioError(f"{path}: is no file but a pipe or device; record it into a file")
    if not path.stat().st_size:
        raise AudioError(f"{path}: is empty; record it again")


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


def _read(path: Path, offset: float, duration: float | None) -> tuple[np.ndarray, int]:
    """Samples of a part, channels averaged, and their rate."""
    try:
        with SoundFile(os.fsencode(path)) as file:
            rate = _checked_rate(path, file.samplerate)
            if not file.seekable():
                return _from_the_beginning(path, lambda wanted: _mono(file, wanted), rate, offset, duration), rate
            first = file.seek(round(min(offset * rate, file.frames)))
            seconds = (file.frames - first) / rate
            seconds = seconds if duration is None else min(duration, seconds)
            if seconds > LONGEST:
                raise AudioError(f"{path}: {seconds / 3600:.3g} hours are more than {LONGEST / 3600:g}; split it")
            return _mono(file, round(seconds * rate)), rate
    except soundfile.LibsndfileError as error:
        with _ffmpeg(path, error) as file:
            rate = _checked_rate(path, file.streams.audio[0].rate)
            return _from_the_beginning(path, lambda wanted: _decoded(file, wanted), rate, offset, duration), rate


def _from_the_beginning(
    path: Path, read: Callable[[int], np.ndarray], rate: int, offset: float, duration: float | None
) -> np.ndarray:
    """A part of what tells its length nowhere but at its end; `read` gives the first samples, at most so many."""
    first, wanted = round(offset * rate), round(min(duration or FURTHEST, LONGEST) * rate)
    mono = read(first + wanted + 1)[first:]
    if len(mono) > wanted == LONGEST * rate:
        raise AudioError(f"{path}: is longer than {LONGEST / 3600:g} hours; split it")
    return mono[:wanted]


def _checked_rate(path: Path, rate: int) -> int:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioError(f"{path}: {rate} samples a second are no sound; convert it to wav or flac")
    return rate


def _decoded(file: Any, wanted: int) -> np.ndarray:
    """The first samples of a file that FFmpeg has opened, at most so many, channels averaged."""
    import av

    blocks, have = [np.zeros(0, dtype=np.float32)], 0
    as_floats = av.AudioResampler(format="fltp")
    for frame in file.decode(audio=0):
        blocks += [one.to_ndarray().mean(axis=0) for one in as_floats.resample(frame)]
        have += frame.samples
        if have >= wanted:
            break
    return np.concatenate(blocks)[:wanted]


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
        with av.open(str(path), options={"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}) as file:
            if not file.streams.audio:
                raise AudioError(f"{path}: holds no audio; check the path")
            if file.streams.audio[0].codec_context is None:  # FFmpeg has no decoder for it
                raise unknown
            yield file
    except av.FFmpegError as error:
        raise unknown from error


def split_long(samples: np.ndarray, sample_rate: int, longest: float = 30.0) -> list[tuple[int, np.ndarray]]:
    """(start sample, piece) pairs of at most `longest` seconds, cut where the recording is quietest.

    Full-context attention needs memory that grows with the square of the length; speech itself does not.  What has to
    be cut is cut into pieces of a third to two thirds of `longest`, as long as the utterances that models learn from:
    they are heard as well, and faster.
    """
    pieces, start, limit = [], 0, int(longest * sample_rate * 2 / 3)
    window = max(1, min(int(0.2 * sample_rate), limit - limit // 2))
    while len(samples) - start > int(longest * sample_rate):
        search = samples[start + limit // 2 : start + limit]
        blocks = search[: len(search) // window * window].reshape(-1, window)
        quietest = int((blocks**2).mean(axis=1).argmin())
        cut = start + limit // 2 + quietest * window + window // 2
        pieces.append((start, samples[start:cut]))
        start = cut
    pieces.append((start, samples[start:]))
    return pieces
