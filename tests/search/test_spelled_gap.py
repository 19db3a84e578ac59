"""How much boost a phrase needs in its frames, against all paths one by one."""

from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.bias_list.rows import Rows
from nemo_ctcbias.search.spelled_gap import spelled_gap

TOKENS = 3


def plain(log_probs, spellings):
    """Every path in every stretch of frames."""
    gaps, blank, least = log_probs.max(axis=1, keepdims=True) - log_probs, TOKENS, np.inf
    for start in range(len(gaps)):
        for end in range(start + 1, len(gaps) + 1):
            for path in product(range(TOKENS + 1), repeat=end - start):
                written = tuple(label for label, _ in groupby(path) if label != blank)
                if written in spellings:
                    least = min(least, gaps[range(start, end), path].sum() / len(written))
    return least


@given(
    st.integers(1, 5).flatmap(
        lambda frames: st.lists(
            st.lists(st.floats(-9, 0), min_size=TOKENS + 1, max_size=TOKENS + 1), min_size=frames, max_size=frames
        )
    ),
    st.lists(st.lists(st.integers(0, TOKENS - 1), min_size=1, max_size=3).map(tuple), max_size=3),
)
def test_it_is_the_least_of_all_paths(log_probs, spellings):
    log_probs = np.array(log_probs)
    assert spelled_gap(log_probs, Rows.of(spellings)) == pytest.approx(plain(log_probs, spellings))


def test_what_the_model_writes_by_itself_needs_none_and_without_frames_nothing_can_be_written():
    log_probs = np.log(np.array([[0.1, 0.7, 0.1, 0.1], [0.1, 0.1, 0.1, 0.7], [0.6, 0.2, 0.1, 0.1]]))
    assert spelled_gap(log_probs, Rows.of([(1, 0)])) == 0
    assert spelled_gap(log_probs, Rows.of([(2,), (0, 0, 0)])) == pytest.approx(np.log(6))
    assert spelled_gap(log_probs[:0], Rows.of([(1,)])) == spelled_gap(log_probs, Rows.of([])) == np.inf
