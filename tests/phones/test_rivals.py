import math

import numpy as np
import pytest
from clearly import said
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones import Lexicon, Spotting, SpottingOptions
from nemo_ctcbias.phones.phone_search import PhoneSearch
from nemo_ctcbias.phones.phones import BLANK
from nemo_ctcbias.phones.rivals import Rivals

LEXICON = Lexicon({"sip": ["S IH P"], "ship": ["SH IH P"], "zoo": ["Z UW"], "see": ["S IY", "Z UW"]})
WORDS = ["see", "sip", "ship", "zoo", "№"]


def rivals(words=WORDS, **options):
    return Rivals(words, Spotting(SpottingOptions(**options), LEXICON))


def test_the_best_heard_word_that_is_not_the_phrases_own():
    recording = said(["S", "IH", "P"])
    assert rivals().evidence(recording, []) == pytest.approx(9.0)
    assert rivals().evidence(recording, ["Sip"]) == pytest.approx(3.0), "'ship' lacks a phone"
    assert rivals().evidence(recording, ["a sip, a Ship"]) == pytest.approx(0.0), "nor 'see'"
    assert rivals().evidence(recording, [" ".join(WORDS)]) == -math.inf
    assert rivals([]).evidence(recording, []) == rivals(["№"]).evidence(recording, []) == -math.inf


def test_many_words_cost_nothing():
    assert rivals(list_cost=5.0, usual_list=1.0).evidence(said(["Z", "UW"]), []) == pytest.approx(6.0)


@given(st.data())
def test_agrees_with_a_search_for_each(data):
    seed, frames = data.draw(st.integers(0, 2**16)), data.draw(st.integers(1, 9))
    shape = (frames, data.draw(st.integers(1, 2)), BLANK + 1)
    log_probs = np.log(np.random.default_rng(seed).dirichlet(np.full(BLANK + 1, 0.1), size=shape[:2]) + 1e-6)
    besides = data.draw(st.sets(st.sampled_from(WORDS)))
    scores = [-math.inf]
    for word in {"sip", "ship", "zoo", "see"} - besides:
        heads = [
            max(3.0 * len(one) + PhoneSearch([one]).deficits(log_probs[:, head])[0] for one in LEXICON[word])
            for head in range(shape[1])
        ]
        scores.append(min(heads))
    least = data.draw(st.sampled_from([-math.inf, -20.0, 0.0]))
    found = rivals().evidence(log_probs, besides, least)
    assert found == pytest.approx(max(scores)) or max(scores) < least > found


def test_phones_of_another_inventory():
    with pytest.raises(PhoneticsError, match="shape"):
        rivals().evidence(np.zeros((4, 7)), [])
