"""Sequences in two arrays, against lists of tuples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.bias_list.rows import Rows
from nemo_ctcbias.phones.phones import PHONES
from nemo_ctcbias.phones.phrase_sounds import PhoneRows

NUMBERS = st.lists(st.lists(st.integers(0, 1 << 20), max_size=4).map(tuple), max_size=6)
SOUNDS = st.lists(st.lists(st.sampled_from(PHONES), max_size=4).map(tuple), max_size=6)


@pytest.mark.parametrize("kind", [Rows, PhoneRows])
@given(data=st.data())
def test_rows_are_the_sequences_that_they_were_made_of(kind, data):
    plain = data.draw(NUMBERS if kind is Rows else SOUNDS)
    rows = kind.of(plain)
    assert list(rows) == plain == rows and [rows[at] for at in range(-len(plain), len(plain))] == plain + plain
    assert kind.of(rows) is rows and rows[::-1] == plain[::-1]
    index = data.draw(st.lists(st.integers(0, len(plain) - 1), max_size=8)) if plain else []
    taken = rows.take(np.array(index, dtype=np.int64))
    assert type(taken) is kind and taken == [plain[at] for at in index] and taken.flat.dtype == rows.flat.dtype
    both = rows.followed_by(rows[::-1])
    assert both == [one + other for one, other in zip(plain, plain[::-1], strict=True)]
