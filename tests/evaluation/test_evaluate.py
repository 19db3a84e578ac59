"""The command on a tiny random model: its files, the contract of results.json, skips and refusals."""

from __future__ import annotations

import argparse
import hashlib
import json
import pickle
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nemo_ctcbias.errors import AudioError, BiasListError, ManifestError, ModelError, OutputError, SettingError
from nemo_ctcbias.evaluation import logprobs
from nemo_ctcbias.evaluation.command import add_arguments, from_arguments, run
from nemo_ctcbias.evaluation.evaluate import EvaluateOptions, evaluate
from nemo_ctcbias.evaluation.manifest import read_manifest
from nemo_ctcbias.evaluation.scoring import score
from nemo_ctcbias.shipped import shipped, shipped_file

METRICS = ["wer", "b_wer", "u_wer", "precision", "recall", "f1", "false_alarms_per_hour"]
KEYS = {"system", "list_kind", "list_size", "utterances", "audio_hours", "decode_seconds_per_hour", "setting"}
KEYS |= {metric + end for metric in METRICS for end in ("", "_low", "_high")}


@pytest.fixture
def options(write_manifest, distractors, tmp_path):
    return EvaluateOptions(
        manifest=write_manifest("test"),
        out=tmp_path / "out",
        distractors=distractors,
        list_sizes=(5, 20),
        systems=("greedy", "nemo-boosting-greedy", "nemo-ctc-ws", "flashlight"),
        cache=tmp_path / "cache",
        resamples=50,
        progress=False,
    )


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def parse():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args


