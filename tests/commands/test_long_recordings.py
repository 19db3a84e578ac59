"""Recordings of hours: read piece by piece, cut as short ones are, gone on with in their middle."""

import json

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias import cli
from nemo_ctcbias.audio import split_long
from nemo_ctcbias.commands import model_options, recordings, transcribe, transcripts
from nemo_ctcbias.errors import AudioError
from nemo_ctcbias.streamed_audio import pieces_of


@pytest.fixture(scope="module")
def long_file(tmp_path_factory):
    rng = np.random.default_rng(1)
    loud = np.repeat(rng.random(200), 8000).astype(np.float32)
    path = tmp_path_factory.mktemp("long") / "long.wav"
    soundfile.write(path, loud * rng.normal(size=len(loud)).astype(np.float32) * 0.1, 16000)
    return path


@given(start=st.integers(0, 3), offset=st.sampled_from([0.0, 12.5]), duration=st.sampled_from([None, 61.0]))
@settings(max_examples=12)
def test_pieces_are_those_of_the_recording_as_a_whole(long_file, start, offset, duration):
    """From any of them on."""
    whole, _ = soundfile.read(long_file, dtype="float32")
    first = round(offset * 16000)
    expected = split_long(whole[first : None if duration is None else first + round(duration * 16000)], 16000)
    start = min(start, len(expected) - 1)
    found = list(pieces_of(long_file, 16000, offset, duration, expected[start][0]))
    assert [at for at, _ in found] == [at for at, _ in expected[start:]]
    for (_, piece), (_, other) in zip(found, expected[start:], strict=True):
        np.testing.assert_array_equal(piece, other)


def test_what_breaks_off_or_is_no_sound_says_so(tmp_path):
    with pytest.raises(AudioError, match=r"none\.wav: no such file"):
        list(pieces_of(tmp_path / "none.wav", 16000))
    soundfile.write(tmp_path / "broken.wav", np.full(16000, np.nan), 16000, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"broken\.wav: .*not numbers"):
        list(pieces_of(tmp_path / "broken.wav", 16000))


def test_a_long_recording_is_transcribed_as_its_pieces_are_and_gone_on_with(
    biased_nemo, long_file, tmp_path, monkeypatch, capfd
):
    ran = ["transcribe", str(long_file), "--model", str(biased_nemo), "--format", "json", "--word-times"]
    ran += ["--batch-size", "2", "--lm", "none"]
    assert cli.main([*ran, "--out", str(tmp_path / "whole.json")]) == 0
    monkeypatch.setattr(recordings, "LONG", 20.0)
    monkeypatch.setattr(transcripts, "OF_LONG", 1)  # or all of it would be done at once
    assert cli.main([*ran, "--out", str(tmp_path / "long.json")]) == 0
    rows = [json.loads((tmp_path / name).read_text()) for name in ("whole.json", "long.json")]
    assert rows[0]["words"] and rows[0]["hits"]
    for row in rows:  # how a batch is padded shows in the last digits of its scores
        row["hits"] = [(hit["phrase"], hit["start"], hit["end"], hit["base_text"]) for hit in row["hits"]]
    assert rows[0] == rows[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["long.json", "whole.json"]

    asked, real = [], transcripts.transcribe_all

    def cut_short(model, some, *args, **options):
        asked.append(some[0].pieces[0][0])
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(model, some, *args, **options)

    monkeypatch.setattr(transcripts, "transcribe_all", cut_short)
    again = [*ran, "--out", str(tmp_path / "again.json")]
    (tmp_path / "again.json").write_text((tmp_path / "long.json").read_text())  # an earlier run's, and out of date
    capfd.readouterr()
    assert cli.main(again) == 130
    done = f"{round(asked[1] / 16000)} s"
    assert f"long.wav: {done} are done; the same command with --resume goes on there" in capfd.readouterr().err
    assert cli.main([*again, "--resume"]) == 0
    assert asked[1] == asked[2] > 0, "what was done is not done again"
    assert (tmp_path / "again.json").read_text() == (tmp_path / "long.json").read_text()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert transcribe.is_long(recordings.Recording("x", seconds=21.0))

    asked.clear()
    ran[ran.index("json")] = "srt"
    ran.remove("--word-times")
    subtitles = [*ran, "--out", str(tmp_path / "again.srt")]
    assert cli.main(subtitles) == 130 and cli.main([*subtitles, "--resume"]) == 0
    assert asked[1] == asked[2] > 0, "a file of one recording is gone on with, too"
    whole = (tmp_path / "again.srt").read_text()
    assert whole.startswith("1\n00:00:0") and whole.count(" --> ") > 5
    monkeypatch.setattr(model_options, "load_model", lambda *_, **__: pytest.fail("nothing is left to do"))
    assert cli.main([*subtitles, "--resume"]) == 0 and (tmp_path / "again.srt").read_text() == whole
    monkeypatch.undo()
    capfd.readouterr()
