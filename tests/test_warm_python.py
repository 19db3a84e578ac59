"""A warm process does what a cold one does: arguments, folder, environment, input, output, status."""

import os
import signal
import subprocess
import sys
import time

import pytest
from warm_python import warm

SHOWN = """
import os, sys
print(sys.argv[1:], os.getcwd(), os.environ["GIVEN"], sys.stdin.read())
print("said", file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""


@pytest.mark.parametrize("form", ["-c", "script"])
def test_a_command_is_the_same_warm_and_cold(form, tmp_path):
    (tmp_path / "script.py").write_text(SHOWN)
    command = ["-c", SHOWN] if form == "-c" else ["script.py"]
    options = {"cwd": tmp_path, "input": "typed", "capture_output": True, "text": True}
    given = {**os.environ, "GIVEN": "yes"}
    cold = subprocess.run([sys.executable, *command, "3", "ä"], env=given, **options)
    done = subprocess.run(["python", *command, "3", "ä"], env=warm(given), **options)
    assert (done.returncode, done.stdout, done.stderr) == (cold.returncode, cold.stdout, cold.stderr)
    assert cold.returncode == 3 and "typed" in cold.stdout


@pytest.mark.parametrize(("code", "status"), [("1 / 0", 1), ("import sys; sys.exit('why')", 1), ("", 0)])
def test_how_it_ends(code, status):
    done = subprocess.run(["python", "-c", code], env=warm(os.environ), capture_output=True, text=True)
    assert done.returncode == status and ("ZeroDivisionError" in done.stderr) == (code == "1 / 0")
    assert ("why" in done.stderr) == ("why" in code)


def test_who_is_killed_leaves_nothing_behind(tmp_path):
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    started = subprocess.Popen(["python", "-c", code], env=warm(os.environ), stdout=subprocess.PIPE, text=True)
    running = int(started.stdout.readline())
    started.send_signal(signal.SIGTERM)
    started.wait()
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            os.kill(running, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("it is still there")
