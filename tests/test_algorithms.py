"""The reference implementations in docs/algorithms.md agree with the package, as each of them asserts."""

import os
import re
import subprocess
import sys

import pytest
from places import ROOT

PAGE = (ROOT / "docs" / "algorithms.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.S)


def test_every_block_compares_something():
    assert len(BLOCKS) >= 9 and sum("assert" in block for block in BLOCKS) >= 9


def test_the_blocks_run_in_order(tmp_path):
    pytest.importorskip("kenlm", reason="it says how words sound")
    pytest.importorskip("pyctcdecode", reason="a block shows its interface")
    code = tmp_path / "algorithms.py"
    code.write_text("\n".join(BLOCKS), encoding="utf-8")
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, str(code)], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
