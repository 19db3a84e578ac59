import os
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias.audio import load_audio, seconds_of, split_long
from nemo_ctcbias.errors import AudioError
from nemo_ctcbias.streamed_audio import blocks_of

RATE = 16000
LOSSY = {"ogg": 0.15, "mp3": 0.15}  # largest RMS error relative to the signal


def tone(seconds=1.0, rate=RATE, pitch=440.0):
    return 0.5 * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)


def rms(samples):
    return float(np.sqrt(np.mean(np.square(samples))))


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_rate_and_channel_count_gives_the_same_samples(kind, rate, channels, tmp_path):
    path = tmp_path / f"a.{kind}"
    soundfile.write(path, np.stack([tone(rate=rate)] * channels, axis=1), rate)
    samples = load_audio(path, RATE)
    assert samples.dtype == np.float32 and samples.ndim == 1
    assert len(samples) == pytest.approx(RATE, abs=0.08 * RATE if kind == "mp3" else 1)
    if kind != "mp3":  # mp3 is delayed by its encoder
        inner = slice(800, 15200)
        assert rms(samples[inner] - tone()[inner]) < LOSSY.get(kind, 0.01) * rms(tone())
    spectrum = np.abs(np.fft.rfft(samples))
    assert spectrum.argmax() * RATE / len(samples) == pytest.approx(440, abs=2)


def test_channels_are_averaged(tmp_path):
    path = tmp_path / "a.wav"
    left, right = tone(), tone(pitch=700.0)
    soundfile.write(path, np.stack([left, right, 0 * left], axis=1), RATE, subtype="FLOAT")
    assert load_audio(path, RATE) == pytest.approx((left + right) / 3, abs=1e-6)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg"])
@pytest.mark.parametrize(("offset", "duration"), [(0.25, 0.5), (0.25, None), (0.0, 0.5), (0.75, 9.0)])
def test_offset_and_duration_cut_the_same_part(kind, offset, duration, tmp_path):
    path = tmp_path / f"a.{kind}"
    soundfile.write(path, np.sin(np.arange(RATE) ** 1.5 / 3000) / 2, RATE)
    first = int(offset * RATE)
    last = RATE if duration is None else min(RATE, first + int(duration * RATE))
    part = load_audio(path, RATE, offset, duration)
    assert part == pytest.approx(load_audio(path, RATE)[first:last], abs=1e-4)


@pytest.mark.parametrize(("offset", "duration"), [(0.0, None), (0.25, 0.5), (0.25, None), (0.75, 9.0)])
def test_flac_from_a_pipe_whose_length_nobody_knew(offset, duration, tmp_path):
    known, piped = tmp_path / "known.flac", tmp_path / "piped.flac"
    soundfile.write(known, np.sin(np.arange(RATE) ** 1.5 / 3000) / 2, RATE)
    content = bytearray(known.read_bytes())
    content[21] &= 0xF0  # 36 bits that say how many samples there are
    content[22:26] = bytes(4)
    piped.write_bytes(content)
    expected = load_audio(known, RATE, offset, duration)
    assert np.array_equal(load_audio(piped, RATE, offset, duration), expected)
    assert seconds_of(piped) == 0
    blocks = [block for block, _ in blocks_of(piped, RATE, 0.1, offset, duration)]
    assert np.array_equal(np.concatenate(blocks), expected) and len(blocks) > 2


def test_offset_and_duration_are_seconds_of_the_recording_at_its_own_rate(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.concatenate([np.zeros(8000), tone(1.0, 8000)]), 8000)
    part = load_audio(path, RATE, 1.0, 0.5)
    assert len(part) == RATE // 2 and rms(part) == pytest.approx(rms(tone()), rel=0.05)


def garbage(path):
    path.write_bytes(np.random.default_rng(0).bytes(5000))


def truncated(path):
    soundfile.write(path, tone(), RATE, format="FLAC")
    path.write_bytes(path.read_bytes()[:30])


def not_numbers(path):
    samples = tone()
    samples[5000] = np.nan
    soundfile.write(path, samples, RATE, subtype="FLOAT")


def header_only(path):
    size = struct.pack("<I", 36)
    path.write_bytes(b"RIFF" + size + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16))


def absurd_length(path):
    """The header of a FLAC file names 2^36 samples, 49 days of them."""
    soundfile.write(path, tone(), RATE, format="FLAC")
    content = bytearray(path.read_bytes())
    content[21:26] = bytes([content[21] | 0x0F]) + b"\xff\xff\xff\xfe"
    path.write_bytes(content)


def too_long(path):
    """Thirteen hours of a hole on the disk."""
    size = 13 * 3600 * 8000
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8)
    header = struct.pack("<4sI4s", b"RIFF", size + 36, b"WAVE") + form + struct.pack("<4sI", b"data", size)
    with path.open("wb") as file:
        file.write(header)
        file.truncate(size + len(header))


def unknown_codec(path):
    soundfile.write(path, tone(), RATE)
    content = path.read_bytes()
    path.write_bytes(content[:20] + b"\xfe\xff" + content[22:])  # "as said below", where nothing is


