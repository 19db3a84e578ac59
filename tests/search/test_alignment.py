import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import collapse

from nemo_ctcbias.search.alignment import align, greedy_spans, token_spans, word_spans


@given(seed=st.integers(0, 10**6), frames=st.integers(1, 6), tokens=st.lists(st.integers(0, 1), max_size=3))
@settings(max_examples=150)
def test_alignment_is_the_best_of_all_paths(seed, frames, tokens):
    log_probs = np.random.default_rng(seed).normal(size=(frames, 3))
    paths = [p for p in itertools.product(range(3), repeat=frames) if collapse(p, 2) == tuple(tokens)]
    if not paths:
        with pytest.raises(ValueError, match="need at least"):
            align(log_probs, tokens)
        return
    best = max(sum(log_probs[t, c] for t, c in enumerate(p)) for p in paths)
    found = align(log_probs, tokens)
    assert collapse(found.tolist(), 2) == tuple(tokens)
    assert sum(log_probs[t, c] for t, c in enumerate(found)) == pytest.approx(best)


@given(path=st.lists(st.integers(0, 3), max_size=15))
def test_spans_rebuild_the_path(path):
    spans = token_spans(np.array(path, dtype=int), 3)
    rebuilt = [3] * len(path)
    for token, start, end in spans:
        rebuilt[start:end] = [token] * (end - start)
    assert rebuilt == path
    assert tuple(token for token, _, _ in spans) == collapse(path, 3)


def test_words_of_subwords_and_of_characters():
    assert word_spans([(0, 1, 2), (1, 3, 5), (0, 6, 7)], ["▁an", "na"]) == [("anna", 1, 5), ("an", 6, 7)]
    assert word_spans([(0, 0, 1), (1, 2, 3), (2, 4, 6)], ["▁", "a", "b"]) == [("ab", 2, 6)]
    assert word_spans([(1, 0, 1), (0, 1, 2), (2, 4, 6)], [" ", "a", "b"]) == [("a", 0, 1), ("b", 4, 6)]


def test_greedy_decoding_collapses_the_argmax():
    best = [0, 0, 2, 0, 1, 2, 1]
    assert greedy_spans(np.eye(3)[best]) == [(0, 0, 2), (0, 3, 4), (1, 4, 5), (1, 6, 7)]
