"""Words are scored as pyctcdecode scores them, bit for bit."""

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

WORDS = ["the", "ran", "new", "york", "zelda", "<boost>", "<unk>", "</s>", "naïve"]
texts = st.lists(st.sampled_from(WORDS), max_size=6)
beginnings = st.sampled_from(WORDS).flatmap(lambda word: st.integers(0, len(word)).map(lambda cut: word[:cut]))
weights = st.fixed_dictionaries(
    {"alpha": st.floats(0, 2), "beta": st.floats(-2, 2), "unk_score_offset": st.sampled_from([-10.0, -3.5, 0.0])}
)


@given(
    seed=st.integers(0, 20),
    words=texts,
    begun=st.lists(st.one_of(beginnings, st.text("abentwz", max_size=12)), max_size=5),
    weights=weights,
    known=st.sampled_from([None, [], ["the", "ran"], ["the", "ran", "new", "york", "nowhere"]]),
)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_scores_are_pyctcdecodes(make_model, seed, words, begun, weights, known):
    pyctcdecode = pytest.importorskip("pyctcdecode", reason="what it scores is compared with")
    made, _ = make_model(seed)
    model = type(made)(made._kenlm_model, known, **weights)
    theirs = pyctcdecode.LanguageModel(made._kenlm_model, known, **weights)
    state, expected = model.get_start_state(), theirs.get_start_state()
    for number, word in enumerate(words, 1):
        last = number == len(words)
        (score, state), (wanted, expected) = model.score(state, word, last), theirs.score(expected, word, last)
        assert score == wanted and state == expected
    for text in begun:
        assert model.score_partial_token(text) == pytest.approx(theirs.score_partial_token(text), rel=1e-15)


def test_a_copy_has_weights_of_its_own(make_model):
    model, _ = make_model(1, alpha=0.5)
    other = copy.copy(model)
    other.alpha = 0.0
    assert other.score(other.get_start_state(), "the")[0] == other.beta
    assert model.score(model.get_start_state(), "the")[0] != model.beta
