from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.errors import PhoneticsError, SettingError
from nemo_ctcbias.phones import Lexicon, PhoneticRescorer, Pronouncer, RescoringOptions
from nemo_ctcbias.phones.alignment import forward_scores
from nemo_ctcbias.phones.lattice import Lattice
from nemo_ctcbias.phones.rescoring import stretches

LEXICON = Lexicon(
    {"the": ["DH AH"], "sip": ["S IH P"], "ship": ["SH IH P"], "row": ["R OW"], "siprot": ["S IH P R AA T"]}
)


@dataclass
class Heard:
    words: list
    score: float


def hypotheses(*texts):
    return [Heard(text.split(), -float(rank)) for rank, text in enumerate(texts)]


@pytest.fixture(scope="module")
def pronouncer():
    return Pronouncer(lexicon=LEXICON)


WORDS = st.lists(st.sampled_from("the ship row sip a".split()), max_size=6)


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_stretches_turn_the_best_into_each_of_the_others(texts):
    best, found = texts[0], list(stretches(texts))
    for h, words in enumerate(texts):
        rebuilt, at = [], 0
        for stretch in found:
            rebuilt += best[at : stretch.first]
            assert tuple(best[stretch.first : stretch.last]) == stretch.words[0]
            rebuilt += stretch.words[h][max(at - stretch.first, 0) :]  # the word that two stretches share, once
            at = stretch.last
        assert rebuilt + best[at:] == words
    assert bool(found) == any(text != best for text in texts)


def test_what_sounds_right_moves_up(pronouncer, sung):
    log_probs = sung("DH AH _ S IH P _ R AA T")
    rescored = PhoneticRescorer(pronouncer).rescore(
        log_probs, hypotheses("the ship row", "the sip row", "the siprot"), [(0, 2), (3, 6), (7, 10)]
    )
    assert [" ".join(r.hypothesis.words) for r in rescored] == ["the siprot", "the sip row", "the ship row"]
    assert rescored[-1].phone_score == 0
    for r in rescored:
        assert r.score == r.hypothesis.score + r.phone_score


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_the_forward_scores_of_the_whole_where_all_differs(pronouncer, noise, seed):
    log_probs = noise(16, seed)
    texts = ["the row", "ship sip", "siprot"]
    options = RescoringOptions(weight=0.5, limit=1e9)
    rescored = PhoneticRescorer(pronouncer, options).rescore(log_probs, hypotheses(*texts), [(1, 4), (6, 9)])
    slots = [[LEXICON[word] for word in text.split()] for text in texts]
    exact = forward_scores(log_probs, [Lattice.of([[(p, 0.0) for p in slot] for slot in each]) for each in slots])
    found = {" ".join(r.hypothesis.words): r.phone_score for r in rescored}
    for text, score in zip(texts, exact, strict=True):
        assert found[text] == pytest.approx(0.5 * (score - exact[0]))


def test_weight_zero_and_lone_hypotheses_change_nothing(pronouncer, noise):
    texts = hypotheses("the row", "the sip", "siprot")
    off = PhoneticRescorer(pronouncer, RescoringOptions(weight=0)).rescore(noise(9, 0), texts, [(1, 3), (4, 6)])
    assert [r.hypothesis for r in off] == texts and all(r.phone_score == 0 for r in off)
    assert [r.score for r in PhoneticRescorer(pronouncer).rescore(noise(9, 0), texts[:1], [(1, 3), (4, 6)])] == [0.0]
    assert PhoneticRescorer(pronouncer).rescore(noise(9, 0), [], []) == []


def test_those_behind_the_n_best_keep_their_places(pronouncer, sung):
    texts = hypotheses("ship", "sip", "row", "the")
    rescored = PhoneticRescorer(pronouncer, RescoringOptions(n_best=2)).rescore(sung("S IH P"), texts, [(0, 3)])
    assert [r.hypothesis.words[0] for r in rescored] == ["sip", "ship", "row", "the"]


def test_words_without_sound_or_frames_win_and_lose_within_bounds(pronouncer, sung):
    options = RescoringOptions(weight=1, limit=7)
    rescorer = PhoneticRescorer(pronouncer, options)
    found = rescorer.rescore(sung("S IH P"), hypotheses("sip", "r2d2", "", "siprot"), [(0, 3)])
    gains = {" ".join(r.hypothesis.words): r.phone_score for r in found}
    assert gains == {"sip": 0, "r2d2": 0, "": -7, "siprot": -7}
    # Nothing is known against a best hypothesis that has no pronunciation, or none that fits.
    assert not any(r.phone_score for r in rescorer.rescore(sung("S"), hypotheses("r2d2", "sip"), [(0, 1)]))
    assert not any(r.phone_score for r in rescorer.rescore(sung("S"), hypotheses("siprot", "sip"), [(0, 1)]))
    assert not any(r.phone_score for r in rescorer.rescore(np.zeros((0, 40)), hypotheses("sip", "ship"), [(0, 0)]))


def test_empty_best_hypothesis(pronouncer, sung):
    rescored = PhoneticRescorer(pronouncer).rescore(sung("S IH P"), hypotheses("", "sip"), [])
    assert rescored[0].hypothesis.words == ["sip"]
    with pytest.raises(ValueError, match="0 spans for the 1 words"):
        PhoneticRescorer(pronouncer).rescore(sung("S IH P"), hypotheses("sip", "ship"), [])


def test_wrong_settings_and_log_probs_are_named(pronouncer):
    with pytest.raises(SettingError, match=r"rescoring\.weight: -1 is out of range; give a number from 0"):
        RescoringOptions(weight=-1)
    with pytest.raises(SettingError, match=r"rescoring\.n_best: 0"):
        RescoringOptions(n_best=0)
    with pytest.raises(PhoneticsError, match=r"expected \[T, 40\]"):
        PhoneticRescorer(pronouncer).rescore(np.zeros((3, 30)), hypotheses("sip", "ship"), [(0, 3)])
