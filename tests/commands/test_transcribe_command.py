"""Recordings in, transcripts out: what is taken, the formats, and going on after an end in the middle."""

import io
import json
import logging
import re
import shutil
import sys
from logging.handlers import BufferingHandler
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from nemo_ctcbias.cli import main
from nemo_ctcbias.commands import model_options
from nemo_ctcbias.commands import transcribe as command
from nemo_ctcbias.commands.formats import subtitles
from nemo_ctcbias.commands.transcripts import Word


@pytest.fixture
def run(capsys, biased_nemo, monkeypatch):
    """Run the command on one model, loaded once: (exit code, standard output, standard error)."""

    def run(*arguments):
        capsys.readouterr()
        code = main(["transcribe", "--model", str(biased_nemo), *map(str, arguments)])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def calls(tmp_path, noise_wavs):
    """A folder of recordings and other files."""
    folder = tmp_path / "calls"
    (folder / "old").mkdir(parents=True)
    for name, source in zip(("b.wav", "a.wav", "old/a.wav"), noise_wavs, strict=False):
        shutil.copy(source, folder / name)
    (folder / "notes.txt").write_text("no audio")
    return folder


def test_folders_patterns_and_standard_input(run, calls, monkeypatch):
    def named(*arguments):
        code, out, err = run(*arguments)
        assert (code, err) == (0, "")
        return [line.split("\t")[0] for line in out.splitlines()]

    assert named(calls) == [str(calls / name) for name in ("a.wav", "b.wav", "old/a.wav")]
    assert named(f"{calls}/*.wav") == [str(calls / name) for name in ("a.wav", "b.wav")]
    assert named(f"{calls}/**/a.wav") == [str(calls / name) for name in ("a.wav", "old/a.wav")]
    text = run(calls / "a.wav")[1]
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO((calls / "a.wav").read_bytes())))
    assert run("-") == (0, text, "")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"no audio")))
    code, out, err = run("-")
    assert (code, out) == (1, "") and err.startswith("nemo-ctcbias: -: cannot be read as audio")


CHEAP = {
    "empty folder": (["{folder}"], "is a folder without recordings"),
    "pattern": (["{folder}/*.wav"], "fits no file"),
    "missing file": (["no.wav"], "no.wav: no such file"),
    "settings": (["{wav}", "--settings", "no.yaml"], "no.yaml"),
    "wrong setting": (["{wav}", "--settings", "{yaml}"], "biasing: unknown key 'strength'"),
    "adapter": (["{wav}", "--adapter", "no.pt"], "no.pt: no such adapter file"),
    "phone head": (["{wav}", "--phone-head", "no.pt"], "no.pt: no such phone head"),
    "language model": (["{wav}", "--lm", "no.bin"], "no.bin: no such language model"),
    "lexicon": (["{wav}", "--pronunciations", "no.dict"], "--pronunciations no.dict: no such lexicon"),
    "subtitles of several": (["{wav}", "{wav}", "--format", "srt"], "--format srt holds one recording; give --out-dir"),
    "word times of text": (["{wav}", "--word-times"], "--word-times goes with --format json"),
    "confidence of text": (["{wav}", "--min-confidence", "0.5"], "--min-confidence acts on hits"),
    "confidence": (["{wav}", "--json", "--min-confidence", "5"], "--min-confidence must be from 0 to 1"),
    "nothing to go on with": (["{wav}", "--resume"], "--resume goes on with a file or folder"),
    "resume of ctm": (["{wav}", "{wav}", "--resume", "--format", "ctm", "--out", "a.ctm"], "give --out-dir"),
    "out-dir is a file": (["{wav}", "--out-dir", "{wav}"], "--out-dir {wav}: is a file"),
    "compare with nothing": (["{wav}", "--compare", "--model", "strong"], "there is no list to compare with"),
    "model is a folder": (["{wav}", "--model", "{folder}"], "{folder}: is a folder; give a .nemo checkpoint"),
    "compare into a folder": (["{wav}", "--compare", "--out-dir", "x"], "--compare is one text"),
    "no package": (["{wav}", "--lm", "{wav}"], r"--lm needs kenlm.*pip install 'nemo-ctcbias\[lm\]'"),
}


@pytest.mark.parametrize("case", CHEAP)
def test_what_is_wrong_is_said_before_the_model_is_loaded(case, run, noise_wavs, tmp_path, monkeypatch):
    monkeypatch.setattr(model_options, "load_model", lambda *_, **__: pytest.fail("the model was loaded"))
    monkeypatch.setattr("nemo_ctcbias.lm.kenlm_module.kenlm", None)
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "a.yaml").write_text("biasing: {strength: 3}")
    names = {"folder": empty, "wav": noise_wavs[0], "yaml": tmp_path / "a.yaml"}
    arguments, message = CHEAP[case]
    code, out, err = run(*(argument.format(**names) for argument in arguments))
    assert code in (1, 2) and out == "" and err.count("\n") == 1
    assert re.search(message.format(**names), err), err


