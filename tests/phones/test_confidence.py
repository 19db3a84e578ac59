"""Confidence of phrases: the formula, the threshold for a precision, files that are none, and the shipped tables."""

import json
import math
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones.confidence import (
    DOUBT,
    FARTHEST,
    FLOOR,
    LEAST,
    NAMES,
    SHIPPED,
    Confidence,
    Evidence,
    Formula,
    against,
    likeness,
    log_confidence,
    log_doubt,
    shipped_confidence,
)

CLEAR = Evidence(
    score=12.0,
    against=0.0,
    prior=0.0,
    phones=6.0,
    gap=1.0,
    likeness=0.8,
    ordinary=0.0,
    listed=0.0,
    letters=-1.0,
    own=0.0,
)
WITNESSES = ("head", "spelling", "head+spelling")
NUMBER = st.floats(-20, 20)


FORMULA = st.builds(lambda bias, weights: Formula(bias, dict(zip(NAMES, weights, strict=True))),
                    NUMBER, st.lists(NUMBER, min_size=len(NAMES), max_size=len(NAMES)))  # fmt: skip


@given(FORMULA, FORMULA, st.booleans(), st.sampled_from([0.5, 1.0, 2.0]))
def test_is_the_logistic_function_of_the_weighted_evidence(written, missing, is_written, weight):
    found = Confidence(written, missing, ((0.0, 0.5),)).of(CLEAR, is_written, weight)
    formula = written if is_written else missing
    odds = formula.bias + sum(one * getattr(CLEAR, name) for name, one in formula.weights.items()) + math.log(weight)
    assert 0 <= found <= 1 and found == pytest.approx(1 / (1 + math.exp(-odds)))


@pytest.mark.parametrize("witness", WITNESSES)
def test_the_shipped_one_believes_what_sounds_right_and_doubts_what_replaces_ordinary_words(witness):
    shipped = shipped_confidence(witness)
    sure, faint = shipped.of(CLEAR, False), replace(CLEAR, score=0.0, against=-6.0, likeness=0.2)
    assert shipped.of(CLEAR, True) > sure > 0.5 > shipped.of(faint, False)
    assert sure > shipped.of(replace(CLEAR, ordinary=1.0, letters=0.0), False)
    assert shipped.of(CLEAR, False, 4.0) > sure > shipped.of(replace(CLEAR, listed=1.0), False)
    assert shipped.of(replace(CLEAR, score=-2.0), True)
    assert shipped.of(replace(CLEAR, against=-6.0), False) < sure < shipped.of(replace(CLEAR, against=6.0), False)
    for written in (True, False):
        near, far = (shipped.of(replace(CLEAR, gap=gap), written) for gap in (1.0, 4.0))
        assert near == far if witness == "head" else near > far, "the table for heads alone was learned without"
    assert shipped.of(replace(CLEAR, prior=2.3), False) < sure < shipped.of(replace(CLEAR, prior=-3.0), False)
    asked = [shipped.threshold(precision) for precision in (0.0, 0.5, 0.9, 0.95, 0.98, 0.99)]
    assert asked == sorted(asked) and 0 == asked[0] and asked[-1] < 1


def test_thresholds_between_those_known_are_interpolated():
    nothing = Formula(0.0, dict.fromkeys(NAMES, 0.0))
    found = Confidence(nothing, nothing, ((0.8, 0.1), (0.9, 0.3)))
    assert [found.threshold(one) for one in (0.5, 0.8, 0.85, 0.9, 0.99)] == pytest.approx([0.1, 0.1, 0.2, 0.3, 0.3])


def test_likeness_is_of_letters_whatever_their_case_and_the_spaces():
    assert likeness("Headquarters", "head quarters,") == 1.0 == likeness("", "")
    assert 0.7 < likeness("headquarters", "hit quarters") < 1 and likeness("moon", "ship") == 0.0


def test_a_model_that_is_sure_of_ordinary_words_keeps_them_within_bounds():
    assert (
        log_doubt(0.0) == 0.0 > log_doubt(0.5) > log_doubt(0.9) > log_doubt(1.0) == log_doubt(0.999) == math.log(DOUBT)
    )
    for witness, written in product(WITNESSES, (True, False)):
        shipped, there = shipped_confidence(witness), replace(CLEAR, ordinary=1.0)
        unsure, sure = (shipped.of(replace(there, own=log_doubt(own)), written) for own in (0.2, 0.99))
        assert shipped.of(there, written) >= unsure > sure


def test_what_sounds_far_better_or_worse_than_other_words_says_no_more():
    assert against(3.0, 3.0) == 0.0 == against(-50.0, FLOOR) and against(2.0, 5.0) == -3.0
    assert against(60.0, 10.0) == FARTHEST == -against(10.0, 60.0)


def test_letters_that_nobody_believes_say_no_more():
    assert log_confidence(1.0) == 0.0 and log_confidence(0.0) == log_confidence(1e-9) == math.log(LEAST)


@pytest.mark.parametrize(
    "change",
    [lambda t: t.pop("head"), lambda t: t["head"].pop("missing"),
     lambda t: t["head"]["written"]["weights"].pop("score"),
     lambda t: t["head"].update(thresholds=[]), lambda t: t["head"]["written"].update(bias=math.nan),
     lambda t: t["head"]["missing"].update(bias="x"), lambda t: t["head"].update(written=3)],
)  # fmt: skip
def test_files_that_are_no_table_are_refused(change, tmp_path):
    table = json.loads(SHIPPED.read_text(encoding="utf-8"))
    change(table)
    broken = tmp_path / "confidence.json"
    broken.write_text(json.dumps(table), encoding="utf-8")
    for path in (broken, tmp_path / "none.json"):
        with pytest.raises(PhoneticsError, match=r"\.json: is no table of confidences"):
            Confidence.load("head", path)
