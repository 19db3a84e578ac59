"""The temperature of a recording against its definition, brute force over a fine grid."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.search.temperature import FLOOR, LEAST_FRAMES, RunningTemperature, temperature, tempered

LABELS = 40


def spoken(seed: int, sureness: float, frames: int = 30) -> np.ndarray:
    """Log-probs [T, V + 1] of which about half of the frames carry text."""
    logits = np.random.default_rng(seed).normal(size=(frames, LABELS))
    logits[np.arange(frames), np.where(np.arange(frames) % 2, LABELS - 1, np.arange(frames) % 7)] += 2
    logits *= sureness
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


def entropy(log_probs: np.ndarray, at: float) -> float:
    """Mean of the frames that carry text, as the docstring defines it."""
    said = log_probs[log_probs.argmax(axis=1) != log_probs.shape[1] - 1].astype(np.float64) / at
    p = np.exp(said) / np.exp(said).sum(axis=1, keepdims=True)
    return float(-(p * np.log(np.maximum(p, 1e-300))).sum(axis=1).mean())


@given(seed=st.integers(0, 1000), sureness=st.floats(0.5, 8))
def test_it_is_the_least_one_at_which_the_floor_is_reached(seed, sureness):
    log_probs = spoken(seed, sureness)
    found = temperature(log_probs)
    fine = np.linspace(1, 2, 401)
    reached = [at for at in fine if entropy(log_probs, at) >= FLOOR]
    assert found == pytest.approx(reached[0] if reached else 2.0, abs=0.01)


@given(seed=st.integers(0, 1000), sureness=st.floats(1, 8), cuts=st.lists(st.integers(0, 30), max_size=5))
def test_a_stream_knows_it_of_what_came_however_it_is_cut(seed, sureness, cuts):
    log_probs, running = spoken(seed, sureness), RunningTemperature()
    edges = [0, *sorted(cuts), len(log_probs)]
    found = np.concatenate([running.after(log_probs[a:b]) for a, b in itertools.pairwise(edges)])
    assert (found == RunningTemperature().after(log_probs)).all()
    assert found == pytest.approx([temperature(log_probs[: end + 1]) for end in range(len(log_probs))], abs=1e-4)


@given(seed=st.integers(0, 1000), at=st.floats(1, 2))
def test_tempered_log_probs_sum_to_one_and_keep_their_order(seed, at):
    log_probs = spoken(seed, 3)
    found = tempered(log_probs, at)
    assert found.dtype == log_probs.dtype
    assert np.exp(found).sum(axis=1) == pytest.approx(1, abs=1e-4)
    assert (found.argmax(axis=1) == log_probs.argmax(axis=1)).all()
    each = tempered(log_probs, np.full(len(log_probs), at))
    assert (each == found).all()


def test_little_speech_silence_and_what_is_unsure_already_stay_as_they_are():
    sure = spoken(0, 8)
    said = np.flatnonzero(sure.argmax(axis=1) != LABELS - 1)
    assert temperature(sure) > 1
    assert temperature(sure[said[: LEAST_FRAMES - 1]]) == 1
    assert temperature(sure[sure.argmax(axis=1) == LABELS - 1]) == 1
    assert temperature(spoken(0, 0.5)) == 1
    assert temperature(sure[:0]) == 1
    assert len(RunningTemperature().after(sure[:0])) == 0
    assert tempered(sure, 1.0) is sure


def test_labels_that_cannot_be_do_not_break_it():
    log_probs = spoken(0, 8)
    log_probs[:, 20:30] = -np.inf
    found = temperature(log_probs)
    assert 1 < found <= 2
    assert np.isneginf(tempered(log_probs, found)[:, 20:30]).all()
    assert not np.isnan(tempered(log_probs, found)).any()