def test_attention_asks_for_its_package_first(noise_wavs, tmp_path, monkeypatch, capsys):
    from nemo_ctcbias.commands import attention

    monkeypatch.setattr(attention, "find_spec", lambda name: None)
    monkeypatch.setattr(attention, "load_model", lambda *_, **__: pytest.fail("the model was loaded"))
    assert main(["attention", str(noise_wavs[0]), "--bias", "Anna"]) == 2
    assert "pip install 'nemo-ctcbias[plot]'" in capsys.readouterr().err


def test_words_hypotheses_and_confident_hits(run, noise_wavs):
    plain = json.loads(run(noise_wavs[0], "--json")[1])
    row = json.loads(run(noise_wavs[0], "--json", "--word-times", "--nbest", 3)[1])
    assert row["text"] == plain["text"] and [word["text"] for word in row["words"]] == row["text"].split()
    times = [time for word in row["words"] for time in (word["start"], word["end"])]
    assert times == sorted(times) and 0 <= times[0] and times[-1] <= soundfile.info(noise_wavs[0]).duration + 0.1
    assert row["nbest"][0]["text"] == row["text"] and len(row["nbest"]) == 3
    scores = [one["score"] for one in row["nbest"]]
    assert scores == sorted(scores, reverse=True)
    least = min(hit["confidence"] for hit in plain["hits"])
    for asked, left in ((least - 0.001, len(plain["hits"])), (1, 0)):
        few = json.loads(run(noise_wavs[0], "--json", "--min-confidence", asked)[1])
        assert few["text"] == plain["text"] and len(few["hits"]) == left


def test_nemo_says_nothing_of_its_own(run, noise_wavs, monkeypatch):
    """It sets a level of its own while it transcribes; what this package says through its logger is said."""
    from nemo.utils import logging as nemo_logging

    from nemo_ctcbias.nemo import phonetic

    assert run(noise_wavs[0])[2] == ""
    monkeypatch.setattr(logging.getLogger("nemo_logger"), "handlers", [kept := BufferingHandler(9)])
    before = nemo_logging.get_verbosity()
    nemo_logging.set_verbosity(nemo_logging.WARNING)
    nemo_logging.warning("said by anybody")
    exec(compile("log.warning('said by us')", phonetic.__file__, "exec"), {"log": nemo_logging})
    nemo_logging.set_verbosity(before)
    assert [record.getMessage() for record in kept.buffer] == ["said by us"]


def test_each_format(run, noise_wavs, tmp_path):
    row = json.loads(run(noise_wavs[0], "--json", "--word-times")[1])
    words = row["words"]
    lines = [line.split() for line in run(noise_wavs[0], "--format", "ctm")[1].splitlines()]
    assert [line[4] for line in lines] == row["text"].split() and {line[0] for line in lines} == {"noise0"}
    assert [float(line[2]) for line in lines] == pytest.approx([word["start"] for word in words], abs=0.006)
    header, table = run(noise_wavs[0], "--format", "tsv")[1].splitlines()
    cells = dict(zip(header.split("\t"), table.split("\t"), strict=True))
    assert cells["text"] == row["text"] and cells["hits"].count("saoirse") == len(row["hits"])
    for name, point, first in (("srt", ",", "1\n"), ("vtt", ".", "WEBVTT\n\n")):
        assert run(noise_wavs[0], "--format", name, "--out", tmp_path / f"a.{name}")[:2] == (0, "")
        text = (tmp_path / f"a.{name}").read_text()
        assert text.startswith(first) and " ".join(re.findall(r"^[a-z'].*", text, flags=re.M)) == row["text"]
        (start, end), *_ = re.findall(rf"(\d\d:\d\d:\d\d{re.escape(point)}\d{{3}}) --> (\S+)", text)
        assert start[:6] == end[:6] == "00:00:" and start < end


def test_subtitles_are_short_and_pauses_part_them():
    words = [Word("word", at * 0.5, at * 0.5 + 0.4) for at in range(40)] + [Word("late", 30.0, 30.5)]
    found = list(subtitles(words))
    assert " ".join(text for _, _, text in found).split() == [word.text for word in words]
    assert all(end - start <= 7 and len(text) <= 84 for start, end, text in found) and found[-1] == (30.0, 30.5, "late")


