import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.adapter import Attention
from nemo_ctcbias.adapter.losses import IGNORE, NO_BIAS, Labels, attention_loss, label_frames
from nemo_ctcbias.training.adapter_training import find_rows

BLANK = 9


def test_labels_of_one_utterance():
    path = [BLANK, 1, 1, BLANK, 2, BLANK, 3, BLANK]  # tokens 1 2 3; the phrase is 2 3
    labels = label_frames([path], [[(0, 1, 3)]], frames=10, blank=BLANK)
    assert labels.phrases[0].tolist() == [NO_BIAS] * 4 + [0, 0, 0, NO_BIAS, IGNORE, IGNORE]
    assert labels.tokens[0].tolist() == [IGNORE] * 4 + [0, IGNORE, 1] + [IGNORE] * 3


def test_an_utterance_that_could_not_be_aligned_teaches_nothing():
    assert label_frames([[]], [[]], 3, BLANK).phrases.tolist() == [[IGNORE] * 3]


@given(st.lists(st.sampled_from([1, 2, BLANK]), min_size=1, max_size=12))
def test_token_numbers_follow_the_collapsed_path(path):
    collapsed = [label for at, label in enumerate(path) if label != BLANK and (at == 0 or path[at - 1] != label)]
    if not collapsed:
        return
    labels = label_frames([path], [[(5, 0, len(collapsed))]], len(path), BLANK)
    for label, number in zip(path, labels.tokens[0].tolist(), strict=True):
        assert (number == IGNORE) == (label == BLANK)
        assert number == IGNORE or collapsed[number] == label


def test_losses_by_hand():
    weights = torch.tensor([[[0.5, 0.5], [0.1, 0.9]], [[0.3, 0.7], [0.1, 0.9]]])[None]  # [1, H, T, 1 + 1]
    inside = torch.tensor([[[[0.2, 0.8]], [[0.6, 0.4]]]])  # [1, T, k, L]
    zero = torch.zeros(1, 1, dtype=torch.long)
    attention = Attention(weights, torch.tensor([[6]]), inside, zero)  # row 6 of the bank is the one phrase looked at
    labels = Labels(torch.tensor([[6, NO_BIAS]]), torch.tensor([[1, IGNORE]]))
    loss = attention_loss(attention, labels)
    assert math.isclose(float(loss.phrase), -(math.log(0.4) + math.log(0.9)) / 2, rel_tol=1e-5)
    assert math.isclose(float(loss.token), -math.log(0.8), rel_tol=1e-5)
    assert (float(loss.found), float(loss.clean)) == (0.0, 1.0)


def test_phrases_that_took_no_part_teach_nothing():
    weights = torch.tensor([[[[0.5, 0.5], [0.1, 0.9]]]])
    labels = Labels(torch.tensor([[3, NO_BIAS]]), torch.full((1, 2), IGNORE))
    loss = attention_loss(Attention(weights, torch.tensor([[6]])), labels)
    assert math.isclose(float(loss.phrase), -math.log(0.9), rel_tol=1e-5)


STARTS = [True, False, True, False, True]


def test_find_rows_takes_whole_words_longest_first():
    rows = {(0,): 0, (0, 1): 1, (0, 1, 2): 2, (1,): 3}
    assert find_rows([0, 1, 2, 0, 4], rows, STARTS) == [(2, 0, 3), (0, 3, 4)]
    assert find_rows([2, 1], rows, STARTS) == []  # token 1 is inside a word
    mark = [*STARTS, True]
    assert find_rows([0, 1, len(STARTS), 0], rows, mark) == [(1, 0, 2), (0, 3, 4)], "punctuation behind it"


@given(
    st.lists(st.integers(0, 4), max_size=8), st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=3), max_size=5)
)
def test_find_rows_equals_brute_force(tokens, phrases):
    rows = {tuple(phrase): number for number, phrase in enumerate(phrases)}
    bounds = [at for at, token in enumerate(tokens) if STARTS[token]] + [len(tokens)]
    expected, at = [], 0
    while at < len(tokens):
        ends = [e for e in bounds if e > at and at in bounds and tuple(tokens[at:e]) in rows]
        if ends:
            expected.append((rows[tuple(tokens[at : max(ends)])], at, max(ends)))
            at = max(ends)
        else:
            at += 1
    assert find_rows(tokens, rows, STARTS) == expected
