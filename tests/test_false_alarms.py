"""examples/false_alarms.py: the same sounds each time, each kind counted for itself."""

import importlib
import json
import sys

import numpy as np
import pytest
import soundfile
from places import ROOT

sys.path.insert(0, str(ROOT / "examples"))
false_alarms = importlib.import_module("false_alarms")


def test_sounds_are_the_same_each_time_and_none_is_empty(noise_wavs, tmp_path):
    voices = tmp_path / "voices.json"
    rows = [{"audio_filepath": str(noise_wavs[n % 4]), "text": f"word{n}"} for n in range(9)]
    voices.write_text("".join(json.dumps(row) + "\n" for row in rows))
    first, again = (list(false_alarms.recordings(2, voices, seed=3)) for _ in range(2))
    assert [kind for kind, _, _ in first[::2]] == ["silence", "hiss", "tones", "music", "babble"]
    for (kind, samples, said), (_, same, _) in zip(first, again, strict=True):
        np.testing.assert_array_equal(samples, same)
        assert len(samples) == false_alarms.RATE * false_alarms.SECONDS and np.abs(samples).max() <= 1
        assert samples.any() or kind == "silence"
        assert len(said.split(" | ")) == 8 if kind == "babble" else said == ""
    other = list(false_alarms.recordings(2, voices, seed=4))
    assert not any(np.array_equal(a[1], b[1]) for a, b in zip(first[2:], other[2:], strict=True))
    assert {kind for kind, _, _ in false_alarms.recordings(1, None, seed=3)} == set(false_alarms.KINDS)


def test_alarms_are_told_by_kind(base_nemo, tmp_path, monkeypatch, capsys):
    words = tmp_path / "words.txt"
    words.write_text("".join(f"{a}{b}\n" for a in ("fox", "jam", "vex") for b in ("ly", "er", "ing")))
    settings = tmp_path / "eager.yaml"
    settings.write_text("biasing:\n  boost: {gap_scale: 0.9, token_bonus: 9.0}\n  beam: {beam_width: 30}\n")
    command = f"x --distractors {words} --model {base_nemo} --settings {settings} --systems greedy,hotword"
    command += f" --list-sizes 5,9 --minutes 0.7 --folder {tmp_path / 'kept'}"
    monkeypatch.setattr(sys, "argv", command.split())
    false_alarms.main()
    head, *lines = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if " | " in line]
    assert head[1:] == ["greedy, N = 5", "hotword, N = 5", "greedy, N = 9", "hotword, N = 9"]
    assert [line[0].split()[0] for line in lines] == list(false_alarms.KINDS)
    assert all(line[1] == line[3] == "0" for line in lines), "without the list there is none"
    told = [json.loads(line) for line in (tmp_path / "kept" / "out" / "utterances.jsonl").read_text().splitlines()]
    hiss = sum(len(one["invented"]) for one in told if one["id"].startswith("hiss") and one["list_size"] == 9)
    assert float(lines[1][4]) == pytest.approx(360 * hiss / len(list((tmp_path / "kept").glob("hiss*.wav"))), abs=1)
    assert hiss, "such settings hear something in noise"
    assert soundfile.info(next((tmp_path / "kept").glob("*.wav"))).samplerate == 16000
