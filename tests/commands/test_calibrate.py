"""Calibration on the shipped clips, on silence, and what is refused."""

import re

import numpy as np
import pytest
import yaml
from places import ROOT

from nemo_ctcbias import BiasList, from_ctc
from nemo_ctcbias.cli import main
from nemo_ctcbias.commands import calibrate as command
from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.nemo.calibration import Calibrator
from nemo_ctcbias.search.hits import Hit

DATA = ROOT / "examples" / "data"
DEMO, MODEL = DATA / "demo", str(DATA / "fastconformer_ctc_small.nemo")
CLIPS = sorted(map(str, DEMO.glob("*.flac")))


@pytest.fixture(scope="module")
def model():
    found = from_ctc(MODEL).eval()
    found.set_language_model(DATA / "lm_small.bin", always=False)
    return found


def told(found, calibrator, seconds):
    return "\n".join([*command.told(found, calibrator, seconds, 1), *command.unknown(found, calibrator, seconds)])


def test_a_threshold_is_written_and_transcribe_takes_it(model, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "load_model", lambda *_, **__: model)
    (tmp_path / "names.txt").write_text((DEMO / "names.txt").read_text() + "☃\n")
    names, out, saved = tmp_path / "names.txt", tmp_path / "found.yaml", tmp_path / "biased.nemo"
    given = ["--bias-list", names, "--precision", "0.9", "--out", out, "--save-to", saved, "--batch-size", "4"]
    assert main(["calibrate", *CLIPS, *map(str, given)]) == 0
    shown = capsys.readouterr()
    assert re.search(r"least confidence for a precision of 0.9: 0\.\d+ .* of \d+ hits about \d+ are right", shown.out)
    assert "12 recordings, 0.6 minutes" in shown.out and "s are little" in shown.err
    assert "listed phrases fill" in shown.err and "'☃' has no tokens" in shown.err
    biasing = yaml.safe_load(out.read_text())["biasing"]
    assert biasing["precision"] == 0.9 and 0 < biasing["least_confidence"] < 1
    stored = from_ctc(saved)
    assert stored.settings.least_confidence == biasing["least_confidence"] and stored.settings.precision == 0.9
    assert stored.bias_list == BiasList.load(names)
    hits = [hit for one in model.transcribe(CLIPS, batch_size=4, verbose=False) for hit in one.hits]
    assert hits and all(hit.confidence >= biasing["least_confidence"] or hit.phrase == hit.base_text for hit in hits)


def test_what_silence_and_a_list_of_which_nothing_is_said_cannot_tell(model):
    model.set_biasing(least_confidence=None, precision=0.95)
    silence = Calibrator(model, BiasList(["Okonkwo", "Київ"]))
    with silence.listening():
        silence.add([np.zeros(16000 * 3, dtype=np.float32)])
    found = silence.result(0.95)
    assert (found.verdict, found.least, found.hits) == ("few", None, 0) and model.settings.least_confidence is None
    shown = told(found, silence, 3.0)
    assert "too few hits to tell" in shown and "the usual threshold stays" in shown and "nothing like speech" in shown
    assert "1 phrase cannot be pronounced" in shown
    unsaid = BiasList(["Wintermere", "Hollandaise", "Bellweather", "Quillon", "Ferring", "Sandrow"])
    found = model.calibrate(CLIPS, unsaid, batch_size=4)
    assert found.verdict != "found" and found.right == 0 and found.decoys > 0
    assert model.settings.least_confidence == found.least and model.settings.precision == 0.95
    assert not any(one.hits for one in model.transcribe(CLIPS, bias_list=unsaid, batch_size=4, verbose=False))
    model.set_biasing(least_confidence=None)


def test_decoys_count_that_another_took_the_place_of(model, monkeypatch):
    def hit(phrase, start, sure, **others):
        alternatives = tuple((name, confidence) for name, confidence in others.items())
        return Hit(phrase, 0, 1, start, start + 1.0, 0.0, "hotword", "", sure, {}, alternatives)

    counted = Calibrator(model, BiasList(["Okonkwo", "Київ"]))
    heard = {
        counted.listed: [hit("Okonkwo", 0.0, 0.6), hit("Okonkwo", 5.0, 0.01)],
        counted.decoys: [hit("A", 0.5, 0.8, B=0.5, C=0.3), hit("D", 3.0, 0.2, E=0.1), hit("F", 5.0, 0.04)],
    }
    monkeypatch.setattr(counted, "_heard", lambda audio, bias_list, batch_size: [heard[bias_list]])
    counted.add([""])
    found = counted.result(0.95)
    assert (found.hits, found.decoys) == (1, 3)  # 0.8, 0.2 and 0.1: B and C are where Okonkwo is surer
    assert counted._by_chance == [0.8, 0.2, 0.1]


def test_a_model_that_does_not_tell_how_sure_it_is(model):
    model.set_phonetics(parts=["detection"])
    with pytest.raises(SettingError, match="does not tell how sure"):
        Calibrator(model, BiasList(["Okonkwo"]))
    model.set_phonetics(parts=["detection", "verification", "correction"])
    with pytest.raises(SettingError, match=r"bias list: too little to make decoys of"):
        Calibrator(model, BiasList(["7"]))


CHEAP = {
    "nowhere to write": (["{wav}", "--bias", "Anna"], "name what is to be written, --out FILE.yaml or --save-to"),
    "folder": (["{wav}", "--bias", "Anna", "--out", "no/a.yaml"], "no/a.yaml: cannot be written"),
    "precision": (["{wav}", "--bias", "Anna", "--out", "{yaml}", "--precision", "95"], "--precision must be a share"),
    "list": (["{wav}", "--bias-list", "no.txt", "--out", "{yaml}"], "no.txt: no such"),
    "suppressed": (["{wav}", "--out", "{yaml}", "--bias", "Anna:-1"], "--bias: holds no phrase to listen for"),
    "batch": (["{wav}", "--bias", "Anna", "--out", "{yaml}", "--batch-size", "0"], "--batch-size must be 1 or more"),
    "recording": (["no.wav", "--bias", "Anna", "--out", "{yaml}"], "no.wav: no such file"),
    "model": (["{wav}", "--bias", "Anna", "--out", "{yaml}", "--model", "no.nemo"], "no.nemo: no such file"),
}


@pytest.mark.parametrize("case", CHEAP)
def test_what_is_wrong_is_said_before_the_model_is_loaded(case, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "load_model", lambda *_, **__: pytest.fail("the model was loaded"))
    arguments, message = CHEAP[case]
    names = {"wav": CLIPS[0], "yaml": tmp_path / "a.yaml"}
    assert main(["calibrate", *(one.format(**names) for one in arguments)]) in (1, 2)
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("\n") == 1 and message in shown.err
    assert not (tmp_path / "a.yaml").exists()
