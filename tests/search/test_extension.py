"""Parts of the compiled step; the whole of it is compared with the plain search in test_beam_search.py."""

from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.bias_list.trie import ROOT, BoostingTrie
from nemo_ctcbias.search.extension import next_state

tokens = st.lists(st.integers(0, 3), min_size=1, max_size=5).map(tuple)


@given(phrases=st.lists(tokens, max_size=8, unique=True), text=st.lists(st.integers(0, 3), max_size=20))
def test_compiled_steps_through_the_trie_equal_its_own(phrases, text):
    trie = BoostingTrie(range(len(phrases)), phrases, [1.0] * len(phrases), 4)
    state = ROOT
    for token in text:
        after = trie.step(state, token)
        assert next_state(trie.automaton, state, token) == after
        state = after
