import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.bias_list.trie import ROOT, BoostingTrie

tokens = st.lists(st.integers(0, 3), min_size=1, max_size=5).map(tuple)
phrase_lists = st.lists(tokens, min_size=0, max_size=8, unique=True)
sequences = st.lists(st.integers(0, 3), max_size=20)


def build(phrases, weights=None):
    return BoostingTrie(range(len(phrases)), phrases, weights or [1.0] * len(phrases), 4)


def longest_begun(text, phrases):
    """Length of the longest suffix of `text` with which a phrase begins."""
    return max(
        (n for n in range(len(text) + 1) if any(p[:n] == tuple(text[len(text) - n :]) for p in phrases)), default=0
    )


@given(phrases=phrase_lists, text=sequences)
def test_depth_and_report_equal_brute_force(phrases, text):
    trie = build(phrases)
    state = ROOT
    for end in range(1, len(text) + 1):
        state = trie.step(state, text[end - 1])
        assert trie.depth[state] == longest_begun(text[:end], phrases)
        ended = [p for p in phrases if tuple(text[max(0, end - len(p)) : end]) == p]
        report = trie.report[state]
        assert (report != ROOT) == bool(ended)
        if ended:
            assert phrases[trie.phrase[report]] == max(ended, key=len)


@given(phrases=phrase_lists, text=sequences, order=st.randoms())
def test_insertion_order_changes_nothing(phrases, text, order):
    shuffled = phrases[:]
    order.shuffle(shuffled)
    one, two = build(phrases), build(shuffled)
    assert len(one) == len(two)
    a = b = ROOT
    for token in text:
        a, b = one.step(a, token), two.step(b, token)
        assert a == b and one.report[a] == two.report[b] and one.lend[a] == two.lend[b]


@given(phrases=phrase_lists, weights=st.lists(st.sampled_from([-1.0, 0.0, 2.0]), min_size=8, max_size=8))
def test_large_vocabularies_have_the_same_trie(phrases, weights):
    """Their tokens are sorted in another way."""
    numbers = [0, 7, 40_000, 70_000]
    wide = [[numbers[token] for token in phrase] for phrase in phrases]
    one, two = (
        BoostingTrie(range(len(phrases)), phrases, weights, 4),
        BoostingTrie(range(len(wide)), wide, weights, 70_001),
    )
    for name, mine, other in zip(one.automaton._fields, one.automaton, two.automaton, strict=True):
        if name == "token":
            mine = np.take(numbers, mine)
        elif name == "from_root":
            other = other[numbers]
        np.testing.assert_array_equal(mine[1:] if name == "token" else mine, other[1:] if name == "token" else other)


@given(phrases=phrase_lists.filter(len), data=st.data())
def test_lend_is_the_largest_weight_ahead_and_never_negative(phrases, data):
    weights = data.draw(st.lists(st.sampled_from([-2.0, 0.5, 1.0, 3.0]), min_size=len(phrases), max_size=len(phrases)))
    trie = build(phrases, weights)
    for phrase in phrases:
        state = ROOT
        for depth, token in enumerate(phrase, start=1):
            state = trie.step(state, token)
            ahead = [w for p, w in zip(phrases, weights, strict=True) if p[:depth] == phrase[:depth]]
            assert trie.lend[state] == max(0.0, *ahead)


def test_heaviest_phrase_of_equal_tokens_wins_and_zero_weights_are_left_out():
    trie = BoostingTrie([0, 1, 2], [(1, 2), (1, 2), (3,)], [1.0, 2.0, 0.0], 4)
    assert trie.phrase[trie.step(trie.step(ROOT, 1), 2)] == 1
    assert trie.step(ROOT, 3) == ROOT


def test_costs_belong_to_where_their_spelling_ends():
    trie = BoostingTrie([0, 0, 1], [(1, 2), (1,), (3, 3)], [1.0, 1.0], 4, [0.5, 0.25, 2.0])
    one = trie.step(ROOT, 1)
    assert [trie.cost[one], trie.cost[trie.step(one, 2)]] == [0.25, 0.5]
    assert trie.cost[trie.step(trie.step(ROOT, 3), 3)] == 2.0
    assert not trie.cost[[ROOT, trie.step(ROOT, 3)]].any()
    for costs in ([0.5, 0.25], [0.25, 0.5]):  # of equal spellings the cheapest, in any order
        assert BoostingTrie([0, 0], [(1,), (1,)], [1.0], 4, costs).cost[1] == 0.25


def test_token_outside_the_vocabulary_is_refused():
    with pytest.raises(ValueError, match=r"token ids must lie in \[0, 4\)"):
        BoostingTrie([0], [(1, 4)], [1.0], 4)


def test_empty_list_has_only_the_root():
    trie = build([])
    assert len(trie) == 1 and trie.step(ROOT, 2) == ROOT
