import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones.hearing import Hearing, between
from nemo_ctcbias.phones.phones import BLANK


def hearing(frames_of_columns, frames, seed=0):
    """One with as many columns, each telling where it is."""
    columns = len(frames_of_columns)
    starts = np.searchsorted(frames_of_columns, np.arange(frames + 1))
    enter, leave = -np.random.default_rng(seed).exponential(size=(2, columns))
    return Hearing(np.tile(np.arange(columns, dtype=float)[:, None], BLANK + 1), starts, enter, leave)


@given(st.lists(st.integers(0, 6), max_size=9).map(sorted), st.integers(-3, 9), st.integers(-3, 9))
def test_between_keeps_the_columns_of_its_frames(places, start, end):
    heard = hearing(places, 7)
    cut = heard.between(start, end)
    kept = [column for column, place in enumerate(places) if max(start, 0) <= place < end]
    assert cut.log_probs[:, 0].tolist() == kept
    assert cut.enter.tolist() == heard.enter[kept].tolist() and cut.leave.tolist() == heard.leave[kept].tolist()
    assert between([heard, heard], start, end)[1].starts.tolist() == cut.starts.tolist()


@given(st.lists(st.integers(0, 6), max_size=9).map(sorted), st.integers(0, 7), st.integers(0, 7), st.data())
def test_what_was_cut_can_be_cut_again(places, start, end, data):
    heard = hearing(places, 7)
    first = data.draw(st.integers(0, 7))
    twice, once = heard.between(start, 7).between(first, end), heard.between(start + first, min(start + end, 7))
    assert twice.log_probs.tolist() == once.log_probs.tolist()


def test_heads_hear_frame_by_frame_and_nothing_of_words():
    log_probs = np.random.default_rng(0).normal(size=(10, 2, BLANK + 1))
    one, other = Hearing.by_head(log_probs, 5)
    assert one.starts.tolist() == [0, 2, 4, 6, 8, 10], "two columns to a frame of the encoder"
    assert np.array_equal(other.log_probs, log_probs[:, 1]) and not one.enter.any() and not one.leave.any()
    (alone,) = Hearing.by_head(log_probs[:9, 0], 5)
    assert alone.starts[-1] == 9 and (np.diff(alone.starts) >= 1).all(), "the last may lack one"
    assert alone.between(1, 3).log_probs.tolist() == log_probs[alone.starts[1] : alone.starts[3], 0].tolist()


def test_nothing_and_phones_of_another_inventory():
    (nothing,) = Hearing.by_head(np.zeros((0, BLANK + 1)), 0)
    assert nothing.between(-2, 2).log_probs.shape == (0, BLANK + 1)
    with pytest.raises(PhoneticsError, match="shape"):
        Hearing.by_head(np.zeros((4, 7)), 2)
