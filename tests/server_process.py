"""The command `nemo-ctcbias serve` as a process of its own, for tests that kill it or ask it for an hour."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path


class ServerProcess:
    """A server that was started; ready when this returns.

    Args:
        folder: it runs there, keeps its temporary files there, and its log as `log`.
        options: of the command; a free port is taken.
    """

    def __init__(self, folder, *options):
        self.log = Path(folder, "log")
        command = [sys.executable, "-m", "nemo_ctcbias.cli", "serve", "--port", "0", *map(str, options)]
        with self.log.open("w") as log:
            env = {**os.environ, "TMPDIR": str(folder)}
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=env)
        end = time.monotonic() + 300
        while not (found := re.search(r"http://\S+", self.log.read_text())):
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise RuntimeError(self.log.read_text())
            time.sleep(0.1)
        self.url = found[0]

    def kill(self):
        """As `kill -9` does."""
        self.process.kill()
        self.process.wait()
