"""Sequences in columns behave as lists of their items do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import Spelling, Spellings
from nemo_ctcbias.phones.phrase_sounds import PhraseSounds

SPELLINGS = st.builds(
    Spelling,
    st.integers(0, 9),
    st.sampled_from("abc"),
    st.lists(st.integers(0, 99), min_size=1).map(tuple),
    st.floats(0, 9),
)
ALTERNATIVES = st.lists(st.tuples(st.sampled_from([("S", "ER"), ("SH",)]), st.floats(-9, 0)), max_size=3).map(tuple)


@pytest.mark.parametrize(("kind", "items"), [(Spellings, SPELLINGS), (PhraseSounds, ALTERNATIVES)])
@given(data=st.data())
def test_columns_are_the_items_that_they_were_made_of(kind, items, data):
    plain = data.draw(st.lists(items, max_size=5))
    columns = kind.of(plain)
    assert list(columns) == plain == columns and len(columns) == len(plain)
    assert [columns[at] for at in range(-len(plain), len(plain))] == plain + plain
    part = data.draw(st.slices(len(plain)))
    assert columns[part] == plain[part] and columns != [*plain, None]
    for outside in (len(plain), -len(plain) - 1):
        with pytest.raises(IndexError):
            columns[outside]
