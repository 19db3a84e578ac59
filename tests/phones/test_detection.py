import math

import numpy as np
import pytest
from clearly import head, said

from nemo_ctcbias.bias_list import Phrase
from nemo_ctcbias.phones import Lexicon, Pronouncer
from nemo_ctcbias.phones.detection import LEAST, MOST, PRIOR_WEIGHT, SLOPE, USUAL, detect, too_short
from nemo_ctcbias.phones.phones import BLANK
from nemo_ctcbias.phones.score import PhraseScores
from nemo_ctcbias.settings import Settings

LEXICON = Lexicon(
    {"sip": ["S IH P"], "ship": ["SH IH P"], "sprite": ["S P R AY T"], "zoo": ["Z UW"], "lee": ["L IY"], "oh": ["OW"]}
)
SIP = head(said(["S", "IH", "P"]))


def scores(*phrases):
    return PhraseScores(Pronouncer(phrases, LEXICON))


def test_only_what_can_be_heard_is_listened_for_and_the_clearer_the_more():
    listed = scores("sip", "ship", "zoo")
    found = listed.best(SIP)
    heard = detect(listed, SIP, threshold=1.0, prior=0.0)
    assert heard == pytest.approx([1 + SLOPE * (found[0] - USUAL), 1 + SLOPE * (found[1] - USUAL), 0.0])
    assert detect(listed, SIP, threshold=-2e3, prior=1e3 / PRIOR_WEIGHT) == pytest.approx([LEAST] * 3), "within bounds"
    assert detect(listed, SIP, threshold=-1e3, prior=-1e3) == pytest.approx([MOST] * 3)


def test_long_lists_ask_for_more():
    listed = scores("sip")
    (score,) = listed.best(SIP)
    assert detect(listed, SIP, threshold=1.0, prior=(score - 1.01) / PRIOR_WEIGHT)[0] > 0
    assert detect(listed, SIP, threshold=1.0, prior=(score - 0.99) / PRIOR_WEIGHT)[0] == 0


def test_suppressed_and_unpronounceable_phrases_are_always_listened_for():
    listed = scores(Phrase("zoo", weight=-1), "№ 7", "sprite")
    assert detect(listed, SIP, 1.0, 0.0).tolist() == [1.0, 1.0, 0.0]


def test_every_head_must_have_heard_it():
    both = [*SIP, *head(said(["SH", "IH", "P"]))]
    listed = scores("sip", "ship", "№ 7")
    assert (detect(listed, SIP, 4.0, 0.0) > 0).tolist() == [True, False, True]
    assert detect(listed, both, 4.0, 0.0).tolist() == [0.0, 0.0, 1.0]


def test_phrases_too_short_to_be_heard_are_told():
    phrases = ({"text": "zoo", "pronunciations": ["Z UW", "UW"]}, "sip", Phrase("see", weight=-1), "№ 7")
    (note,) = too_short(scores(*phrases), threshold=5.0, prior=1.1 / PRIOR_WEIGHT)
    assert (note.phrase, note.level) == ("zoo", "dropped") and "2 phones are too few in a list of 4" in str(note)
    assert "lower biasing.phonetics.detection_threshold" in str(note)
    enough = too_short(scores(*phrases), threshold=5.0, prior=1.0 / PRIOR_WEIGHT)
    assert not list(enough), "6 is what two phones are worth"


def test_the_order_of_the_list_does_not_matter():
    phrases = ["sip", "sprite", "ship", "zoo"]
    forward, backward = (detect(scores(*one), SIP, -3.0, 0.0) for one in (phrases, phrases[::-1]))
    assert np.array_equal(backward[::-1], forward)


def test_nothing_listed_and_nothing_said():
    assert detect(scores(), SIP, 1.0, 0.0).tolist() == []
    assert detect(scores("sip"), head(np.zeros((0, BLANK + 1))), 1.0, 0.0).tolist() == [0.0]
    assert math.isinf(scores("sip").best(head(np.zeros((0, BLANK + 1))))[0])


def test_in_how_long_a_list_short_names_are_never_heard():
    """The lengths that docs/choosing_weights.md tells."""
    listed = scores("lee", "oh", "anna")
    usual = Settings.of({})

    def never(length):
        threshold, prior = usual.phonetics.detection_threshold, usual.detection_prior(length)
        return [note.phrase for note in too_short(listed, threshold, prior)]

    assert (never(735), never(740), never(5_450), never(5_500)) == ([], ["oh"], ["oh"], ["lee", "oh"])
