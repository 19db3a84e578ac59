"""Processes killed while they write: what was there is whole, and what they left is cleared. `--kills N` kills more."""

import json
import random
import signal
import subprocess
import sys
import time

from nemo_ctcbias.bias_list import BiasList

USUAL = 4
WRITER = """
import json, sys
from pathlib import Path
from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.settings_file import write_settings
from nemo_ctcbias.whole_files import written_whole
folder, number = Path(sys.argv[1]), 0
print("ready", flush=True)
while True:
    number += 1
    with written_whole(folder / "rows.json") as partial:
        partial.write_text(json.dumps([number] * 200_000))
    BiasList([f"name {number} {k}" for k in range(2000)]).save(folder / "names.txt")
    write_settings(folder / "settings.yaml", {"weight": number}, "written again and again")
"""


def test_a_kill_at_any_moment_leaves_whole_files(request, tmp_path):
    moments = random.Random(0)
    for _ in range(request.config.getoption("--kills") or USUAL):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        writer.stdout.readline()
        time.sleep(moments.uniform(0.05, 0.4))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        for name, whole in (
            ("rows.json", lambda path: len(json.loads(path.read_text())) == 200_000),
            ("names.txt", lambda path: len(BiasList.load(path)) == 2000),
            ("settings.yaml", lambda path: path.read_text().endswith("\n")),
        ):
            assert not (tmp_path / name).exists() or whole(tmp_path / name)
    BiasList(["Anna"]).save(tmp_path / "last.txt")
    assert {path.name for path in tmp_path.iterdir()} <= {"rows.json", "names.txt", "settings.yaml", "last.txt"}
    assert len(BiasList.load(tmp_path / "last.txt")) == 1
