"""`transcribe --stream`: a file, or raw samples as they come, word by word."""

import io
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from nemo_ctcbias import from_ctc
from nemo_ctcbias.cli import main
from nemo_ctcbias.commands import model_options


def streamed(path, model):
    """What Python's stream makes of it."""
    samples, rate = soundfile.read(path, dtype="float32")
    stream = model.stream()
    return " ".join(word.text for update in (stream.feed(samples, rate), stream.finish()) for word in update.words)


def test_words_are_written_as_they_stand(biased_nemo, noise_wavs, capsys, monkeypatch):
    path = noise_wavs[0]
    expected = streamed(path, from_ctc(biased_nemo).eval())
    given = ["transcribe", "--model", str(biased_nemo), "--stream"]
    assert main([*given, str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert " ".join(lines) == expected and expected
    assert main([*given, str(path), "--format", "json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert " ".join(word["text"] for row in rows for word in row["words"]) == expected
    assert [row["seconds"] for row in rows] == sorted(row["seconds"] for row in rows) and not rows[-1]["partial"]
    samples, rate = soundfile.read(path, dtype="float32")
    raw = np.clip(np.round(samples * 32768), -32768, 32767).astype("<i2").tobytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(raw)))
    assert main([*given, "-", "--rate", str(rate)]) == 0
    assert capsys.readouterr().out.split() == expected.split()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no.wav"], "no.wav: no such file"),
        (["{wav}", "{wav}"], "--stream takes one recording"),
        (["{wav}", "--format", "srt"], "--stream writes --format txt or json"),
        (["{wav}", "--out", "a.txt"], "--out does not go with --stream"),
    ],
)
def test_what_is_wrong_is_said_before_the_model_is_loaded(arguments, told, noise_wavs, monkeypatch, capsys):
    monkeypatch.setattr(model_options, "load_model", lambda *_, **__: pytest.fail("the model was loaded"))
    assert main(["transcribe", "--stream", *(one.format(wav=noise_wavs[0]) for one in arguments)]) == 2
    assert told in capsys.readouterr().err
