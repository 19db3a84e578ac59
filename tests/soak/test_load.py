"""A server under load, at 80 % of what it can do: nothing fails, memory is flat. `--soak-minutes M` runs it so long.

    taskset -c 1 python -m pytest -n 0 -s tests/soak/test_load.py --soak-minutes 60

Recordings of a few seconds come at random moments, each with a list of its own. How much the server can do is measured
anew every ten minutes (four callers who ask again as soon as they are answered), for a machine has other work, too.
"""

import asyncio
import random
import resource
import statistics
import time
from pathlib import Path

import pytest
from places import ROOT
from server_process import ServerProcess

LOAD = 0.8  # of its capacity
MEASURED, ROUND = 30.0, 600.0  # seconds in which the capacity is measured, and then used
CALLERS = 4
MOST_GROWTH = 100  # MB, from when all has been used once to the end
SYLLABLES = "ba der lo min sta vor zel ka no ri tu we".split()


def held(process):
    """MB and open files of a process."""
    folder = Path("/proc", str(process.pid))
    pages = int((folder / "statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20, sum(1 for _ in (folder / "fd").iterdir())


class Load:
    """Requests to a server, and how they went."""

    def __init__(self, client):
        self._client, self._random = client, random.Random(0)
        self._clips = [path.read_bytes() for path in sorted((ROOT / "examples" / "data" / "demo").glob("*.flac"))]
        self.seconds, self.failed = [], []

    async def ask(self):
        """Send a recording with a list."""
        names = ["".join(self._random.choices(SYLLABLES, k=3)) for _ in range(self._random.choice([0, 5, 50, 500]))]
        clip, begin = self._random.choice(self._clips), time.monotonic()
        sent = {"file": ("a.flac", clip)}
        answer = await self._client.post("/v1/audio/transcriptions", files=sent, data={"hotwords": "\n".join(names)})
        self.seconds.append(time.monotonic() - begin)
        if answer.status_code != 200 or len(answer.json()["bias_list"]["used"]) != len(set(names)):
            self.failed.append(answer.text[:300])

    async def capacity(self, seconds):
        """Requests a second when there is always another one."""
        begin, before = time.monotonic(), len(self.seconds)

        async def caller():
            while time.monotonic() - begin < seconds:
                await self.ask()

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        return (len(self.seconds) - before) / (time.monotonic() - begin)

    async def at(self, rate, end):
        """So many a second until then, whether or not others have been answered."""
        running = set()
        while time.monotonic() < end:
            running.add(task := asyncio.create_task(self.ask()))
            task.add_done_callback(running.discard)
            await asyncio.sleep(self._random.expovariate(rate))
        await asyncio.gather(*running)


async def loaded(server, minutes):
    """Run it; (MB, open files) after each minute, and the failures."""
    import httpx

    seen, end = [], time.monotonic() + 60 * minutes
    async with httpx.AsyncClient(base_url=server.url, timeout=120, limits=httpx.Limits(max_connections=200)) as client:
        load = Load(client)
        while (begin := time.monotonic()) < end:
            capacity = await load.capacity(min(MEASURED, 6 * minutes))
            print(f"capacity {capacity:.2f} requests a second", flush=True)
            while time.monotonic() < min(begin + ROUND, end):
                load.seconds.clear()
                await load.at(LOAD * capacity, min(time.monotonic() + 60, end))
                seen.append(held(server.process))
                told = sorted(load.seconds)
                print(
                    f"{time.strftime('%H:%M')} {len(told)} requests, median {statistics.median(told):.2f} s, "
                    f"p95 {told[int(0.95 * len(told))]:.2f} s; {seen[-1][0]:.0f} MB, {seen[-1][1]} files; "
                    f"{len(load.failed)} failed so far",
                    flush=True,
                )
    return seen, load.failed


def test_a_load_of_80_percent(request, tmp_path):
    minutes = request.config.getoption("--soak-minutes")
    if not minutes:
        pytest.skip("takes as long as it is given: --soak-minutes M")
    pytest.importorskip("fastapi", reason="the extra `serve` is not there")
    pytest.importorskip("httpx")
    # So that the lists that are kept have filled their room before the first quarter of an hour is over.
    server = ServerProcess(tmp_path, "--model", "small", "--list-megabytes", "32")
    try:
        seen, failed = asyncio.run(loaded(server, minutes))
    finally:
        server.kill()
    assert not failed, failed[:3]
    told = server.log.read_text().partition(server.url)[2]
    assert told.count("\n") == 1, f"the log goes on behind the address: {told[:3000]}"
    used = seen[len(seen) // 4 :]
    assert max(used)[0] - used[0][0] < MOST_GROWTH, "memory grows"
    assert max(row[1] for row in used) - used[0][1] < 50, "files stay open"
