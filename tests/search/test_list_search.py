"""The search made ready for a list: what it makes of token sequences that say the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import BiasList, Vocabulary, spell
from nemo_ctcbias.search.biased_search import BiasedSearch
from nemo_ctcbias.search.search_list import SearchList

VOCABULARY = Vocabulary(["▁", "▁a", "an", "n", "na", "a"])


@given(seed=st.integers(0, 10**6), names=st.sets(st.sampled_from(["anna", "ana", "nan"]), max_size=2))
def test_the_scores_of_token_sequences_of_one_text_add_up(seed, names):
    log_probs = np.log(np.random.default_rng(seed).dirichlet(np.full(7, 0.5), size=8))
    search = BiasedSearch(VOCABULARY).of(SearchList(spell(BiasList(sorted(names)), VOCABULARY), VOCABULARY))
    state = search.start()
    search.advance(state, log_probs)
    expected, best = {}, {}
    for one in search.tokens.finish(state):  # best first
        text = VOCABULARY.decode(one.tokens)
        expected[text] = np.logaddexp(expected.get(text, -np.inf), one.score)
        best.setdefault(text, one)
    beams = search.finish(state, log_probs)
    assert {beam.text: beam.score for beam in beams} == pytest.approx(expected)
    assert {beam.text: (beam.tokens, beam.boost) for beam in beams} == {
        text: (one.tokens, one.boost) for text, one in best.items()
    }
    assert [beam.score for beam in beams] == sorted((beam.score for beam in beams), reverse=True)