def test_rows_files_and_skips(options, write_manifest, tiny_model, tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"no audio")
    extra = (
        {"audio_filepath": "gone.wav", "text": "gone", "id": "gone", "rare_words": []},
        {"audio_filepath": "broken.wav", "text": "broken", "id": "broken", "rare_words": []},
        {"audio_filepath": "test-0.wav", "text": "", "id": "mute", "rare_words": []},
    )
    options = replace(options, manifest=write_manifest("test", extra=extra))
    rows = evaluate(options, tiny_model)
    assert rows == json.loads((options.out / "results.json").read_text())
    assert [(row["system"], row["list_size"]) for row in rows] == [
        (system, size) for size in (5, 20) for system in ("greedy", "nemo-boosting-greedy", "nemo-ctc-ws")
    ]
    assert all(set(row) == KEYS for row in rows)
    assert {row["utterances"] for row in rows} == {4}
    assert rows[0]["audio_hours"] == pytest.approx((4 * 8000 + 6 * 1600) / 16000 / 3600)
    assert rows[0]["recall"] == 0.0
    assert rows[0]["wer_low"] <= rows[0]["wer"] <= rows[0]["wer_high"]
    assert rows[1]["setting"] == {"boosting_tree_alpha": 1.0}

    details = json.loads((options.out / "details.json").read_text())
    reasons = {"missing audio", "empty text", "cannot be read as audio"}
    assert {skip["id"]: next(one for one in reasons if one in skip["reason"]) for skip in details["skipped"]} == {
        "gone": "missing audio",
        "mute": "empty text",
        "broken": "cannot be read as audio",
    }
    assert details["left_out"][0]["system"] == "flashlight"
    assert "paired" in details and "norm:nfc-lower" in details["signature"]
    table = (options.out / "table.md").read_text()
    assert (
        "left out: " in table and "3 utterances skipped" in table and details["signature"] in table.replace("\\|", "|")
    )
    assert (options.out / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_utterance_lines_add_up_to_the_rows(options, tiny_model):
    rows = evaluate(options, tiny_model)
    utterances = lines(options.out / "utterances.jsonl")
    for row in rows:
        mine = [u for u in utterances if (u["system"], u["list_size"]) == (row["system"], row["list_size"])]
        errors = sum(u["biased_errors"] + u["unbiased_errors"] for u in mine)
        assert row["wer"] == pytest.approx(100 * errors / sum(u["words"] for u in mine))
        assert len(mine) == row["utterances"]
    phrases = lines(options.out / "phrases.jsonl")
    assert {p["phrase"] for p in phrases} >= {"dover", "zelda", "anna", "deryck"}


def test_what_is_measured_is_kept_when_the_next_system_breaks(options, tiny_model, monkeypatch):
    whole = evaluate(options, tiny_model)

    def broken(system, *args):
        if system.name == "nemo-ctc-ws":
            raise KeyboardInterrupt
        return measure(system, *args)

    measure = sys.modules[evaluate.__module__]._measure
    monkeypatch.setattr(f"{evaluate.__module__}._measure", broken)
    with pytest.raises(KeyboardInterrupt):
        evaluate(replace(options, out=options.out / "again"), tiny_model)
    kept = json.loads((options.out / "again" / "results.json").read_text())
    assert [row["system"] for row in kept] == ["greedy", "nemo-boosting-greedy"]
    assert [row["wer"] for row in kept] == [row["wer"] for row in whole[:2]]
    assert "nemo-boosting-greedy" in (options.out / "again" / "report.html").read_text()
    gaps = json.loads((options.out / "again" / "details.json").read_text())["left_out"]
    missing = {(gap["system"], gap["list_size"]) for gap in gaps if "not measured yet" in gap["reason"]}
    assert missing == {("nemo-ctc-ws", 5), *((name, 20) for name in ("greedy", "nemo-boosting-greedy", "nemo-ctc-ws"))}
    assert "| nemo-ctc-ws |  | 20 | 0 |" in (options.out / "again" / "table.md").read_text()
    gaps = json.loads((options.out / "details.json").read_text())["left_out"]
    assert not any("not measured yet" in gap["reason"] for gap in gaps)


def test_what_cannot_be_written_is_told_before_the_model_is_loaded(options, tmp_path):
    (tmp_path / "file").touch()
    for place in ("out", "cache"):
        with pytest.raises(OutputError, match=r"file.*cannot be written"):
            evaluate(replace(options, **{place: tmp_path / "file" / "there"}))


def test_a_checkpoint_of_lightning_is_not_loaded(options, tmp_path):
    """Such files may hold code, which runs when they are loaded."""

    class Code:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    (tmp_path / "a.ckpt").write_bytes(pickle.dumps(Code()))
    with pytest.raises(ModelError, match=r"a\.ckpt: loading a Lightning checkpoint can run code; .* save it as \.nemo"):
        evaluate(replace(options, model=str(tmp_path / "a.ckpt")))
    assert not (tmp_path / "ran").exists()


def test_same_inputs_same_rows(options, tiny_model, tmp_path):
    first = evaluate(options, tiny_model)
    second = evaluate(replace(options, out=tmp_path / "again", cache=None), tiny_model)
    for row in first + second:
        row.pop("decode_seconds_per_hour")
    assert first == second


def test_tuning_is_on_the_other_manifest_and_written_down(options, write_manifest, tiny_model):
    rows = evaluate(replace(options, tune_on=write_manifest("dev", 2), systems=("greedy", "nemo-ctc-ws")), tiny_model)
    details = json.loads((options.out / "details.json").read_text())
    tuning = details["tuning"]["nemo-ctc-ws"]
    assert len(tuning["trials"]) == 6
    assert tuning["utterances"] == 2
    assert rows[1]["setting"] == tuning["chosen"]
    assert details["tuning"]["greedy"]["note"] == "nothing to tune"
    assert "dev.json" in (options.out / "table.md").read_text()


def test_tuning_on_test_speech_is_refused(options, tiny_model, tmp_path):
    with pytest.raises(SettingError, match="is the test manifest itself"):
        replace(options, tune_on=options.manifest)
    copy = tmp_path / "copy.json"
    copy.write_text(options.manifest.read_text().replace('"id": "test', '"id": "other'))
    with pytest.raises(SettingError, match="4 recordings are also in the test manifest"):
        evaluate(replace(options, tune_on=copy), tiny_model)


def test_slow_systems_are_measured_on_a_stated_subset_or_left_out(options, tiny_model, monkeypatch):
    pytest.importorskip("pyctcdecode")
    from nemo_ctcbias.evaluation.peers_pyctcdecode import PyctcdecodeHotwords

    monkeypatch.setattr(PyctcdecodeHotwords, "slow_from", 5)
    monkeypatch.setattr(PyctcdecodeHotwords, "never_from", 20)
    options = replace(options, systems=("greedy", "pyctcdecode"), slow_utterances=2, beam_width=5)
    rows = evaluate(options, tiny_model)
    assert [(r["system"], r["list_size"], r["utterances"]) for r in rows] == [
        ("greedy", 5, 4),
        ("pyctcdecode", 5, 2),
        ("greedy", 20, 4),
    ]
    table = (options.out / "table.md").read_text()
    assert "measured on 2 of 4 utterances" in table
    assert "left out: too slow for lists of 20 and more" in table


def test_own_system_is_compared_with_the_others_in_pairs(options, tiny_model):
    evaluate(replace(options, systems=("greedy", "hotword"), list_sizes=(5,)), tiny_model)
    paired = json.loads((options.out / "details.json").read_text())["paired"]
    assert [(row["system"], row["other"]) for row in paired] == [("hotword", "greedy")]
    assert set(paired[0]["wer"]) == {"value", "low", "high", "p_value"}


def test_variants_reach_g2g_and_what_is_shared_changes_no_result(options, tiny_model, monkeypatch):
    from nemo_ctcbias.evaluation.own import OwnSystem

    forms, build = [], OwnSystem.build

    def spy(self, phrases, setting):
        bias = build(self, phrases, setting)
        forms[-1] |= {len(phrase.forms) for phrase in bias.listened}
        return bias

    def measure(count, shared=None):
        forms.append(set())
        few = replace(options, systems=("hotword+g2g",), list_sizes=(5,), variants=count)
        rows = evaluate(few, tiny_model, shared)
        return [{**row, "decode_seconds_per_hour": 0.0} for row in rows], lines(options.out / "utterances.jsonl")

    monkeypatch.setattr(OwnSystem, "build", spy)
    apart = [measure(count) for count in (1, 2, 4)]
    assert [max(found) for found in forms] == [1, 2, 4]
    shared = {}
    assert [measure(count, shared) for count in (1, 2, 4)] == apart
    assert "g2g" in shared


def test_own_parts_that_are_not_there_are_refused_before_any_work(options):
    with pytest.raises(SettingError, match=r"system 'hotword\+telepathy': part 'telepathy' does not exist"):
        evaluate(replace(options, systems=("greedy", "hotword+telepathy")), model=None)


def test_case_and_punctuation_count_where_asked_for(options, tiny_model):
    few = replace(options, systems=("greedy",), list_sizes=(5,))
    with pytest.raises(SettingError, match=r"test\.json: --cased needs transcripts with case and punctuation"):
        evaluate(replace(few, cased=True), tiny_model)
    plain = evaluate(few, tiny_model)
    rows = lines(options.manifest)
    options.manifest.write_text(
        "".join(json.dumps({**row, "text": f"{row['text']}.".capitalize()}) + "\n" for row in rows)
    )
    assert [row["wer"] for row in evaluate(few, tiny_model)] == [row["wer"] for row in plain]
    evaluate(replace(few, cased=True), tiny_model)
    told = lines(options.out / "utterances.jsonl")
    assert [line["reference"] for line in told] == [row["text"] for row in lines(options.manifest)]
    assert "norm:nfc-apostrophe/phrases-nfc-lower" in (options.out / "table.md").read_text()


def test_what_the_model_writes_without_the_list_is_no_false_alarm(options, tiny_model, monkeypatch):
    """Of recordings in which nothing is said, too."""
    rows = [{**row, "text": ""} for row in lines(options.manifest)]
    options.manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    few = replace(options, list_kind="unspoken", systems=("greedy", "hotword"))
    monkeypatch.setattr("nemo_ctcbias.evaluation.own.OwnSystem.decode", lambda *args: "Babader barks")
    monkeypatch.setattr("nemo_ctcbias.evaluation.own.OwnSystem.hits", lambda *args: [])
    options.distractors.write_text("babader\n" + "".join(f"nobody{n}\n" for n in range(19)))
    found = evaluate(few, tiny_model)
    hours = found[0]["audio_hours"]
    alarms = {(row["system"], row["list_size"]): row["false_alarms_per_hour"] * hours for row in found}
    assert alarms["greedy", 20] == 0 and alarms["hotword", 20] == pytest.approx(4)
    monkeypatch.setattr("nemo_ctcbias.evaluation.peers_nemo.Greedy.decode", lambda *args: "so Babader barks")
    found = evaluate(few, tiny_model)
    assert {row["false_alarms_per_hour"] for row in found} == {0.0}
    assert found[-1]["precision"] == 0.0 and found[-1]["wer"] is None
    invented = [line["invented"] for line in lines(options.out / "utterances.jsonl")]
    assert len(invented) == 16 and not any(invented)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"list_kind": "global"}, "unknown list kind"),
        ({"list_sizes": (-1,)}, "give different whole numbers from 0"),
        ({"list_sizes": (5, 5)}, "give different whole numbers"),
        ({"systems": ()}, "name at least one"),
        ({"distractors": None}, "--distractors FILE to draw lists from"),
        ({"beam_width": 0}, "beam-width 0"),
        ({"variants": 0}, "variants 0: give a whole number from 1"),
        ({"rare_at_most": -1}, "rare-at-most -1"),
        ({"compare_to": "hotword"}, "is not among the systems"),
    ],
)
def test_bad_options(options, change, message):
    with pytest.raises(SettingError, match=message):
        replace(options, **change)


