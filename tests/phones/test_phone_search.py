import itertools
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from clearly import head
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones import phone_search
from nemo_ctcbias.phones.hearing import Hearing
from nemo_ctcbias.phones.phone_search import PhoneSearch, best_place
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


def brute_force(heard, pronunciation):
    """The definition: over all stretches of columns and all their paths that collapse to the pronunciation."""
    wanted = tuple(PHONE_IDS[phone] for phone in pronunciation)
    best = -np.inf
    for start, end in itertools.combinations(range(len(heard.log_probs) + 1), 2):
        for path in itertools.product({*wanted, BLANK}, repeat=end - start):
            if collapsed(path) == wanted and BLANK not in (path[0], path[-1]):
                emitted = sum(heard.log_probs[start + t, label] for t, label in enumerate(path))
                best = max(best, heard.enter[start] + emitted + heard.leave[end - 1])
    return best


def hearing(columns, seed, words):
    """Random phones, and if it tells of words what it costs to begin and end anywhere."""
    (heard,) = head(log_probs(columns, seed))
    if not words:
        return heard
    enter, leave = -np.random.default_rng(seed).exponential(3, (2, columns)).round()
    return replace(heard, enter=enter, leave=leave)


@given(st.integers(1, 5), st.integers(0, 999), st.booleans(), st.lists(PRONUNCIATION, min_size=1, max_size=6))
@settings(max_examples=60)
def test_equals_brute_force_whatever_the_order(columns, seed, words, pronunciations):
    heard = hearing(columns, seed, words)
    found = PhoneSearch(pronunciations).best(heard)
    assert found == pytest.approx([brute_force(heard, one) for one in pronunciations])
    assert (found <= 0).all()
    assert PhoneSearch(pronunciations[::-1]).best(heard)[::-1] == pytest.approx(found)


@given(st.integers(1, 9), st.integers(0, 999), st.booleans(), PRONUNCIATION)
def test_the_best_place_is_where_the_best_path_lies(columns, seed, words, pronunciation):
    heard = hearing(columns, seed, words)
    score, start, end = best_place(heard, pronunciation)
    assert score == PhoneSearch([pronunciation]).best(heard)[0]
    if score > -np.inf:  # of just these columns, which are frames here, the path is as good, and of fewer it is not
        assert PhoneSearch([pronunciation]).best(heard.between(start, end))[0] == pytest.approx(score)
        ends = [PhoneSearch([pronunciation]).best(heard.between(start + a, end - b))[0] for a, b in ((1, 0), (0, 1))]
        assert max(ends) <= score


def test_the_best_place_is_in_frames_of_the_encoder():
    said = np.full((8, BLANK + 1), -9.0)
    said[range(8), [BLANK, BLANK, PHONE_IDS["S"], BLANK, PHONE_IDS["IH"], BLANK, BLANK, BLANK]] = 0.0
    (heard,) = Hearing.by_head(said, 4)
    assert best_place(heard, ("S", "IH")) == (0.0, 1, 3)
    assert best_place(*head(np.zeros((0, BLANK + 1))), ("S",)) == (-np.inf, 0, 0)


@given(
    st.integers(4, 12),
    st.integers(0, 999),
    st.booleans(),
    st.lists(st.lists(st.sampled_from(FEW), min_size=1, max_size=7).map(tuple), min_size=1, max_size=8),
    st.lists(st.floats(-20, 0), min_size=8, max_size=8),
)
@pytest.mark.parametrize("many", [0, phone_search.MANY])
def test_bounds_lose_nothing_above_them(many, columns, seed, words, pronunciations, bounds):
    heard, search = hearing(columns, seed, words), PhoneSearch(pronunciations)
    least = np.array(bounds[: len(pronunciations)])
    exact = search.best(heard)
    least[::2] = np.maximum(exact[::2], -20.0)  # what just reaches them, too
    with patch.object(phone_search, "MANY", many):
        bounded = search.best(heard, least)
    above = exact >= least
    assert np.array_equal(bounded[above], exact[above]) and (bounded[~above] < least[~above]).all()
    with patch.object(phone_search, "MANY", many):
        every = search.best(heard, bounds[0])
    assert np.array_equal(every[exact >= bounds[0]], exact[exact >= bounds[0]]), "one for all"


def test_what_is_said_plainly_has_the_log_prob_of_its_frames():
    said = np.full((6, BLANK + 1), -9.0)
    said[range(6), [BLANK, PHONE_IDS["S"], PHONE_IDS["IH"], BLANK, PHONE_IDS["P"], PHONE_IDS["P"]]] = 0.0
    search = PhoneSearch([("S", "IH", "P"), ("IH",), ("S", "P"), ("P", "P")])
    (heard,) = head(said)
    assert search.best(heard).tolist() == [0.0, 0.0, -9.0, -9.0]
    torn = replace(heard, enter=np.array([0, 0, -1, -1, -1, -1.0]), leave=np.array([0, 0, -2, -2, 0, 0.0]))
    assert search.best(torn).tolist() == [0.0, -3.0, -9.0, -9.0 - 1.0], "'IH' is torn off at both ends"


def test_nothing_to_search_or_to_search_for():
    assert PhoneSearch([]).best(hearing(3, 0, False)).tolist() == []
    assert PhoneSearch([("S",)]).best(*head(np.zeros((0, BLANK + 1)))).tolist() == [-np.inf]
    assert PhoneSearch([("S", "IH", "P")]).best(hearing(2, 0, False)).tolist() == [-np.inf], "too few frames"
    with pytest.raises(PhoneticsError, match=r"shape \[3, 5\]"):
        head(np.zeros((3, 5)))
