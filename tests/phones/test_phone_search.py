import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones.phone_search import PhoneSearch
from nemo_ctcbias.phones.phones import BLANK, PHONE_IDS

FEW = ("S", "IH", "P", "R")
PRONUNCIATION = st.lists(st.sampled_from(FEW), min_size=1, max_size=4).map(tuple)


def log_probs(frames, seed, few=FEW):
    """Random log-probs of a few phones and the blank; the others are next to impossible."""
    logits = np.full((frames, BLANK + 1), -30.0)
    columns = [*(PHONE_IDS[phone] for phone in few), BLANK]
    logits[:, columns] = np.random.default_rng(seed).normal(0, 3, (frames, len(columns)))
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def collapsed(path):
    return tuple(label for label, _ in itertools.groupby(path) if label != BLANK)


def brute_force(log_probs, pronunciation):
    """The definition: over all stretches of frames and all their paths that collapse to the pronunciation."""
    wanted = tuple(PHONE_IDS[phone] for phone in pronunciation)
    lost = log_probs
    best = -np.inf
    for start, end in itertools.combinations(range(len(lost) + 1), 2):
        for path in itertools.product({*wanted, BLANK}, repeat=end - start):
            if collapsed(path) == wanted:
                best = max(best, sum(lost[start + t, label] for t, label in enumerate(path)))
    return best


@given(st.integers(1, 5), st.integers(0, 999), st.lists(PRONUNCIATION, min_size=1, max_size=6))
@settings(max_examples=60)
def test_equals_brute_force_whatever_the_order(frames, seed, pronunciations):
    probs = log_probs(frames, seed)
    found = PhoneSearch(pronunciations).best(probs)
    assert found == pytest.approx([brute_force(probs, one) for one in pronunciations])
    assert (found <= 0).all()
    assert PhoneSearch(pronunciations[::-1]).best(probs)[::-1] == pytest.approx(found)


@given(st.integers(4, 12), st.integers(0, 999), st.lists(PRONUNCIATION, min_size=1, max_size=8), st.floats(-20, 0))
def test_a_bound_loses_nothing_above_it(frames, seed, pronunciations, least):
    probs = log_probs(frames, seed)
    search = PhoneSearch(pronunciations)
    exact, bounded = search.best(probs), search.best(probs, least)
    above = exact >= least
    assert np.array_equal(bounded[above], exact[above]) and (bounded[~above] < least).all()


def test_what_is_said_plainly_has_the_log_prob_of_its_frames():
    said = np.full((6, BLANK + 1), -9.0)
    said[range(6), [BLANK, PHONE_IDS["S"], PHONE_IDS["IH"], BLANK, PHONE_IDS["P"], PHONE_IDS["P"]]] = 0.0
    search = PhoneSearch([("S", "IH", "P"), ("IH",), ("S", "P"), ("P", "P")])
    assert search.best(said).tolist() == [0.0, 0.0, -9.0, -9.0]


def test_nothing_to_search_or_to_search_for():
    assert PhoneSearch([]).best(log_probs(3, 0)).tolist() == []
    assert PhoneSearch([("S",)]).best(np.zeros((0, BLANK + 1))).tolist() == [-np.inf]
    assert PhoneSearch([("S", "IH", "P")]).best(log_probs(2, 0)).tolist() == [-np.inf], "too few frames"
    with pytest.raises(PhoneticsError, match=r"shape \[3, 5\]"):
        PhoneSearch([("S",)]).best(np.zeros((3, 5)))
