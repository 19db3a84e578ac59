from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones import Lexicon, Pronouncer, rescoring
from nemo_ctcbias.phones.alignment import forward_scores
from nemo_ctcbias.phones.lattice import Lattice
from nemo_ctcbias.phones.rescoring import Lattices, rescore, stretches

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
    texts = hypotheses("the ship row", "the sip row", "the siprot")
    rescored = rescore(log_probs, texts, [(0, 2), (3, 6), (7, 10)], pronouncer)
    assert [" ".join(one.words) for one, _ in rescored] == ["the siprot", "the sip row", "the ship row"]
    assert rescored[-1][1] == 0
    totals = [one.score + phone_score for one, phone_score in rescored]
    assert totals == sorted(totals, reverse=True)


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_the_forward_scores_of_the_whole_where_all_differs(pronouncer, noise, seed, monkeypatch):
    log_probs = noise(16, seed)
    texts = ["the row", "ship sip", "siprot"]
    monkeypatch.setattr(rescoring, "LIMIT", 1e9)
    rescored = rescore(log_probs, hypotheses(*texts), [(1, 4), (6, 9)], pronouncer, weight=0.5)
    slots = [[LEXICON[word] for word in text.split()] for text in texts]
    exact = forward_scores(log_probs, [Lattice.of([[(p, 0.0) for p in slot] for slot in each]) for each in slots])
    found = {" ".join(one.words): phone_score for one, phone_score in rescored}
    for text, score in zip(texts, exact, strict=True):
        assert found[text] == pytest.approx(0.5 * (score - exact[0]))


def test_weight_zero_and_lone_hypotheses_change_nothing(pronouncer, noise):
    texts = hypotheses("the row", "the sip", "siprot")
    off = rescore(noise(9, 0), texts, [(1, 3), (4, 6)], pronouncer, weight=0)
    assert off == [(one, 0) for one in texts]
    assert rescore(noise(9, 0), texts[:1], [(1, 3), (4, 6)], pronouncer) == [(texts[0], 0)]
    assert rescore(noise(9, 0), [], [], pronouncer) == []


def test_those_behind_the_n_best_keep_their_places(pronouncer, sung, monkeypatch):
    monkeypatch.setattr(rescoring, "N_BEST", 2)
    texts = hypotheses("ship", "sip", "row", "the")
    rescored = rescore(sung("S IH P"), texts, [(0, 3)], pronouncer)
    assert [one.words[0] for one, _ in rescored] == ["sip", "ship", "row", "the"]


def test_words_without_sound_or_frames_win_and_lose_within_bounds(pronouncer, sung, monkeypatch):
    monkeypatch.setattr(rescoring, "LIMIT", 7)

    def scores(log_probs, *texts, spans=((0, 1),)):
        found = rescore(log_probs, hypotheses(*texts), spans, pronouncer, weight=1)
        return {" ".join(one.words): phone_score for one, phone_score in found}

    assert scores(sung("S IH P"), "sip", "r2d2", "", "siprot", spans=[(0, 3)]) == {
        "sip": 0, "r2d2": 0, "": -7, "siprot": -7
    }  # fmt: skip
    # Nothing is known against a best hypothesis that has no pronunciation, or none that fits.
    assert not any(scores(sung("S"), "r2d2", "sip").values())
    assert not any(scores(sung("S"), "siprot", "sip").values())
    assert not any(scores(np.zeros((0, 40)), "sip", "ship", spans=[(0, 0)]).values())


def test_empty_best_hypothesis(pronouncer, sung):
    rescored = rescore(sung("S IH P"), hypotheses("", "sip"), [], pronouncer)
    assert rescored[0][0].words == ["sip"]
    with pytest.raises(ValueError, match="0 spans for the 1 words"):
        rescore(sung("S IH P"), hypotheses("sip", "ship"), [], pronouncer)


def test_lattices_are_kept_but_not_those_of_what_users_say_themselves(pronouncer, sung, monkeypatch):
    lattices, own = Lattices(), Pronouncer([{"text": "sip", "pronunciations": ["R OW"]}], LEXICON)
    assert lattices.of(("sip",), pronouncer) is lattices.of(("sip",), pronouncer)
    assert lattices.of(("sip",), own).labels.tolist() != lattices.of(("sip",), pronouncer).labels.tolist()
    assert lattices.of(("r2d2",), pronouncer) is None
    monkeypatch.setattr(rescoring, "KEPT", 1)
    assert lattices.of(("row",), pronouncer) is not None, "what is full is emptied"


def test_wrong_log_probs_are_named(pronouncer):
    with pytest.raises(PhoneticsError, match=r"expected \[T, 40\]"):
        rescore(np.zeros((3, 30)), hypotheses("sip", "ship"), [(0, 3)], pronouncer)