def test_bad_files_stop_before_the_model_is_loaded(options, tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\x00\xfe")
    with pytest.raises(BiasListError, match="is a binary file"):
        evaluate(replace(options, distractors=tmp_path / "binary"))
    with pytest.raises(BiasListError, match="distractors wanted, the pool has"):
        evaluate(replace(options, list_sizes=(5, 100_000)))
    with pytest.raises(ManifestError, match="no such manifest"):
        evaluate(replace(options, manifest=tmp_path / "absent.json"))
    with pytest.raises(ModelError, match=r"absent\.nemo: no such file"):
        evaluate(replace(options, model=str(tmp_path / "absent.nemo")))


def test_command_line(parse, options, tiny_model, monkeypatch, capsys):
    args = parse(
        f"--manifest {options.manifest} --out {options.out} --distractors {options.distractors} --list-sizes 5,20 "
        "--systems greedy --resamples 20 --no-progress --model small".split()
    )
    assert from_arguments(args).list_sizes == (5, 20)
    assert from_arguments(args).variants is None and from_arguments(args).settings is None
    assert from_arguments(parse("--manifest m --out o --list-sizes 0 --variants 3".split())).variants == 3
    monkeypatch.setattr("nemo_ctcbias.evaluation.evaluate.load_model", lambda name: tiny_model)
    assert run(args) == 0
    assert "| greedy | utterance | 20 | 4 |" in capsys.readouterr().out
    told = json.loads((options.out / "details.json").read_text())["signature"]
    own = shipped("small")
    for name, file in (("adapter", own.adapter), ("lm", own.language_model), ("phones", own.phone_head)):
        digest = hashlib.sha256(shipped_file(file).read_bytes()).hexdigest()
        assert f"|{name}:{file}:{digest[:8]}|" in told, "the shipped model's parts act although nobody gave them"
    with pytest.raises(SystemExit):
        parse(["--manifest", "m", "--out", "o", "--list-sizes", "many"])
    assert "no list of whole numbers" in capsys.readouterr().err


def test_log_probs_do_not_depend_on_the_batch_and_come_back_from_the_cache(options, tiny_model, monkeypatch):
    rows, _ = read_manifest(options.manifest)
    together, _ = logprobs.encode(tiny_model, rows, options.cache, progress=False)
    for item, row in zip(together, rows, strict=True):
        alone = logprobs.encode(tiny_model, [row], progress=False)[0][0]
        assert alone.log_probs.shape == item.log_probs.shape
        np.testing.assert_allclose(alone.log_probs, item.log_probs, atol=1e-4)
        np.testing.assert_allclose(np.exp(item.log_probs).sum(axis=1), 1, atol=1e-4)
    monkeypatch.setattr(logprobs, "_encode", lambda *args: pytest.fail("the cache was not used"))
    again, skipped = logprobs.encode(tiny_model, rows, options.cache, progress=False)
    assert skipped == []
    assert all(np.array_equal(a.log_probs, b.log_probs) for a, b in zip(again, together, strict=True))
    next(options.cache.glob("*.npz")).write_bytes(b"half a file")
    with pytest.raises(ManifestError, match="cache is damaged"):
        logprobs.encode(tiny_model, rows, options.cache, progress=False)


def test_audio_that_cannot_be_used(tmp_path, tiny_model):
    import soundfile

    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.float32), 16000)
    row = {"id": "u", "text": "x", "audio_filepath": str(tmp_path / "empty.wav")}
    with pytest.raises(AudioError, match=r"none of the 1 recordings can be used; first: u: .*: holds no audio"):
        logprobs.encode(tiny_model, [row], progress=False)


