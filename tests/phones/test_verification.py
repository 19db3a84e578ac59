import numpy as np
import pytest
from clearly import head, said
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones import Lexicon, Pronouncer
from nemo_ctcbias.phones.hearing import Hearing, between
from nemo_ctcbias.phones.phones import BLANK
from nemo_ctcbias.phones.score import PHONE_PRIOR, PhraseScores
from nemo_ctcbias.phones.verification import ADAPTER_WEIGHT, PRIOR_WEIGHT, SLACK, Place, stands

LEXICON = Lexicon({"sip": ["S IH P"], "ship": ["SH IH P"], "zoo": ["Z UW"], "sprite": ["S P R AY T"]})
LISTED = ["sip", "ship", "zoo", {"text": "see", "pronunciations": ["S IY", "Z UW"]}, "№ 7", "sprite"]
SCORES = PhraseScores(Pronouncer(LISTED, LEXICON))
SIP_ZOO = head(np.concatenate([said(["S", "IH", "P"]), np.repeat(said(["S"])[1:], 8, axis=0), said(["Z", "UW"])]))
FIRST, LAST = (0, 6), (14, 18)


def standing(*places, **settings):
    return [place for place in places if stands(Place(*place), SIP_ZOO, SCORES, **settings)]


def test_a_phrase_must_be_heard_where_it_was_written():
    assert standing((0, *FIRST), (2, *LAST)) == [(0, *FIRST), (2, *LAST)]
    assert standing((0, *LAST), (2, *FIRST)) == []
    assert standing((1, *FIRST), threshold=4.0) == [], "'ship' has one phone that was not said"


def test_words_are_vague_about_their_places():
    assert standing((0, SLACK, 4)) == [(0, SLACK, 4)]
    assert standing((0, SLACK + 1, 6)) == [], "its first phone lies outside"
    assert standing((0, 9, 10)) == []


def test_what_cannot_be_pronounced_stands():
    assert standing((4, *FIRST), threshold=1000.0) == [(4, *FIRST)]


def test_short_phrases_that_are_heard_plainly_stand_whatever_is_asked():
    """Two phones are worth 6, which no threshold may ask for: a phrase without a flaw is never revoked."""
    assert standing((2, *LAST), threshold=1000.0) == [(2, *LAST)]
    assert standing((2, *LAST), threshold=2.0, prior=1000.0) == [(2, *LAST)]
    assert standing((2, *FIRST), threshold=1000.0) == []
    assert standing((2, *LAST, -1000.0)) == [(2, *LAST, -1000.0)], "nor may the adapter's doubts"


def test_adapters_that_were_asked_have_a_say():
    assert standing((0, *LAST, 1000.0)) == [(0, *LAST, 1000.0)]
    assert standing((5, *FIRST, 0.0), threshold=-100.0) and not standing((5, *FIRST, -500.0), threshold=-100.0)


def test_of_several_pronunciations_the_best_counts():
    assert standing((3, *LAST)) == [(3, *LAST)]


def test_long_lists_ask_for_more():
    score = SCORES.at(0, between(SIP_ZOO, 0, 6 + SLACK))
    assert standing((0, *FIRST), threshold=2.0, prior=3.0) and score < 2 * PHONE_PRIOR + 3
    assert not stands(Place(5, *FIRST), SIP_ZOO, SCORES, threshold=-60.0, prior=70.0)


@given(st.integers(0, 999), st.integers(1, 9), st.sampled_from([1, 2]), st.floats(-60, 10), st.floats(0, 5), st.data())
def test_agrees_with_the_formula(seed, frames, columns, threshold, prior, data):
    """Whether the head has one column for each of the encoder's frames, or two."""
    log_probs = np.log(np.random.default_rng(seed).dirichlet(np.full(BLANK + 1, 0.1), size=frames * columns) + 1e-6)
    phrase, start = data.draw(st.sampled_from([0, 1, 2, 3, 5])), data.draw(st.integers(0, frames - 1))
    end = data.draw(st.integers(start + 1, frames))
    there = log_probs[columns * max(start - SLACK, 0) : columns * (end + SLACK)]
    score = SCORES.at(phrase, head(there))
    length = {0: 3, 1: 3, 2: 2, 3: 2, 5: 5}[phrase]
    adapter = data.draw(st.floats(-9, 9))
    needed = min(threshold + PRIOR_WEIGHT * prior - ADAPTER_WEIGHT * adapter, 3.0 * (length - 1))
    heard = Hearing.by_head(log_probs, frames)
    assert stands(Place(phrase, start, end, adapter), heard, SCORES, threshold, prior) == (score >= needed)


def test_phones_of_another_inventory():
    with pytest.raises(PhoneticsError, match="shape"):
        stands(Place(0, 0, 4), head(np.zeros((4, 7))), SCORES)
