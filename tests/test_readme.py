"""Every command and code block of the README runs as it stands there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"<!-- ([^\n]+?) -->\n```(\w+)\n(.*?)```", README, flags=re.S)
BIN = Path(sys.executable).parent
ENV = {
    **os.environ,
    "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    "OMP_NUM_THREADS": "1",
    "PYTHONWARNINGS": "ignore",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working folder that looks like the checkout; what the blocks write stays in it."""
    place = tmp_path_factory.mktemp("readme")
    (place / "examples").symlink_to(ROOT / "examples")
    return place


def test_every_block_is_run_or_shown_only():
    shown_only = re.findall(r"(?<!-->\n)```(\w+)\n", README)
    assert set(shown_only) <= {"text"}, "bash and python blocks carry a marker saying how they are tested"
    assert {mark for mark, _, _ in BLOCKS} <= {
        "run",
        "run: nemo script",
        "run: shared",
        "run: training",
        "ci: demo",
        "ci: tests",
    }


def test_the_two_commands_are_the_gates():
    gate = (ROOT / ".ci" / "run").read_text()
    for name in ("demo", "tests"):
        assert f"readme {name}" in gate
        command = next(text for mark, _, text in BLOCKS if mark == f"ci: {name}")
        assert len(command.strip().splitlines()) == 1 and 'pip install -q -e ".[' in command


@pytest.mark.parametrize("text", [text for mark, language, text in BLOCKS if mark == "run" and language == "bash"])
def test_commands(text, folder):
    done = subprocess.run(["bash", "-ec", text], cwd=folder, env=ENV, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip()


def test_python_blocks_then_nemos_script(folder):
    code = "\n".join(text for mark, language, text in BLOCKS if mark == "run" and language == "python")
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=ENV, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    for text in (text for mark, _, text in BLOCKS if mark == "run: nemo script"):
        run_nemo_script(text, folder)


def run_nemo_script(text, folder):
    """Run a line on NeMo's checkout where NEMO_SCRIPTS names one, else on our equivalent of its script."""
    words = shlex.split(text)
    checkout = os.environ.get("NEMO_SCRIPTS")
    script = words[1].replace("$NEMO", checkout) if checkout else str(ROOT / "tests" / "nemo_script.py")
    done = subprocess.run([sys.executable, script, *words[2:]], cwd=folder, env=ENV, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (folder / "out.json").read_text().count("pred_text") == 12
    (folder / "out.json").unlink()


@pytest.mark.parametrize("text", [text for mark, _, text in BLOCKS if mark == "run: training"])
def test_training_commands(text, folder):
    done = subprocess.run(["bash", "-ec", text], cwd=folder, env=ENV, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (folder / "mine.pt").stat().st_size > 100_000


@pytest.mark.shared
@pytest.mark.parametrize("text", [text for mark, _, text in BLOCKS if mark == "run: shared"])
def test_commands_on_shared_data(text, folder):
    run_on_shared_data(text, folder)


def run_on_shared_data(text, folder):
    """A command behind the results, on its first few recordings."""
    if not (folder.parent / "shared").exists():
        (folder.parent / "shared").symlink_to(ROOT.parent / "shared")
    limited = text.strip() + (" --limit 4 --list-sizes 100" if "evaluate" in text else " --seconds 5")
    done = subprocess.run(["bash", "-ec", limited], cwd=folder, env=ENV, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
