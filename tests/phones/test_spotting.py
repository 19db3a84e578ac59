import logging
import math

import numpy as np
import pytest
from clearly import said
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import BiasList, Phrase
from nemo_ctcbias.bias_list.report import _warn_once
from nemo_ctcbias.errors import PhoneticsError, SettingError
from nemo_ctcbias.phones import Lexicon, Pronouncer
from nemo_ctcbias.phones.phone_search import PhoneSearch
from nemo_ctcbias.phones.phones import BLANK
from nemo_ctcbias.phones.spotting import PhraseSpotter, Spotting, SpottingOptions

LEXICON = Lexicon({"sip": ["S IH P"], "ship": ["SH IH P"], "sprite": ["S P R AY T"], "zoo": ["Z UW"]})


SIP = said(["S", "IH", "P"])


def spotter(phrases, list_cost=0.0, **options):
    return PhraseSpotter(Pronouncer(phrases, LEXICON), SpottingOptions(list_cost=list_cost, **options))


def test_evidence_is_the_credit_of_the_phones_less_what_they_lack():
    (sip, ship, zoo) = spotter(["sip", "ship", "zoo"], threshold=-100, phone_credit=2.0).evidence(SIP)
    deficit = PhoneSearch([("Z", "UW")]).deficits(SIP)[0]
    assert (sip, ship, zoo) == pytest.approx((6.0, 0.0, 4.0 + deficit)), "'ship' has one phone that lacks 6"


def test_phrases_act_by_how_well_they_are_heard():
    heard = spotter(["sip", "ship", "zoo"], threshold=1.0, usual=6.0, slope=0.1).heard(SIP)
    assert heard == pytest.approx([1.3, 0.7, 0.0])
    assert spotter(["sip"], usual=0.0, slope=9.0, most=1.5).heard(SIP).tolist() == [1.5]
    assert spotter(["ship"], threshold=0.0, usual=9.0, slope=9.0, least=0.2).heard(SIP).tolist() == [0.2]


def test_the_best_pronunciation_counts():
    phrases = [{"text": "zoo", "pronunciations": ["Z UW", "S IH P"]}]
    assert spotter(phrases).evidence(SIP).tolist() == [9.0]


def test_of_several_heads_the_least_counts():
    """And only phrases that the first ones hear are looked for further."""
    ship = said(["SH", "IH", "P"])
    both = np.stack([SIP, ship], axis=1)
    phrases = ["sip", "ship", "zoo", "№ 7"]
    for threshold in (-100.0, 1.0, 4.0):
        listening = spotter(phrases, threshold=threshold)
        alone = [listening.evidence(one) for one in (SIP, ship)]
        found = listening.evidence(both)
        least = np.minimum(*alone)
        enough = least >= threshold
        assert np.array_equal(found[enough], least[enough]) and not np.any(found[~enough] >= threshold)
        assert np.isnan(found[3]) and np.isnan(least[3])
        for phrase in range(3):
            heard = [listening.evidence_of(phrase, one) for one in (SIP, ship)]
            assert listening.evidence_of(phrase, both) == min(heard)
    assert spotter(phrases, threshold=4.0).heard(both).tolist() == [0.0, 0.0, 0.0, 1.0]


@given(st.integers(0, 2**16), st.integers(1, 3), st.integers(0, 8), st.floats(-40, 9))
def test_asking_one_head_after_the_other_is_asking_all(seed, heads, frames, threshold):
    probs = np.random.default_rng(seed).dirichlet(np.full(BLANK + 1, 0.1), size=(frames, heads))
    log_probs = np.log(probs + 1e-6)
    phrases = ["sip", "ship", "sprite", {"text": "zoo", "pronunciations": ["Z UW", "S IH P"]}]
    everything = spotter(phrases, threshold=-1e6)
    least = np.min([everything.evidence(log_probs[:, head]) for head in range(heads)], axis=0)
    heard = spotter(phrases, threshold=threshold).heard(log_probs)
    assert np.array_equal(heard > 0, least >= threshold)


def test_evidence_of_one_phrase_is_that_among_all():
    phrases = ["sip", "ship", {"text": "zoo", "pronunciations": ["Z UW", "S IH P"]}, "№ 7"]
    among = spotter(phrases, threshold=-100)
    assert [among.evidence_of(phrase, SIP) for phrase in range(3)] == among.evidence(SIP)[:3].tolist()
    assert math.isnan(among.evidence_of(3, SIP)), "nobody can pronounce it"
    assert among.evidence_of(0, SIP[2:]) < among.evidence_of(0, SIP), "only these frames count"


def test_phrases_too_short_to_be_heard_are_told(caplog):
    phrases = [{"text": "zoo", "pronunciations": ["Z UW", "UW"]}, "sip", Phrase("see", weight=-1), "№ 7"]
    (note,) = spotter(phrases, threshold=7.0).notes
    assert (note.phrase, note.level) == ("zoo", "dropped") and "2 phones are too few in a list of 4" in str(note)
    assert spotter(phrases, threshold=6.0).notes == [], "6 is what two phones are worth"
    _warn_once.cache_clear()
    with caplog.at_level(logging.WARNING, "nemo_ctcbias"):
        Spotting(SpottingOptions(list_cost=0.0, threshold=7.0), LEXICON)(SIP, BiasList(["zoo"]))
    assert "'zoo' is never heard" in caplog.text and "lower biasing.phonetics.spotting.threshold" in caplog.text


def test_suppressed_and_unpronounceable_phrases_are_always_listened_for(caplog):
    _warn_once.cache_clear()
    phrases = BiasList([Phrase("zoo", weight=-1), "№ 7", "sprite"])
    with caplog.at_level(logging.WARNING, "nemo_ctcbias"):
        assert Spotting(lexicon=LEXICON)(SIP, phrases).tolist() == [1.0, 1.0, 0.0]
    assert "'№ 7' cannot be pronounced" in caplog.text


def test_long_lists_ask_for_more_by_the_logarithm():
    long = ["sip", *(f"zoo {'x' * count}" for count in range(1, 30))]
    asked = {"usual_list": 10, "list_cost": 2.0, "threshold": 0.0}
    short = spotter(["sip"], **asked).evidence(SIP)[0]
    assert short - 9.0 == pytest.approx(2 * math.log(10)), "and short ones for less"
    assert short - spotter(long, **asked).evidence(SIP)[0] == pytest.approx(2 * math.log(30))


def test_the_order_of_the_list_does_not_matter():
    phrases = ["sip", "sprite", "ship", "zoo"]
    forward = spotter(phrases, threshold=-3.0).heard(SIP)
    assert np.array_equal(spotter(phrases[::-1], threshold=-3.0).heard(SIP)[::-1], forward)


def test_nothing_listed_and_nothing_said():
    assert spotter([]).heard(SIP).tolist() == []
    assert spotter(["sip"]).heard(np.zeros((0, BLANK + 1))).tolist() == [0.0]
    with pytest.raises(PhoneticsError, match="shape"):
        spotter(["sip"]).heard(np.zeros((4, 7)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"phone_credit": -1}, r"spotting\.phone_credit: -1 is out of range"),
        ({"usual_list": 0.5}, r"spotting\.usual_list.*from 1 up"),
        ({"threshold": math.nan}, r"spotting\.threshold: nan"),
        ({"slope": "steep"}, r"spotting\.slope: 'steep'"),
        ({"least": 3.0}, r"spotting\.least: 3\.0 is above spotting\.most, 2\.0"),
    ],
)
def test_impossible_settings(options, words):
    with pytest.raises(SettingError, match=words):
        SpottingOptions(**options)
