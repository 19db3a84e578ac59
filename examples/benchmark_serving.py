"""Time of an answer of `nemo-ctcbias serve`, when several ask at once.

    taskset -c 0,1 python examples/benchmark_serving.py

Callers send clips of speech, each with a list of its own, and ask again as soon as they are answered. Beside the times
it tells how busy the machine was before it began, and the processor time that the server took for a request: that does
not count what others do meanwhile.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import soundfile

DEMO = Path(__file__).parent / "data" / "demo"
RATE = 16_000
SYLLABLES = "ba der lo min sta vor zel ka no ri tu we".split()


@contextmanager
def server(model: str) -> Iterator[tuple[subprocess.Popen, str]]:
    """A server's process and its address."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        command = [sys.executable, "-m", "nemo_ctcbias.cli", "serve", "--model", model, "--port", "0"]
        with log.open("w") as written:
            process = subprocess.Popen([*command, "--lists", folder], stderr=written)
        try:
            while not (found := re.search(r"http://\S+", log.read_text())):
                if process.poll() is not None:
                    raise SystemExit(log.read_text())
                time.sleep(0.1)
            yield process, found[0]
        finally:
            process.terminate()
            process.wait()


def clips(seconds: float) -> list[bytes]:
    """Speech of that length, as flac."""
    speech = np.concatenate([soundfile.read(path)[0] for path in sorted(DEMO.glob("*.flac"))])
    size, found = round(seconds * RATE), []
    for first in range(0, len(speech) - size, size):
        file = io.BytesIO()
        soundfile.write(file, speech[first : first + size], RATE, format="flac")
        found.append(file.getvalue())
    return found


def cpu_seconds(process: subprocess.Popen) -> float:
    """That a process has taken, all its threads together (Linux)."""
    fields = Path("/proc", str(process.pid), "stat").read_text().rpartition(") ")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="strong", help="as of `serve` (default strong)")
    parser.add_argument("--callers", type=int, default=4)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=5.0, help="of a clip (default 5)")
    parser.add_argument("--phrases", type=int, default=20, help="of each list, no two alike (default 20)")
    args = parser.parse_args()
    chosen, sent = random.Random(0), clips(args.seconds)
    names = [["".join(chosen.choices(SYLLABLES, k=3)) for _ in range(args.phrases)] for _ in range(args.requests)]
    busy = os.getloadavg()[0]
    with server(args.model) as (process, url), httpx.Client(base_url=url, timeout=600) as client:

        def ask(number: int) -> float:
            begin = time.monotonic()
            file, data = {"file": ("a.flac", sent[number % len(sent)])}, {"hotwords": "\n".join(names[number])}
            client.post("/v1/audio/transcriptions", files=file, data=data).raise_for_status()
            return time.monotonic() - begin

        begin, before = time.monotonic(), cpu_seconds(process)
        with ThreadPoolExecutor(args.callers) as pool:
            spent = sorted(pool.map(ask, range(args.requests)))
        elapsed, processor = time.monotonic() - begin, cpu_seconds(process) - before
    print(f"{args.model}: {args.requests} clips of {args.seconds:g} s, {args.callers} at once, {args.phrases} phrases")
    print(f"load of the machine before: {busy:.1f}, on {os.cpu_count()} cores")
    p95 = spent[min(len(spent) - 1, int(0.95 * len(spent)))]
    print(f"median {statistics.median(spent):.2f} s, p95 {p95:.2f} s, longest {spent[-1]:.2f} s")
    print(f"{args.requests / elapsed:.2f} requests a second, {processor / args.requests:.2f} s of processor time each")


if __name__ == "__main__":
    main()