def test_audio_is_mixed_to_mono_resampled_and_cut_at_the_offset(tmp_path):
    import soundfile

    stereo = np.stack([np.ones(8000), np.zeros(8000)], axis=1).astype(np.float32) * 0.5
    soundfile.write(tmp_path / "a.wav", stereo, 8000)
    row = {"audio_filepath": str(tmp_path / "a.wav")}
    assert logprobs.read_audio(row, 8000) == pytest.approx(np.full(8000, 0.25), abs=1e-3)
    assert len(logprobs.read_audio(row, 16000)) == 16000
    assert len(logprobs.read_audio({**row, "offset": 0.5, "duration": 0.25}, 8000)) == 2000


def test_scores_in_the_rows_are_those_of_score(options, tiny_model):
    evaluate(replace(options, systems=("greedy",), list_sizes=(5,)), tiny_model)
    for line in lines(options.out / "utterances.jsonl"):
        assert (
            score(line["reference"], line["hypothesis"], []).errors == line["biased_errors"] + line["unbiased_errors"]
        )


def test_plot_without_intervals(tmp_path):
    plots = pytest.importorskip("nemo_ctcbias.evaluation.plots")
    row = {"system": "greedy", "list_size": 100, "utterances": 3}
    bare = {f"{metric}{end}": None for metric in ("f1", "u_wer") for end in ("_low", "_high")}
    plots.plot([{**row, **bare, "f1": 0.0, "u_wer": 50.0}], tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 1000
