"""Training on a handful of words; the estimator is a separate program, so it is only run where it is there."""

import pytest
from g2p_training import is_held_out, measure, pairs_of, train
from programs import needs_lmplz
from test_graphones import PAIRS

from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.lm import lmplz
from nemo_ctcbias.phones.g2p import G2P


def test_words_in_other_symbols_are_left_out():
    assert pairs_of({"ash": [("AE", "SH")], "c++": [("S", "IY")], "a": [("AH",), ("EY",)]}) == [
        ("ash", ("AE", "SH")),
        ("a", ("AH",)),
        ("a", ("EY",)),
    ]


def test_one_word_in_twenty_is_held_out():
    words = [f"{a}{b}{c}" for a in "abcdefghij" for b in "klmnopqrst" for c in "uvwxyzabcd"]
    assert 30 < sum(map(is_held_out, words)) < 70
    assert [is_held_out(word) for word in words] == [is_held_out(word) for word in words]


class Parrot:
    def __init__(self, answers):
        self.answers = answers

    def pronounce(self, word, n):
        return [(tuple(phones.split()), 0.0) for phones in self.answers[word][:n]]


def test_accuracy_counts_against_the_nearest_listed():
    right = {"ash": [("AE", "SH")], "tomato": [("T", "AA"), ("T", "EY", "T")]}
    accuracy = measure(Parrot({"ash": ["AE S", "AE SH"], "tomato": ["T EY T"]}), right)
    assert (accuracy.phones, accuracy.phone_errors, accuracy.word_errors, accuracy.in_n_best) == (5, 1, 1, 2)
    assert str(accuracy) == (
        "2 words: phone error rate 20.0%, word error rate 50.0%, right one among the 5 best 100.0%"
    )


@needs_lmplz
def test_a_model_learns_its_words(tmp_path, monkeypatch):
    monkeypatch.setattr("g2p_training.lmplz.estimate", _with_fallback(lmplz.estimate))
    assert train(PAIRS * 5, tmp_path, order=3) == 0
    g2p = G2P.load(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"graphones.npz", "graphones.json"}
    assert sum(g2p.pronounce(word)[0][0] == phones for word, phones in PAIRS) > len(PAIRS) / 2
    with pytest.raises(PhoneticsError, match="too few words"):
        train(PAIRS[:1], tmp_path)


def _with_fallback(estimate):
    return lambda *args, **settings: estimate(*args, **settings, discount_fallback=True)


@needs_lmplz
def test_nothing_to_learn_from(tmp_path):
    with pytest.raises(PhoneticsError, match="no word is spelled in the letters"):
        train([], tmp_path)