BROKEN = {
    "a header of 49 days": (absurd_length, r"1\.19e\+03 hours are more than 12; split it"),
    "thirteen hours": (too_long, "13 hours are more than 12; split it"),
    "1 Hz": (lambda path: soundfile.write(path, tone(), 1), "1 samples a second are no sound"),
    "loud": (lambda path: soundfile.write(path, 1e30 * tone(), RATE, subtype="FLOAT"), r"samples up to 5e\+29"),
    "pipe": (os.mkfifo, "is no file but a pipe or device"),
    "missing": (lambda path: None, "no such file; check the path"),
    "folder": (lambda path: path.mkdir(), "is a folder; give its audio files, or a manifest"),
    "empty": (lambda path: path.touch(), "is empty; record it again"),
    "no samples": (lambda path: soundfile.write(path, np.zeros(0), RATE), "holds no audio"),
    "garbage": (garbage, "cannot be read as audio .*; convert it to wav or flac"),
    "text": (lambda path: path.write_text("not audio at all"), "cannot be read as audio"),
    "truncated": (truncated, "cannot be read as audio|holds no audio"),
    "header only": (header_only, "cannot be read as audio|holds no audio"),
    "a codec that nobody has": (unknown_codec, "cannot be read as audio .*; convert it to wav or flac"),
    "not numbers": (not_numbers, "holds samples that are not numbers; export it again"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_cannot_be_read_is_one_line_with_the_file_and_a_remedy(kind, tmp_path):
    path = tmp_path / "call it: this.wav"
    make, message = BROKEN[kind]
    make(path)
    with pytest.raises(AudioError, match=message) as caught:
        load_audio(path, RATE)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_whole_numbers_that_were_never_scaled_are_sound(tmp_path):
    soundfile.write(tmp_path / "a.wav", 2**31 * tone(), RATE, subtype="FLOAT")
    assert len(load_audio(tmp_path / "a.wav", RATE)) == RATE


def test_a_name_that_is_no_utf8_is_reported(tmp_path):
    name = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav")
    soundfile.write(tmp_path / "a.wav", tone(), RATE)
    (tmp_path / "a.wav").rename(name)
    with pytest.raises(AudioError, match="its name is no text") as found:
        load_audio(name, RATE)
    assert str(found.value).isascii()


def test_names_no_file_system_has():
    for name in ("x" * 5000 + ".wav", "a\0b.wav"):
        with pytest.raises(AudioError):
            load_audio(name, RATE)


@pytest.mark.parametrize(
    ("offset", "duration"), [(-1.0, None), (float("nan"), None), (float("inf"), 1.0), (0.0, 0.0), (0.0, -2.0)]
)
def test_impossible_parts_are_refused(offset, duration, tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(), RATE)
    with pytest.raises(AudioError, match="name no part of it; give seconds from 0 up"):
        load_audio(path, RATE, offset, duration)


def test_an_offset_behind_the_end_says_so(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(), RATE)
    with pytest.raises(AudioError, match=r"a.wav: holds no audio from 1\.5 s on"):
        load_audio(path, RATE, 1.5)


@given(length=st.integers(0, 5000), longest=st.floats(0.5, 20.0), seed=st.integers(0, 1000))
@settings(max_examples=200)
def test_pieces_are_the_whole_and_none_is_too_long(length, longest, seed):
    samples = np.random.default_rng(seed).normal(size=length)
    pieces = split_long(samples, 100, longest)
    assert np.array_equal(np.concatenate([piece for _, piece in pieces]), samples)
    assert all(len(piece) <= longest * 100 for _, piece in pieces)
    assert [start for start, _ in pieces] == [sum(len(p) for _, p in pieces[:i]) for i in range(len(pieces))]
    if length > 1:
        assert all(len(piece) for _, piece in pieces)


@given(pause=st.floats(10.5, 19.0), seed=st.integers(0, 100))
@settings(max_examples=30)
def test_cuts_fall_into_pauses(pause, seed):
    samples = np.random.default_rng(seed).normal(size=35 * 100)
    first = int(pause * 100)
    samples[first : first + 60] *= 0.01
    (_, piece), (start, _) = split_long(samples, 100, 30.0)
    assert first <= start == len(piece) <= first + 60


def test_short_recordings_stay_whole():
    samples = np.zeros(30 * RATE, dtype=np.float32)
    assert len(split_long(samples, RATE)) == 1
    assert len(split_long(np.zeros(30 * RATE + 1), RATE)) == 2


def test_what_makes_ffmpeg_open_other_files_is_no_recording(tmp_path):
    """Somebody who sends a recording is not to hear those that lie beside it."""
    av = pytest.importorskip("av", reason="of the extra `audio`")
    soundfile.write(tmp_path / "secret.wav", np.zeros(16000), 16000)
    script = tmp_path / "sent.m4a"
    script.write_text(f"ffconcat version 1.0\nfile '{tmp_path}/secret.wav'\n")
    with av.open(str(script), options={"safe": "0"}) as file:
        assert file.streams.audio, "FFmpeg by itself follows it"
    with pytest.raises(AudioError, match="cannot be read as audio"):
        load_audio(script, 16000)
    with pytest.raises(AudioError, match="cannot be read as audio"):
        seconds_of(script)
