"""Phone log-probs that say a given string, and random ones."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from places import ROOT

from nemo_ctcbias.phones.phones import BLANK, PHONE_IDS
from nemo_ctcbias.phones.pronouncer import shipped_g2p

sys.path.append(str(ROOT / "examples"))  # what trains the shipped models lies there


@pytest.fixture(scope="session")
def g2p():
    return shipped_g2p()


@pytest.fixture(scope="session")
def sung():
    """Log-probs [T, 40] in which each symbol has a frame ("_" is blank) and nearly all the probability."""

    def make(frames: str, sure: float = 0.9) -> np.ndarray:
        labels = [BLANK if symbol == "_" else PHONE_IDS[symbol] for symbol in frames.split()]
        probs = np.full((len(labels), BLANK + 1), (1 - sure) / BLANK)
        probs[np.arange(len(labels)), labels] = sure
        return np.log(probs)

    return make


@pytest.fixture(scope="session")
def noise():
    def make(frames: int, seed: int) -> np.ndarray:
        return np.log(np.random.default_rng(seed).dirichlet(np.full(BLANK + 1, 0.3), size=frames) + 1e-9)

    return make
