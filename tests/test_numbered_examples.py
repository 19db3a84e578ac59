"""The numbered examples run as a newcomer runs them, and show what they promise."""

import json
import os
import subprocess
import sys

import pytest
from places import ROOT

NUMBERED = sorted(path.name for path in (ROOT / "examples").glob("[0-9][0-9]_*"))


def run(name, *args):
    pytest.importorskip("pyctcdecode")
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *map(str, args)],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def test_every_example_is_tested():
    assert NUMBERED == ["01_hotwords.py", "02_lists_per_utterance.py", "03_evaluate.py", "04_train_an_adapter.py"]


def test_hotwords():
    shown = run("01_hotwords.py")
    without, with_list = ("\n".join(line for line in shown if line.startswith(kind)) for kind in ("without", "with "))
    assert "Marisela Quillfeather" in with_list and "Quillfeather" not in without
    assert any("instead of" in line for line in shown)


def test_lists_per_utterance(tmp_path):
    shown = run("02_lists_per_utterance.py", "--out", tmp_path)
    kinds = ("python", "manifest", "swapped")
    texts = {kind: [line.split(": ", 1)[1] for line in shown if line.startswith(kind)] for kind in kinds}
    assert texts["python"] == texts["manifest"]
    assert "Marisela Quillfeather" in texts["python"][0] and "Novantra" in texts["python"][1]
    assert "Quillfeather" not in texts["swapped"][0] and "Novantra" not in texts["swapped"][1]


def test_evaluate(tmp_path):
    shown = run("03_evaluate.py", "--out", tmp_path)
    rows = {row["system"]: row for row in json.loads((tmp_path / "results.json").read_text())}
    assert rows["joint"]["f1"] > rows["greedy"]["f1"] and any(line.startswith("joint") for line in shown)
    assert (tmp_path / "report.html").stat().st_size > 50_000


def test_train_an_adapter(tmp_path):
    shown = "\n".join(run("04_train_an_adapter.py", "--out", tmp_path))
    assert (tmp_path / "adapter.pt").stat().st_size > 1_000_000
    assert "with:    the Siprot" in shown and "without: the syprou" in shown
