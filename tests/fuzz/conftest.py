"""How many cases, and what a reader may do with one: use it, or refuse it in one line."""

import pytest
from hypothesis import HealthCheck, settings

from nemo_ctcbias.errors import BiasingError

READINGS = [0]  # so far
USUAL = 25  # cases a reader in a run of all tests; --fuzz-cases gives them more


def pytest_configure(config):
    cases = config.getoption("--fuzz-cases") or USUAL
    quiet = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
    settings.register_profile("fuzz", deadline=None, max_examples=cases, database=None, suppress_health_check=quiet)


def pytest_terminal_summary(terminalreporter, config):
    if config.getoption("--fuzz-cases"):
        terminalreporter.write_line(f"fuzzed readings: {READINGS[0]}")


@pytest.fixture
def counted():
    """Counts readings."""

    def add(readings=1):
        READINGS[0] += readings

    return add


@pytest.fixture
def taken(counted):
    """Calls a reader; None where it refuses what it gets."""

    def call(read, *arguments):
        counted()
        try:
            return read(*arguments)
        except BiasingError as error:
            assert "\n" not in str(error) and 0 < len(str(error)) < 3000
            return None

    return call
