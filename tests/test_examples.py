"""The training chain in miniature: speak, extract features, train, save, load; each script as a user runs it."""

import importlib
import json
import os
import shutil
import subprocess
import sys

import pytest
from places import ROOT
from programs import needs_lmplz
from warm_python import warm

from nemo_ctcbias.errors import ModelError

sys.path.append(str(ROOT / "examples"))
DEMO = ROOT / "examples" / "data" / "demo"
ENV = {**os.environ, "OMP_NUM_THREADS": "1"}


def run_script(name, *args, cwd):
    command = ["python", str(ROOT / "examples" / name), *map(str, args)]
    done = subprocess.run(command, cwd=cwd, env=warm(ENV), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.skipif(not shutil.which("flite"), reason="flite is not installed")
def test_synthesis_is_seeded_and_makes_a_manifest(tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("okonkwo\nyamanaka\nsiprot\nvarennes\n")
    made = []
    for folder in ("one", "two"):
        run_script(
            "synthesize.py", "--names", names, "--count", 4, "--voices", "kal16,slt", "--out", folder, cwd=tmp_path
        )
        rows = [json.loads(line) for line in (tmp_path / folder / "manifest.json").read_text().splitlines()]
        assert len(rows) == 4 and all(0.3 < row["duration"] < 20 and row["text"] for row in rows)
        made.append([(row["text"], row["audio_filepath"], row["duration"]) for row in rows])
    assert made[0] == made[1]


def test_synthesis_without_text_says_what_to_give(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "synthesize.py"), "--out", str(tmp_path), "--voices", ""],
        env={**ENV, "PATH": "/nonexistent"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "apt-get install" in done.stderr and "Traceback" not in done.stderr


def test_features_training_and_resumption(tmp_path):
    from nemo.collections.asr.models import ASRModel

    run_script("extract_features.py", DEMO / "manifest.json", "--speeds", "1.0,1.1", "--out", "cache", cwd=tmp_path)
    header = json.loads((tmp_path / "cache" / "index.json").read_text())
    assert len(header["utterances"]) == 24
    last_start, last_frames = header["utterances"][-1][:2]
    assert (tmp_path / "cache" / "features.f16").stat().st_size == (last_start + last_frames) * header["mels"] * 2
    (tmp_path / "text.txt").write_text("\n".join(row[2] for row in header["utterances"]) * 20)
    small = [
        "data.features=[cache]",
        "data.batch_seconds=20",
        "vocab_size=40",
        "tokenizer_text=text.txt",
        "model.tokenizer.dir=tokenizer",
        "model.encoder.n_layers=2",
        "model.encoder.d_model=16",
        "model.encoder.n_heads=2",
        "model.encoder.subsampling_conv_channels=4",
        "model.interctc.loss_weights=[0.2]",
        "model.interctc.apply_at_layers=[0]",
        "model.optim.sched.warmup_steps=1",
        "model.optim.sched.hold_ratio=0.1",
        "exp_manager.exp_dir=runs",
        "exp_manager.checkpoint_callback_params.every_n_train_steps=2",
        "trainer.accelerator=cpu",
        "num_threads=1",
    ]
    run_script("train_base.py", *small, "trainer.max_steps=4", "save_to=first.nemo", cwd=tmp_path)
    run_script("train_base.py", *small, "trainer.max_steps=8", "save_to=second.nemo", cwd=tmp_path)
    first, second = (
        ASRModel.restore_from(str(tmp_path / f"{name}.nemo"), map_location="cpu") for name in ("first", "second")
    )
    changed = [
        not bool((one == other).all())
        for one, other in zip(first.encoder.parameters(), second.encoder.parameters(), strict=True)
    ]
    assert all(parameter.dtype.itemsize == 4 for parameter in second.encoder.parameters())
    assert any(changed), "the second run goes on from the first"
    script = ["python", str(ROOT / "examples" / "train_base.py"), *small, "data.batch_seconds=10"]
    (tmp_path / "cache" / "index.json").write_text(json.dumps(header | {"more": 1}))
    refused = subprocess.run(
        [*script, "save_to=third.nemo"], cwd=tmp_path, env=warm(ENV), capture_output=True, text=True
    )
    assert refused.returncode != 0 and not (tmp_path / "third.nemo").exists()
    assert "the run there was another one" in refused.stderr and "contents was" in refused.stderr
    assert "data.batch_seconds was 20, is 10" in refused.stderr


def test_adapter_training_and_resumption(base_nemo, tmp_path):
    import torch

    from nemo_ctcbias import from_ctc

    small = [
        f"model={base_nemo}",
        f"data.manifest={DEMO / 'manifest.json'}",
        f"data.validation_manifest={DEMO / 'manifest.json'}",
        "data.batch_size=6",
        "adapter.dim=16",
        "adapter.heads=2",
        "training.distractors=10",
        "exp_manager.exp_dir=runs",
        "exp_manager.checkpoint_callback_params.every_n_train_steps=2",
        "trainer.accelerator=cpu",
        "trainer.val_check_interval=2",
        "num_threads=1",
    ]
    run_script("train_contextual_adapter.py", *small, "trainer.max_steps=2", "save_to=first.pt", cwd=tmp_path)
    run_script("train_contextual_adapter.py", *small, "trainer.max_steps=4", "save_to=second.pt", cwd=tmp_path)
    first, second = (torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in ("first", "second"))
    assert first["__cfg__"]["names"]["base"]["layers"] == 2
    weights, later = first["context:names"][0], second["context:names"][0]
    assert any(not torch.equal(weights[key], later[key]) for key in weights), "the second run goes on from the first"
    pictures = [path.name for path in (tmp_path / "runs").rglob("attention/*.png")]
    assert sorted(pictures) == [f"{row}-step-00000{step}.png" for row in range(3) for step in (2, 4)]
    (tmp_path / "other.json").write_text((DEMO / "manifest.json").read_text())
    other = [*small, "data.manifest=other.json", "training.lr=0.01", "lists.max_size=50"]
    script = ["python", str(ROOT / "examples" / "train_contextual_adapter.py"), *other, "save_to=third.pt"]
    refused = subprocess.run(script, cwd=tmp_path, env=warm(ENV), capture_output=True, text=True)
    assert refused.returncode != 0 and not (tmp_path / "third.pt").exists()
    for told in (
        "the run there was another one",
        "data.manifest was",
        "training.lr was 0.002, is 0.01",
        "a new one with",
    ):
        assert told in refused.stderr
    checkpoint = next((tmp_path / "runs").rglob("*-last.ckpt"))
    stored = torch.load(checkpoint, map_location="cpu", weights_only=False)["state_dict"]
    assert stored and all("adapter_layer.names" in key for key in stored), "checkpoints hold the adapter alone"
    model = from_ctc(base_nemo)
    model.load_adapters(str(tmp_path / "second.pt"))
    base = {name: value for name, value in from_ctc(base_nemo).state_dict().items()}
    assert all(torch.equal(value, base[name]) for name, value in model.state_dict().items() if name in base)


def test_training_goes_on_from_what_another_base_had(base_nemo, tmp_path):
    import torch

    from nemo_ctcbias import from_ctc

    before, other = from_ctc(base_nemo), from_ctc(base_nemo)
    before.add_adapter("names", {"dim": 16, "heads": 2})
    before.save_adapters(str(tmp_path / "names.pt"))
    before.add_phone_head({"hidden": 8})
    before.save_phone_head(tmp_path / "head.pt")
    with torch.no_grad():
        for parameter in other.encoder.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    other.save_to(str(tmp_path / "other.nemo"))
    with pytest.raises(ModelError, match="other weights"):
        other.load_phone_head(tmp_path / "head.pt")
    data = [f"data.manifest={DEMO / 'manifest.json'}", "data.batch_size=6", "num_threads=1"]
    once = ["training.lr=0", "trainer.max_steps=1", "trainer.accelerator=cpu", "exp_manager.exp_dir=runs"]
    for script, start, load in (
        ("train_contextual_adapter.py", "names.pt", other.load_adapters),
        ("train_phone_head.py", "head.pt", other.load_phone_head),
    ):
        run_script(script, "model=other.nemo", f"start_from={start}", *data, *once, "save_to=after.pt", cwd=tmp_path)
        load(str(tmp_path / "after.pt"))  # it is of the other base now
        given, after = (torch.load(tmp_path / one, weights_only=True) for one in (start, "after.pt"))
        given, after = (one.get("weights") or one["context:names"][0] for one in (given, after))
        assert all(torch.equal(value, after[key]) for key, value in given.items()), "at a rate of 0 nothing changes"


def test_base_training_refuses_a_temperature_before_it_starts(tmp_path):
    common = ["data.features=[none]", "model.tokenizer.dir=none"]
    assert_refused("train_base.py", common, {"temperature=0": "temperature: must be above 0, got 0"}, tmp_path)


def assert_refused(script, common, bad, cwd):
    """Each setting stops the script, whose message has the words."""
    command = ["python", str(ROOT / "examples" / script), *common, "trainer.accelerator=cpu"]
    for setting, words in bad.items():
        done = subprocess.run([*command, setting], cwd=cwd, env=warm(ENV), capture_output=True, text=True)
        assert done.returncode and words in done.stderr, setting


def test_adapter_training_refuses_bad_settings_before_it_starts(base_nemo, tmp_path):
    common = [f"model={base_nemo}", f"data.manifest={DEMO / 'manifest.json'}"]
    bad = {
        "adapter.query_layers=[7]": "no layer 7",
        "+adapter.hidden=3": "hidden",
        "data.manifest=null": "nothing to train on",
    }
    assert_refused("train_contextual_adapter.py", common, bad, tmp_path)


def test_phone_head_training_and_resumption(base_nemo, tmp_path):
    import torch

    from nemo_ctcbias import from_ctc

    (tmp_path / "words.dict").write_text("the DH AH0\nplease P L IY1 Z\n")
    small = [
        f"model={base_nemo}",
        "lexicon=words.dict",
        f"data.manifest={DEMO / 'manifest.json'}",
        f"data.validation_manifest={DEMO / 'manifest.json'}",
        "data.batch_size=6",
        "phone_head.hidden=8",
        "exp_manager.exp_dir=runs",
        "exp_manager.checkpoint_callback_params.every_n_train_steps=2",
        "trainer.accelerator=cpu",
        "trainer.val_check_interval=2",
        "num_threads=1",
    ]
    run_script("train_phone_head.py", *small, "trainer.max_steps=2", "save_to=first.pt", cwd=tmp_path)
    run_script("train_phone_head.py", *small, "trainer.max_steps=4", "save_to=second.pt", cwd=tmp_path)
    first, second = (torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in ("first", "second"))
    assert first["config"]["base"] == {"width": 16, "layers": 2}
    assert any(not torch.equal(value, second["weights"][key]) for key, value in first["weights"].items())
    checkpoint = next((tmp_path / "runs").rglob("*-last.ckpt"))
    stored = torch.load(checkpoint, map_location="cpu", weights_only=False)
    assert stored["global_step"] == 4, "the second run goes on from the first"
    assert stored["state_dict"] and all("phone_head." in key for key in stored["state_dict"])
    model = from_ctc(base_nemo)
    model.load_phone_head(tmp_path / "second.pt")
    base = from_ctc(base_nemo).state_dict()
    assert all(torch.equal(value, base[name]) for name, value in model.state_dict().items() if name in base)


def test_phone_head_training_refuses_bad_settings_before_it_starts(base_nemo, tmp_path):
    bad = {"phone_head.layers=[7]": "no layer 7", "lexicon=none.dict": "no such lexicon"}
    assert_refused("train_phone_head.py", [f"model={base_nemo}"], bad, tmp_path)


@needs_lmplz
def test_token_language_model_is_nemos(tmp_path):
    from nemo.collections.asr.parts.submodules.ngram_lm import NGramGPULanguageModel

    given = [DEMO / "manifest.json", "--model", "small", "--order", 3, "--prune", 0]
    run_script("token_lm.py", *given, "--out", "tokens.arpa", cwd=tmp_path)
    model = NGramGPULanguageModel.from_file(tmp_path / "tokens.arpa", vocab_size=256)
    scores = model.advance(model.get_init_states(batch_size=1, bos=True))[0]
    assert scores.shape == (1, 256) and scores.detach().exp().sum() == pytest.approx(1.0, abs=0.05)


def test_confusions_are_learned_from_recordings(tmp_path):
    from nemo_ctcbias.phones.confusions import Confusions
    from nemo_ctcbias.phones.phones import BLANK

    guessed = importlib.import_module("train_confusions").guessed()
    given = ["--manifest", DEMO / "manifest.json", "--limit", 4]
    printed = run_script("train_confusions.py", *given, "--out", "confusions.json", cwd=tmp_path)
    assert "confusions.json: from 4 recordings (0.0 hours)" in printed
    found = Confusions.load(tmp_path / "confusions.json")
    assert found.said.sum(axis=1) == pytest.approx(1, abs=1e-4)
    assert (found.said.diagonal()[:BLANK] - guessed.said.diagonal()[:BLANK]).mean() > 0.05, "it hears well"
    with pytest.raises(AssertionError, match=r"train_confusions: none\.json: no such manifest"):
        run_script("train_confusions.py", "--manifest", "none.json", "--out", "no.json", cwd=tmp_path)


def test_what_weights_of_phrases_do(tmp_path):
    rows = [json.loads(line) for line in (DEMO / "manifest.json").read_text().splitlines()[:3]]
    for row in rows:
        row["audio_filepath"] = str(DEMO / row["audio_filepath"])
        row["rare_words"] = [word for word in row["text"].split() if word in {"okonkwo", "marisela", "siprot"}]
    (tmp_path / "clips.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "words.txt").write_text("".join(f"{a}{b}\n" for a in ("bal", "cor", "fen") for b in ("tos", "mir")))
    given = ["--manifest", "clips.json", "--distractors", "words.txt", "--model", "small", "--size", 4]
    _, _, off, usual = run_script("phrase_weights.py", *given, "--weights", "0,1", cwd=tmp_path).splitlines()
    assert off == "| 0 | 0 | 0 |" and float(usual.split(" | ")[1]) > 0


def test_one_plot_of_several_evaluations(tmp_path):
    pytest.importorskip("matplotlib")
    metrics = {f"{name}{end}": 50.0 for name in ("f1", "u_wer") for end in ("", "_low", "_high")}
    for folder, system in (("peers", "greedy"), ("ours", "hotword")):
        (tmp_path / folder).mkdir()
        rows = [{"system": system, "list_size": size, "utterances": 9, **metrics} for size in (100, 1000)]
        (tmp_path / folder / "results.json").write_text(json.dumps(rows))
    run_script("plot_results.py", "peers", "ours", "--systems", "hotword,greedy", "--out", "f1.png", cwd=tmp_path)
    assert (tmp_path / "f1.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(AssertionError, match="not measured: joint; there are hotword"):
        run_script("plot_results.py", "ours", "--systems", "joint", "--out", "no.png", cwd=tmp_path)


def test_curve_of_variants(tmp_path):
    """On four clips: the figures are those of the evaluations, and one form is what the system without g2g does."""
    pytest.importorskip("matplotlib")
    names = {"okonkwo", "marisela", "quillfeather", "siprot", "tolvanen"}
    rows = [json.loads(line) for line in (DEMO / "manifest.json").read_text().splitlines()[:4]]
    for row in rows:
        row["audio_filepath"] = str(DEMO / row["audio_filepath"])
        row["rare_words"] = [word for word in row["text"].split() if word in names]
    (tmp_path / "clips.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "words.txt").write_text("".join(f"{a}{b}\n" for a in ("bal", "cor", "fen") for b in ("tos", "mir")))
    args = ["clips.json", "--distractors", "words.txt", "--list-size", 4, "--cache", "cache", "--out", "out"]
    args += ["--model", "small"]
    printed = run_script("variants_curve.py", *args, "--variants", "3,1", "--systems", "hotword+g2g", cwd=tmp_path)
    assert (tmp_path / "out" / "variants.png").read_bytes().startswith(b"\x89PNG")
    assert printed == (tmp_path / "out" / "variants.md").read_text()
    lines = printed.splitlines()
    assert [line.split(" | ")[:3] for line in lines[2:]] == [["| clips", "hotword+g2g", count] for count in "13"]
    found = {}
    for line, count in zip(lines[2:], (1, 3), strict=True):
        (row,) = json.loads((tmp_path / "out" / f"clips-{count}" / "results.json").read_text())
        precision, recall, f1, wer = line.rstrip(" |").split(" | ")[3:]
        assert f1 == f"{row['f1']:.1f} ({row['f1_low']:.1f}–{row['f1_high']:.1f})"
        assert [precision, recall, wer] == [f"{row[key]:.1f}" for key in ("precision", "recall", "wer")]
        assert row["recall"] > 0
        text = (tmp_path / "out" / f"clips-{count}" / "utterances.jsonl").read_text()
        found[count] = [json.loads(one)["hypothesis"] for one in text.splitlines()]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert found[1] == plain_hypotheses("clips.json", "words.txt")
    for given, words in (
        ((*args, "--systems", "hotword"), "'hotword' listens for no variants"),
        ((*args, "--variants", "0,2"), "whole numbers from 1"),
        (("clips.json", *args), "two have the same name"),
    ):
        with pytest.raises(AssertionError, match=words):
            run_script("variants_curve.py", *given, cwd=tmp_path)


def plain_hypotheses(manifest, distractors):
    """What `hotword` alone writes with the same lists."""
    from pathlib import Path

    from nemo_ctcbias.evaluation.evaluate import EvaluateOptions, evaluate

    out = Path("plain")
    options = EvaluateOptions(
        Path(manifest), out, model="small", distractors=Path(distractors), list_sizes=(4,), systems=("hotword",),
        progress=False,
    )  # fmt: skip
    evaluate(options)
    return [json.loads(line)["hypothesis"] for line in (out / "utterances.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("lists", [[], ["--new-lists"]])
def test_the_profile_accounts_for_all_of_the_time(lists, tmp_path):
    options = ["--sizes", "0,50", "--presets", "accurate", "--recordings", "2", *lists]
    lines = run_script("benchmark_profile.py", *options, cwd=tmp_path).splitlines()
    rows = [line.split("|")[1:-1] for line in lines if line.startswith("| ")][1:]
    table = {name.strip(): [float(value) for value in values] for name, *values in rows}
    parts = [values for name, values in table.items() if name not in ("all", "first recording, s")]
    for column in range(2):
        assert abs(sum(values[column] for values in parts) - table["all"][column]) < 0.1 * len(parts)
    assert table["detection"][0] == 0 < table["detection"][1] and table["encoder"][0] > 0
    assert (table["list"][1] > 0) == bool(lists)


def test_the_cost_of_an_adapter(tmp_path):
    (tmp_path / "words.txt").write_text("".join(f"{a}{b}\n" for a in ("bal", "cor", "fen") for b in ("tos", "mir")))
    given = ["--manifest", DEMO / "manifest.json", "--phrases", "words.txt", "--sizes", "3,6", "--recordings", 8]
    *_, three, six, training = run_script("benchmark_adapter.py", *given, cwd=tmp_path).splitlines()
    for line, size in ((three, 3), (six, 6)):
        phrases, *figures = [float(cell) for cell in line.strip("| ").split("|")]
        assert phrases == size and min(figures[-2:]) > 0
    assert float(training.split(": ")[1]) > 0


@pytest.fixture
def two_clips(tmp_path):
    """Options for two clips, each with a word of its own, and words to fill lists with."""
    rows = [json.loads(line) for line in (DEMO / "manifest.json").read_text().splitlines()[:2]]
    for row, word in zip(rows, ("okonkwo", "quillfeather"), strict=True):
        row.update(audio_filepath=str(DEMO / row["audio_filepath"]), rare_words=[word])
    (tmp_path / "two.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "words.txt").write_text("hadrosek\nwollstone\nthessaly\ndelacroix\n")
    return ["--model", "small", "--manifest", "two.json", "--distractors", "words.txt", "--size", 3]


def test_streams_are_measured_beside_recordings(two_clips, tmp_path):
    lines = run_script("benchmark_streaming.py", *two_clips, "--steps", "1.0", cwd=tmp_path).splitlines()
    table = {name.strip(): cells for name, *cells in (line.split("|")[1:-1] for line in lines if line.startswith("| "))}
    assert lines[0].startswith("2 recordings, 6 s") and list(table) == ["heard as", "recordings", "streams, 1 s"]
    assert all(0 <= float(cell) <= 100 for name in ("recordings", "streams, 1 s") for cell in table[name][:3])
    assert float(table["streams, 1 s"][-1]) > 0, "what it costs"


def test_long_recordings_are_measured_beside_pieces(two_clips, tmp_path):
    lines = run_script("benchmark_long.py", *two_clips, "--hours", 0.004, cwd=tmp_path).splitlines()
    table = {name.strip(): cells for name, *cells in (line.split("|")[1:-1] for line in lines if line.startswith("| "))}
    assert lines[0].startswith("4 recordings, 0.00 h of speech; 3 phrases") and len(table) == 3
    assert all(0 <= float(cell) <= 100 for name in ("pieces", "one recording") for cell in table[name][1:3])
    assert float(lines[-2].split("%")[0]) <= 30
    assert lines[-1].endswith("to go on: the same")
