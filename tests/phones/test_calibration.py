"""The least confidence that keeps a precision: against a plain search, and where nothing can be known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.phones.calibration import calibrated

SURE = st.lists(st.floats(0, 0.99).map(lambda p: round(p, 2)), max_size=30)


@given(SURE, SURE, st.sampled_from([0.1, 0.5, 1.0, 2.0]), st.sampled_from([0.5, 0.8, 0.9, 0.95]), st.floats(0.1, 0.9))
def test_against_a_plain_search(listed, decoys, share, precision, usual):
    found = calibrated(listed, decoys, share, precision, usual)
    good = []
    for least in listed:
        hits, chance = sum(p >= least for p in listed), share * (1 + sum(p >= least for p in decoys))
        if chance <= (1 - precision) * hits + 1e-9:
            good.append(least)
    assert (found.hits, found.decoys) == (len(listed), len(decoys))
    assert (found.verdict == "found") == bool(good)
    if good:
        assert found.least == min(good)
        assert found.chance <= (1 - precision) * found.kept + 1e-9 and found.best >= precision - 1e-9
    else:
        asked = usual if found.least is None else found.least
        assert all(p < asked for p in decoys) and asked >= usual
    if found.verdict == "chance":
        assert len(listed) >= found.needed and found.kept == 0
    if found.verdict == "few":
        assert len(listed) < found.needed
    assert 0 <= found.right <= found.kept and 0 <= found.best <= 1


def test_more_precision_asks_for_more():
    rng = np.random.default_rng(0)
    listed, decoys = np.r_[rng.beta(5, 1, 300), rng.beta(1, 4, 100)], rng.beta(1, 4, 1000)
    found = [calibrated(listed, decoys, 0.1, precision, 0.5) for precision in (0.8, 0.9, 0.95, 0.98)]
    assert [one.verdict for one in found] == ["found"] * 4
    assert sorted(one.least for one in found) == [one.least for one in found]


def test_the_share_that_is_right_is_what_was_asked_for():
    """Hits by chance as sure as decoys: of what is kept, no more are wrong than were allowed for, in the mean."""
    rng, wrong = np.random.default_rng(1), []
    for _ in range(200):
        said, chance, decoys = rng.beta(4, 1.5, 80), rng.beta(1.5, 3, 40), rng.beta(1.5, 3, 40)
        found = calibrated(np.r_[said, chance], decoys, 1.0, 0.9, 0.5)
        least = 2.0 if found.least is None else found.least
        wrong.append((chance >= least).sum() / max(1, ((chance >= least).sum() + (said >= least).sum())))
    assert 0.05 < np.mean(wrong) <= 0.1


@pytest.mark.parametrize(
    ("listed", "decoys", "verdict", "least"),
    [
        ([], [], "few", None),  # silence: what is usual stays
        ([0.9], [], "few", None),  # ten seconds
        ([0.9], [0.2, 0.7], "few", 0.7),  # not what chance has reached
        ([0.6] * 30, [0.6] * 300, "chance", 0.6),  # nothing of the list is said
        ([0.99] * 30, [0.6] * 300, "found", 0.99),
    ],
)
def test_what_cannot_be_known(listed, decoys, verdict, least):
    found = calibrated(listed, decoys, 0.1, 0.95, 0.5)
    assert found.verdict == verdict and found.needed == 2
    assert found.least == (least if verdict == "found" or least is None else np.nextafter(least, 1))
    assert found.settings == {"precision": 0.95, "least_confidence": found.least}
