import numpy as np
import pytest

from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones.phones import (
    BLANK,
    PHONES,
    SUBSTITUTION_COSTS,
    check_inventory,
    parse_phones,
    phone_ids,
)


def test_the_inventory_is_arpabet_without_stress():
    assert len(set(PHONES)) == len(PHONES) == BLANK == 39
    assert phone_ids(PHONES).tolist() == list(range(39))


def test_symbols_lose_stress_and_case():
    assert parse_phones("s er1 SH ah0") == ("S", "ER", "SH", "AH")
    assert parse_phones(["AE2"]) == ("AE",)


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        ("S ER SHA", r"names\.txt:3: unknown phone 'SHA'; use the ARPAbet symbols AA AE"),
        ("S é", r"names\.txt:3: unknown phone 'é'"),
        ("1", r"names\.txt:3: unknown phone '1'"),
        ("  ", r"names\.txt:3: no phones; write ARPAbet"),
    ],
)
def test_unknown_symbols_are_named(symbols, message):
    with pytest.raises(PhoneticsError, match=message):
        parse_phones(symbols, "names.txt:3")


def test_another_inventory_is_refused():
    check_inventory(PHONES, "x.nemo")
    with pytest.raises(PhoneticsError, match=r"x\.nemo: .* \(unknown or missing: AX, ZH\); train"):
        check_inventory([*PHONES[:-1], "AX"], "x.nemo")
    with pytest.raises(PhoneticsError, match="the same phones in another order"):
        check_inventory(PHONES[::-1], "x.nemo")


def test_costs_are_symmetric_and_zero_only_on_the_diagonal():
    assert (SUBSTITUTION_COSTS == SUBSTITUTION_COSTS.T).all()
    assert (np.diag(SUBSTITUTION_COSTS) == 0).all()
    others = SUBSTITUTION_COSTS[~np.eye(39, dtype=bool)]
    assert others.min() >= 0.2 and others.max() <= 1


def test_alike_phones_cost_less():
    cost = {(a, b): SUBSTITUTION_COSTS[i, j] for i, a in enumerate(PHONES) for j, b in enumerate(PHONES)}
    assert cost["S", "Z"] < cost["S", "D"] < cost["S", "M"]
    assert cost["IH", "IY"] < cost["IH", "AA"] < cost["IH", "K"] == 1
    assert cost["ER", "R"] < cost["ER", "T"]
