"""The numbered examples run as a newcomer runs them, and show what they promise."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT
from programs import needs_lmplz
from warm_python import warm

from nemo_ctcbias.lm import lmplz

NUMBERED = sorted(path.name for path in (ROOT / "examples").glob("[0-9][0-9]_*"))
NEMO_SCRIPTS = os.environ.get("NEMO_SCRIPTS", "")  # a NeMo checkout
ENV = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
}


def start(name, *args, **variables):
    command = ["bash" if name.endswith(".sh") else "python", str(ROOT / "examples" / name), *map(str, args)]
    return subprocess.run(command, cwd=ROOT, env=warm({**ENV, **variables}), capture_output=True, text=True)


def run(name, *args):
    pytest.importorskip("pyctcdecode")
    done = start(name, *args)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def test_every_example_is_tested():
    assert NUMBERED == [
        "01_hotwords.py",
        "02_lists_per_utterance.py",
        "03_evaluate.py",
        "04_train_an_adapter.py",
        "05_nemo_scripts.sh",
        "06_language_model.py",
        "07_serve.sh",
    ]
    index = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert all(f"examples/{name}" in index for name in NUMBERED)
    others = {path.name for path in (ROOT / "examples").glob("*.py")} - set(NUMBERED)
    assert not [name for name in others if f"`{name}`" not in index], "every script stands in examples/README.md"


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


@pytest.mark.skipif(not NEMO_SCRIPTS, reason="NEMO_SCRIPTS names no NeMo checkout")
def test_nemo_scripts(tmp_path):
    shown = "\n".join(run("05_nemo_scripts.sh", Path(NEMO_SCRIPTS).resolve(), tmp_path))
    stored, hotword, *rates, parallel = (piece.split("\n", 1)[1].strip() for piece in shown.split("\n$ python ")[2:])
    assert stored == parallel and "Marisela Quillfeather" in stored and "Siprot" in stored
    assert "siprot" in hotword and "Quillfeather" not in hotword, "the list of this run replaces the stored one"
    base, biased = (float(rate.split("WER/CER ")[1].split("%")[0]) for rate in rates)
    assert biased < base


@pytest.mark.parametrize("given", [(), ("/nonexistent",)])
def test_without_a_nemo_checkout_the_example_says_how_to_get_one(given):
    done = start("05_nemo_scripts.sh", *given)
    assert done.returncode == 2 and "git clone" in done.stderr and "PATH_TO_NEMO" in done.stderr


@needs_lmplz
def test_language_model(tmp_path):
    shown = [line for line in run("06_language_model.py", "--out", tmp_path) if line.startswith("alpha ")]
    rates = {line.split(":")[0]: float(line.split("error rate")[1].split("%")[0]) for line in shown}
    assert rates["alpha 0.5"] < min(rates["alpha 0"], rates["alpha 1.5"]), "it helps, and too much of it does not"
    assert "[Siprot] project" in (tmp_path / "alpha_0.5.txt").read_text(), "a name that the text never held"


def test_without_kenlms_programs_the_example_says_how_to_build_them(tmp_path):
    done = start("06_language_model.py", "--out", tmp_path, KENLM_BIN="/nonexistent")
    assert done.returncode == 2 and lmplz.BUILD_COMMAND in done.stderr and "Traceback" not in done.stderr


def test_serve():
    for name in ("fastapi", "uvicorn", "websockets", "python_multipart", "prometheus_client"):
        pytest.importorskip(name, reason="the extra `serve` is not there")
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    shown = "\n".join(run("07_serve.sh"))
    without, request, kept = shown.split("\n== ")
    assert "Quillfeather" not in without and "Marisela Quillfeather" in json.loads(request.splitlines()[1])["text"]
    assert "東京" in json.loads(request.splitlines()[1])["bias_list"]["dropped"][0]["phrase"]
    assert "32 phrases; 0 dropped" in kept and "00:00:00,000 --> " in kept and "Marisela Quillfeather" in kept
