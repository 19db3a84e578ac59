from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.phones.edit_distance import DistanceTable, edit_align
from nemo_ctcbias.phones.phones import INDEL_COST, PHONE_IDS, PHONES, SUBSTITUTION_COSTS

PRONUNCIATIONS = st.lists(st.sampled_from(PHONES), max_size=6).map(tuple)


@cache
def brute_force(a, b):
    if not a or not b:
        return INDEL_COST * (len(a) + len(b))
    substitution = SUBSTITUTION_COSTS[PHONE_IDS[a[0]], PHONE_IDS[b[0]]]
    return min(
        brute_force(a[1:], b[1:]) + substitution,
        brute_force(a[1:], b) + INDEL_COST,
        brute_force(a, b[1:]) + INDEL_COST,
    )


@given(PRONUNCIATIONS, PRONUNCIATIONS)
def test_cost_is_brute_forces_and_both_strings_come_out(a, b):
    found = edit_align(a, b)
    assert found.cost == pytest.approx(brute_force(a, b)) == pytest.approx(edit_align(b, a).cost)
    assert (found.first, found.second) == (a, b)
    paid = sum(INDEL_COST if None in (x, y) else SUBSTITUTION_COSTS[PHONE_IDS[x], PHONE_IDS[y]] for x, y in found.pairs)
    assert paid == pytest.approx(found.cost)
    assert (None, None) not in found.pairs


@given(PRONUNCIATIONS, st.lists(PRONUNCIATIONS, max_size=8), st.floats(0, 1))
def test_the_table_finds_all_that_are_near(query, many, share):
    found = DistanceTable(many).within(query, range(len(query) + 1), share)
    for end in range(len(query) + 1):
        near = dict(found[end])
        for row, pronunciation in enumerate(many):
            distance = brute_force(query[:end], pronunciation)
            if distance <= share * len(pronunciation):
                assert near[row] == pytest.approx(distance)
            elif row in near:
                assert distance == pytest.approx(share * len(pronunciation))


def test_an_empty_table():
    assert DistanceTable([]).within(("S",), [0, 1], 0.5) == {0: [], 1: []}
    assert DistanceTable([("S",)]).within(("S",), [], 0.5) == {}
