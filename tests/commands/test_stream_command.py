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
        (["-", "--rate", "0"], "--rate 0: must be from 1000 to 1000000"),
    ],
)
def test_what_is_wrong_is_said_before_the_model_is_loaded(arguments, told, noise_wavs, monkeypatch, capsys):
    monkeypatch.setattr(model_options, "load_model", lambda *_, **__: pytest.fail("the model was loaded"))
    assert main(["transcribe", "--stream", *(one.format(wav=noise_wavs[0]) for one in arguments)]) == 2
    assert told in capsys.readouterr().err


def test_what_is_no_sound_is_silence_and_said_once(biased_nemo, noise_wavs, tmp_path, capsys):
    """What comes behind it is written at its time."""
    samples, rate = soundfile.read(noise_wavs[1], dtype="float32")
    quiet, broken = samples.copy(), samples.copy()
    first, last = round(1.0 * rate), round(1.5 * rate)  # five blocks
    quiet[first:last], broken[first:last] = 0.0, np.nan
    given, found = ["transcribe", "--model", str(biased_nemo), "--json", "--stream"], []
    for name, one, code in (("quiet.wav", quiet, 0), ("broken.wav", broken, 1)):
        soundfile.write(tmp_path / name, one, rate, subtype="FLOAT")
        assert main([*given, str(tmp_path / name)]) == code
        out, err = capsys.readouterr()
        found.append([json.loads(line) for line in out.splitlines()])
    assert found[0] == found[1] and found[0][-1]["seconds"] == pytest.approx(len(samples) / rate, abs=0.1)
    assert err == "nemo-ctcbias: stream at 1.00 s: holds samples that are not numbers; they were left out\n"


class Stops(io.BytesIO):
    """Standard input where somebody presses Ctrl-C once it has been read."""

    def read(self, size=-1):
        data = super().read(size)
        if not data:
            raise KeyboardInterrupt
        return data


def test_what_was_said_last_is_written_when_somebody_stops_it(biased_nemo, noise_wavs, capsys, monkeypatch):
    samples, _ = soundfile.read(noise_wavs[0], dtype="int16")
    given, written = ["transcribe", "--model", str(biased_nemo), "--stream", "-"], []
    for kind, code in ((io.BytesIO, 0), (Stops, 130)):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=kind(samples.astype("<i2").tobytes() + b"\0")))
        assert main(given) == code
        written.append(capsys.readouterr().out)
    assert written[0] == written[1] != ""


def test_what_was_heard_before_a_file_breaks_off_is_written(biased_nemo, noise_wavs, capsys, monkeypatch):
    def breaks_off(*_):
        yield from ((samples[at : at + 1600], rate) for at in range(0, len(samples), 1600))
        raise soundfile.LibsndfileError(7, "lost sync: ")

    samples, rate = soundfile.read(noise_wavs[0], dtype="float32")
    given = ["transcribe", "--model", str(biased_nemo), "--stream", str(noise_wavs[0])]
    assert main(given) == 0
    expected = capsys.readouterr().out
    monkeypatch.setattr("nemo_ctcbias.commands.stream.blocks_of", breaks_off)
    assert main(given) == 1
    out, err = capsys.readouterr()
    assert out == expected and err == f"nemo-ctcbias: {noise_wavs[0]}: cannot be read further than 2 s\n"
