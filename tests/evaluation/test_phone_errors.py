from itertools import product

from hypothesis import given
from hypothesis import strategies as st
from kaldialign import edit_distance

from nemo_ctcbias.evaluation.phone_errors import PhoneErrors, slot_errors

PHONES = st.lists(st.sampled_from(["AA", "B", "T"]), min_size=1, max_size=3).map(tuple)


@given(st.lists(st.lists(PHONES, min_size=1, max_size=2), min_size=1, max_size=3), st.lists(PHONES, max_size=3))
def test_errors_are_the_fewest_of_all_ways_to_say_it(slots, heard):
    heard = tuple(phone for part in heard for phone in part)
    found = slot_errors(slots, heard)
    ways = [tuple(phone for part in way for phone in part) for way in product(*slots)]
    assert len(found) == len(slots) and all(errors >= 0 for errors, _ in found)
    assert sum(errors for errors, _ in found) == min(edit_distance(way, heard)["total"] for way in ways)
    assert all(phones in map(len, slot) for (_, phones), slot in zip(found, slots, strict=True))


def test_errors_stand_at_their_words():
    slots = [[("DH", "AH"), ("DH", "IY")], [("K", "AE", "T")], [("S", "AE", "T")]]
    assert slot_errors(slots, ("DH", "IY", "K", "AH", "T", "S", "AE")) == [(0, 2), (1, 3), (1, 3)]
    assert slot_errors(slots, ()) == [(2, 2), (3, 3), (3, 3)]
    assert slot_errors([], ()) == []


def test_sums_and_rates():
    errors = PhoneErrors()
    assert errors.rate == 0
    errors.add([[("K", "AE", "T")], [("S", "AE", "T")]], ("K", "AE", "T", "S"))
    assert (errors.errors, errors.phones, errors.words, errors.rate) == (2, 6, 2, 1 / 3)
    errors.add([[("K", "AE", "T")], [("S", "AE", "T")]], ("K", "AE", "T", "S"), only={0})
    assert (errors.errors, errors.phones, errors.words) == (2, 9, 3)
