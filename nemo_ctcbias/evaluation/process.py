"""Settings of the running process during a measurement, put back afterwards."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def single_thread() -> Iterator[None]:
    """Let torch use one thread, so that decoding times compare."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def quiet_nemo() -> Iterator[None]:
    """Silence NeMo's information lines, of which building a tree for each utterance prints thousands."""
    nemo = sys.modules.get("nemo.utils")
    logger = getattr(nemo, "logging", None)
    if logger is None:
        yield
        return
    before = logger.getEffectiveLevel()
    logger.setLevel(max(before, logging.ERROR))
    try:
        yield
    finally:
        logger.setLevel(before)
