"""CTC scores against all frame labelings, one by one."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones.alignment import forward_scores, heard_phones, hearings, word_cuts
from nemo_ctcbias.phones.lattice import Lattice
from nemo_ctcbias.phones.phones import BLANK, PHONE_IDS, phone_ids

PRONUNCIATIONS = st.lists(st.sampled_from(["S", "ER", "AH"]), min_size=1, max_size=3).map(tuple)
SLOTS = st.lists(
    st.lists(st.tuples(PRONUNCIATIONS, st.floats(-3, 0)), min_size=1, max_size=3, unique_by=lambda item: item[0]),
    max_size=2,
)
LABELS = [*phone_ids(["S", "ER", "AH"]).tolist(), BLANK]


def collapse(path):
    return tuple(label for label, _ in itertools.groupby(path) if label != BLANK)


def brute_force(log_probs, slots):
    """Log-prob of all paths of all choices."""
    by_string = {}
    for path in itertools.product(LABELS, repeat=len(log_probs)):
        score = log_probs[np.arange(len(path)), list(path)].sum() if path else 0.0
        by_string.setdefault(collapse(path), []).append(score)
    total = -np.inf
    for choice in itertools.product(*slots):
        string = tuple(PHONE_IDS[phone] for pronunciation, _ in choice for phone in pronunciation)
        weight = sum(log_prob for _, log_prob in choice)
        for score in by_string.get(string, []):
            total = np.logaddexp(total, score + weight)
    return total


@given(SLOTS, st.integers(0, 5), st.integers(0, 99))
@settings(max_examples=60)
def test_scores_are_those_of_brute_force(noise, slots, frames, seed):
    log_probs = noise(frames, seed)
    assert forward_scores(log_probs, [Lattice.of(slots)])[0] == pytest.approx(brute_force(log_probs, slots))


@given(st.lists(SLOTS, min_size=1, max_size=4), st.integers(0, 8), st.integers(0, 99))
def test_lattices_side_by_side_score_as_alone(noise, many, frames, seed):
    log_probs = noise(frames, seed)
    lattices = [Lattice.of(slots) for slots in many]
    alone = [forward_scores(log_probs, [lattice])[0] for lattice in lattices]
    assert forward_scores(log_probs, lattices).tolist() == pytest.approx(alone)


def test_words_without_sound_are_refused():
    with pytest.raises(PhoneticsError, match="slot 1: no pronunciation"):
        Lattice.of([[(("S",), 0.0)], []])
    with pytest.raises(PhoneticsError, match="slot 0: an empty pronunciation"):
        Lattice.of([[((), 0.0)]])


def test_log_probs_of_another_inventory_are_refused():
    for shape in ((5, 41), (5,), (5, 39)):
        with pytest.raises(PhoneticsError, match=r"shape .* expected \[T, 40\]"):
            forward_scores(np.zeros(shape), [Lattice.of([])])


def test_phones_heard(sung):
    assert heard_phones(sung("_ S S _ S ER ER ER")) == ("S", "S", "ER") and heard_phones(sung("_ _")) == ()


def test_words_are_cut_halfway():
    assert word_cuts([(1, 3), (5, 6), (6, 9)], 12) == [0, 4, 6, 12]
    assert word_cuts([], 12) == [0]


def test_what_each_head_heard():
    log_probs = np.random.default_rng(0).normal(size=(5, 3, BLANK + 1)).astype(np.float32)
    heard = hearings(log_probs)
    assert [one.dtype for one in heard] == [np.float64] * 3 and all(one.flags.c_contiguous for one in heard)
    assert np.array_equal(np.stack(heard, axis=1), log_probs)
    (alone,) = hearings(log_probs[:, 1])
    assert np.array_equal(alone, heard[1])
    for shape in ((5, 3, 7), (5, 7), (5,)):
        with pytest.raises(PhoneticsError, match="shape"):
            hearings(np.zeros(shape))
