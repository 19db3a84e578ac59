import pytest

from nemo_ctcbias.evaluation.cased_phrases import cased_phrases, writes_capitals


@pytest.mark.parametrize(
    ("pieces", "mixed"),
    [(["<UNK>", "▁", "a"], False), (["▁A", "B"], False), (["▁A", "b"], True), (["山", "川"], False)],
)
def test_both_cases_make_a_cased_model(pieces, mixed):
    assert writes_capitals(pieces) is mixed


def test_a_cased_model_is_given_both_forms_each_once():
    phrases = ["o'brien", "Cape Varennes", "cape varennes"]
    assert cased_phrases(phrases, ["▁A", "b"]) == ["o'brien", "O'brien", "Cape Varennes", "cape varennes"]
    assert cased_phrases(phrases, ["▁a", "b"]) == phrases