def test_lines_are_written_as_they_are_done_and_gone_on_with(run, noise_wavs, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "GROUP", 1)
    out, part = tmp_path / "out.json", tmp_path / "out.json.part"
    arguments = (*noise_wavs, noise_wavs[0], "--json", "--batch-size", 1)
    whole = run(*arguments)[1]
    transcribe_all, seen = command.transcribe_all, []

    def cut_short(model, recordings, *rest, **more):
        if len(seen) == 2:
            assert len(part.read_text().splitlines()) == 2, "what is done can be read already"
            raise KeyboardInterrupt
        seen.extend(recordings)
        return transcribe_all(model, recordings, *rest, **more)

    monkeypatch.setattr(command, "transcribe_all", cut_short)
    code, _, err = run(*arguments, "--out", out)
    assert code == 130 and f"{part} holds 2 recordings; the same command with --resume goes on" in err
    assert not out.exists()
    with part.open("a") as file:
        file.write('{"audio_filepath": "noise')  # a line cut short, as a crash leaves it
    monkeypatch.setattr(command, "transcribe_all", lambda *a, **k: seen.extend(a[1]) or transcribe_all(*a, **k))
    seen.clear()
    assert run(*arguments, "--out", out, "--resume") == (0, "", "")
    assert out.read_text() == whole and len(seen) == 3 and not part.exists()
    monkeypatch.setattr(model_options, "load_model", lambda *_, **__: pytest.fail("nothing is left to do"))
    assert run(*arguments, "--out", out, "--resume")[0] == 0 and out.read_text() == whole


def test_a_file_a_recording(run, calls, tmp_path, monkeypatch):
    out = tmp_path / "text"
    assert run(calls, "--out-dir", out, "--format", "srt")[0] == 0
    files = {str(path.relative_to(out)) for path in out.rglob("*.*")}
    assert files == {"a.srt", "b.srt", "old/a.srt"}
    before = {name: (out / name).read_text() for name in files}
    (out / "b.srt").unlink()
    (out / "a.srt").write_text("mine")
    assert run(calls, "--out-dir", out, "--format", "srt", "--resume")[0] == 0
    assert (out / "b.srt").read_text() == before["b.srt"] and (out / "a.srt").read_text() == "mine"
    code, _, err = run(calls / "a.wav", calls / "a.wav", "--out-dir", out)
    assert code == 2 and "two recordings would be written to" in err


def test_weights_on_the_command_line_and_several_lists(run, noise_wavs, tmp_path):
    (tmp_path / "a.txt").write_text("okonkwo\n")
    (tmp_path / "b.csv").write_text("name,weight\nnew york,1\n")
    lists = ("--bias-list", tmp_path / "a.txt", "--bias-list", tmp_path / "b.csv")
    both = run(noise_wavs[1], *lists)
    assert both == run(noise_wavs[1], "--bias", "okonkwo", "new york:1") and both[0] == 0
    assert run(noise_wavs[1], "--bias", "okonkwo:0", "new york:0") == run(noise_wavs[1], "--bias-weight", 0)


def test_audio_of_telephones_and_browsers(run, noise_wavs, tmp_path):
    av = pytest.importorskip("av")
    samples = soundfile.read(noise_wavs[1], dtype="float32")[0]
    for name, codec in (("a.m4a", "aac"), ("a.aac", "aac"), ("a.opus", "libopus")):
        with av.open(str(tmp_path / name), "w") as file:
            stream = file.add_stream(codec, rate=48000 if codec == "libopus" else 16000)
            stream.layout = "mono"
            frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
            frame.rate = 16000
            resampler = av.AudioResampler(format=stream.format, layout="mono", rate=stream.rate)
            for one in (*resampler.resample(frame), *resampler.resample(None)):
                file.mux(stream.encode(one))
            file.mux(stream.encode(None))
        row = json.loads(run(tmp_path / name, "--json", "--word-times")[1])
        assert row["hits"] and abs(row["words"][-1]["end"] - len(samples) / 16000) < 0.6
    soundfile.write(tmp_path / "noise.wav", np.zeros(100), 16000)


def test_the_report_on_a_list_is_the_same_everywhere(run, noise_wavs, tmp_path, capsys, biased_nemo):
    names = tmp_path / "names.txt"
    names.write_text("Saoirse\n☃\nŁódź\n☃☃\n")
    err = run(noise_wavs[0], "--bias-list", names)[2].splitlines()
    assert main(["check-list", str(names), "--model", str(biased_nemo)]) == 1
    told = capsys.readouterr().out.splitlines()
    assert err[-1].removeprefix("nemo-ctcbias: ").startswith(told[-1])
    dropped = [line.removeprefix("dropped: ") for line in told if line.startswith("dropped")]
    assert [line.removeprefix("nemo-ctcbias: ") for line in err[:-1]] == dropped and len(dropped) == 2
