"""How many cases, and what a reader may do with one: use it, or refuse it in one line.

Making a case takes hypothesis ten times as long as a reader takes to read it, so that a long run reads others near each
one, too.
"""

import os
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from nemo_ctcbias.errors import BiasingError

READINGS = [0]  # so far
USUAL = 25  # cases a reader in a run of all tests; --fuzz-cases gives them more
NEAR = 30  # files read beside each case of a long run


def pytest_configure(config):
    cases = config.getoption("--fuzz-cases") or USUAL
    quiet = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
    settings.register_profile("fuzz", deadline=None, max_examples=cases, database=None, suppress_health_check=quiet)


def pytest_terminal_summary(terminalreporter, config):
    if config.getoption("--fuzz-cases"):
        terminalreporter.write_line(f"fuzzed readings: {READINGS[0]}")


@pytest.fixture(autouse=True)
def no_waiting_for_disks(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def file():
    """Writes a file into memory, where there is such a folder."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:

        def write(name, content):
            path = Path(folder, name)
            path.write_bytes(content)
            return path

        yield write


@pytest.fixture
def near(request):
    """The bytes of a case, and in a long run others that differ in a few places."""
    count = NEAR if request.config.getoption("--fuzz-cases") else 0

    def changed(content):
        yield content
        chosen = random.Random(content)
        for _ in range(count):
            one = bytearray(content)
            for _ in range(chosen.choice((1, 1, 2, 4))):
                begin, end = sorted(chosen.randrange(len(one) + 1) for _ in range(2))
                end, place = min(end, begin + chosen.choice((1, 3, 20))), chosen.randrange(len(one) + 1)
                part = one[begin:end]
                turn = chosen.randrange(4)
                if turn == 0:
                    one[begin:end] = b""
                elif turn == 1:
                    one[place:place] = part * chosen.choice((1, 2, 50))
                elif turn == 2:
                    one[place:place] = chosen.choice(
                        (b"\n", b"\t", b" ", b'"', b",", b":", b"\\", b"\xe2\x80\xa8", b"\0")
                    )
                else:
                    one[begin : begin + 1] = bytes([chosen.randrange(256)])
            yield bytes(one)

    return changed


@pytest.fixture
def taken():
    """Calls a reader; None where it refuses what it gets."""

    def call(read, *arguments):
        READINGS[0] += 1
        try:
            return read(*arguments)
        except BiasingError as error:
            assert "\n" not in str(error) and 0 < len(str(error)) < 3000
            return None

    return call
