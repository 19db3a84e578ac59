"""The one score: against brute force, and what it says of heads, places and short phrases."""

import itertools
import math

import numpy as np
import pytest
from clearly import head, said
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import Phrase
from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones import Lexicon, Pronouncer
from nemo_ctcbias.phones.phones import BLANK, PHONE_IDS, PHONES
from nemo_ctcbias.phones.score import PHONE_PRIOR, PhraseScores, score_of

LEXICON = Lexicon({"sip": ["S IH P"], "ship": ["SH IH P"], "sprite": ["S P R AY T"], "zoo": ["Z UW"]})
SIP = said(["S", "IH", "P"])
PHRASES = ["sip", "ship", {"text": "zoo", "pronunciations": ["Z UW", "S IH P"]}, "№ 7", Phrase("see", weight=-1)]


def scores(phrases=PHRASES):
    return PhraseScores(Pronouncer(phrases, LEXICON))


def few(frames, seed, labels):
    """Log-probs of a few labels; the others are next to impossible."""
    logits = np.full((frames, BLANK + 1), -40.0)
    logits[:, labels] = np.random.default_rng(seed).normal(0, 2, (frames, len(labels)))
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def brute_force(log_probs, pronunciations):
    """By the definition: over all stretches, all their paths, each against what all phone strings have together."""
    best = -math.inf
    for phones in pronunciations:
        wanted = tuple(PHONE_IDS[phone] for phone in phones)
        for start, end in itertools.combinations(range(len(log_probs) + 1), 2):
            everything = sum(np.logaddexp.reduce(row) for row in log_probs[start:end])  # all paths of all strings
            for path in itertools.product({*wanted, BLANK}, repeat=end - start):
                if tuple(label for label, _ in itertools.groupby(path) if label != BLANK) == wanted:
                    found = sum(log_probs[start + t, label] for t, label in enumerate(path)) - everything
                    best = max(best, found - len(phones) * -PHONE_PRIOR)
    return best


PRONUNCIATION = st.lists(st.sampled_from(["S", "IH", "P"]), min_size=1, max_size=3)


@given(st.integers(1, 5), st.integers(0, 999), st.lists(PRONUNCIATION, min_size=1, max_size=3))
@settings(max_examples=40)
def test_is_the_log_likelihood_ratio_by_brute_force(frames, seed, pronunciations):
    log_probs = few(frames, seed, [BLANK, *(PHONE_IDS[phone] for phone in ("S", "IH", "P"))])
    listed = PhraseScores(Pronouncer([{"text": "x", "pronunciations": [" ".join(one) for one in pronunciations]}]))
    expected = brute_force(log_probs, pronunciations)
    assert listed.at(0, head(log_probs)) == pytest.approx(expected)
    assert listed.best(head(log_probs))[0] == pytest.approx(expected), "its maximum over places"
    assert score_of([tuple(one) for one in pronunciations], head(log_probs)) == pytest.approx(expected)


@given(st.integers(0, 999), st.data())
def test_detection_is_the_maximum_over_places(seed, data):
    probs = np.log(np.random.default_rng(seed).dirichlet(np.full(BLANK + 1, 0.1), size=8) + 1e-6)
    start = data.draw(st.integers(0, 7))
    end = data.draw(st.integers(start + 1, 8))
    for phrase in range(3):
        assert scores().at(phrase, head(probs[start:end])) <= scores().best(head(probs))[phrase] + 1e-9


@given(st.integers(0, 999), st.integers(1, 3))
def test_the_place_of_a_phrase_has_its_best_score(seed, heads):
    probs = np.log(np.random.default_rng(seed).dirichlet(np.full(BLANK + 1, 0.1), size=(8, heads)) + 1e-6)
    listed, heard = scores(), head(probs)
    for phrase in range(3):
        score, start, end = listed.place(phrase, heard)
        assert score == pytest.approx(listed.best(heard)[phrase]) and 0 <= start < end <= 8
        assert listed.at(phrase, [heard[-1].between(start, end)]) == pytest.approx(listed.best(heard[-1:])[phrase])


def test_the_best_pronunciation_counts_and_phones_are_worth_their_prior():
    sip, ship, zoo, number, see = scores().best(head(SIP))
    assert sip == zoo == pytest.approx(3 * PHONE_PRIOR, abs=0.8) and ship < sip - 4
    assert math.isnan(number) and math.isnan(see), "nobody can pronounce it; it suppresses"
    assert scores().most()[:3].tolist() == [9.0, 9.0, 9.0] and scores().phones(3) == 0
    assert scores().at(0, head(SIP[2:])) < scores().at(0, head(SIP)), "only these frames count"


def test_where_little_is_heard_clearly_scores_are_low():
    for doubt, other in ((6.0, 4.0), (4.0, 2.0)):
        clear, vague = (scores().best(head(said(["S", "IH", "P"], doubt=one)))[0] for one in (doubt, other))
        assert vague < clear


@given(st.integers(0, 2**16), st.integers(1, 3), st.integers(0, 8), st.floats(-40, 9))
def test_of_several_heads_the_least_counts_and_asking_in_turn_is_asking_all(seed, heads, frames, least):
    probs = np.random.default_rng(seed).dirichlet(np.full(BLANK + 1, 0.1), size=(frames, heads))
    log_probs, listed = np.log(probs + 1e-6), scores()
    every = np.min([listed.best(head(log_probs[:, one])) for one in range(heads)], axis=0)
    found = listed.best(head(log_probs), least)
    enough = every >= least
    assert np.array_equal(found[enough], every[enough]) and not np.any(found[~enough] >= least)
    for phrase in range(3):
        alone = [listed.at(phrase, head(log_probs[:, one])) for one in range(heads)]
        assert listed.at(phrase, head(log_probs)) == min(alone)


@pytest.mark.parametrize("phones", PHONES[::7])
def test_a_phone_that_was_said_is_worth_its_prior(phones):
    assert score_of([(phones,)], head(said([phones], doubt=30.0))) == pytest.approx(PHONE_PRIOR)


def test_nothing_listed_and_nothing_said():
    assert scores([]).best(head(SIP)).tolist() == []
    assert scores(["sip"]).best(head(np.zeros((0, BLANK + 1)))).tolist() == [-np.inf]
    assert math.isnan(score_of([], head(SIP)))
    with pytest.raises(PhoneticsError, match="shape"):
        scores(["sip"]).best(head(np.zeros((4, 7))))
