"""A new user's hour: clone, own speech and list, own manifest measured, from Python, saved, opened by NeMo's script."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import soundfile
from places import ROOT

HOUR = """
import json, sys
from pathlib import Path
from nemo_ctcbias import load_biased
from nemo_ctcbias.cli import main

def run(*arguments):
    assert main([str(one) for one in arguments]) == 0, arguments

run("transcribe", "mine", "--bias-list", "names.csv", "--bias", "Tolvanen:1.5", "--format", "json", "--word-times",
    "--out", "mine.json")
run("evaluate", "--manifest", "mine/manifest.json", "--bias-list", "names.csv", "--systems", "greedy,nemo-ctc-ws,joint",
    "--out", "measured", "--no-progress")
model = load_biased(bias_list="names.csv")
clips = sorted(map(str, Path("mine").glob("*.wav")))
texts = [one.text for one in model.transcribe(clips, batch_size=len(clips), verbose=False)]
model.save_to("mine.nemo")
Path("texts.json").write_text(json.dumps(texts))
"""


@pytest.mark.skipif(not shutil.which("git") or not (ROOT / ".git").exists(), reason="this is no clone")
def test_a_new_users_hour(tmp_path):
    """In a clone as it is committed, and a folder of the user's own beside it."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(tmp_path / "clone")], check=True)
    home, demo = tmp_path / "home", ROOT / "examples" / "data" / "famous"
    (home / "mine").mkdir(parents=True)
    rows = []
    for name, text in (
        ("rms_03", "My favourite film by Miyazaki is about a castle that walks."),
        ("slt_10", "My sister has lived in Guadalajara for three years."),
    ):
        samples, rate = soundfile.read(demo / f"{name}.flac")
        soundfile.write(home / "mine" / f"{name}.wav", samples, rate)
        rows.append({"audio_filepath": f"{name}.wav", "text": text, "duration": len(samples) / rate})
    (home / "mine" / "manifest.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (home / "names.csv").write_text("Name,City\nMiyazaki,Tokyo\nGuadalajara,Jalisco\nZelmira Kandinsky,Riga\n")
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path / "clone"),
        "OMP_NUM_THREADS": "1",
        "PYTHONWARNINGS": "ignore",
    }

    def run(*command):
        done = subprocess.run([sys.executable, *command], cwd=home, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return done

    run("-c", HOUR)
    found = [json.loads(line) for line in (home / "mine.json").read_text().splitlines()]
    assert [[hit["phrase"] for hit in row["hits"]] for row in found] == [["Miyazaki"], ["Guadalajara"]]
    assert all([word["text"] for word in row["words"]] for row in found)
    measured = {row["system"]: row for row in json.loads((home / "measured" / "results.json").read_text())}
    assert measured["joint"]["recall"] == 100 > measured["greedy"]["recall"] and "nemo-ctc-ws" in measured
    texts = json.loads((home / "texts.json").read_text())
    assert texts == [row["text"] for row in found], "Python and the command line write the same"
    script, scores = str(ROOT / "tests" / "nemo_script.py"), ["model_path=mine.nemo", "output_filename=nemo.json"]
    run(script, *scores, "dataset_manifest=mine/manifest.json")
    nemo = [json.loads(line)["pred_text"] for line in (home / "nemo.json").read_text().splitlines()]
    assert sorted(nemo) == sorted(texts), "and so does the .nemo in NeMo's script"
    status = subprocess.run(["git", "status", "--porcelain"], cwd=tmp_path / "clone", capture_output=True, text=True)
    assert status.stdout == ""
