import math

import numpy as np
import pytest
from clearly import said
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import BiasList, Phrase
from nemo_ctcbias.errors import PhoneticsError, SettingError
from nemo_ctcbias.phones import Lexicon, Pronouncer, Spotting, SpottingOptions
from nemo_ctcbias.phones.common_words import CommonWords
from nemo_ctcbias.phones.phones import BLANK, PHONE_IDS
from nemo_ctcbias.phones.verification import Place, Verification, VerificationOptions, clarity

LEXICON = Lexicon({"sip": ["S IH P"], "ship": ["SH IH P"], "zoo": ["Z UW"], "see": ["S IY", "Z UW"]})
LISTED = BiasList(["sip", "ship", "zoo", "see", "№ 7"])


SIP_ZOO = said(["S", "IH", "P", "Z", "UW"])  # "sip" in frames 0 to 6, "zoo" in 6 to 10


class Verify(Verification):
    """Says which phrases are doubtful at one of their places."""

    def phrases(self, *given):
        return {place.phrase for place in self.doubtful(*given)}


def verification(clarity_weight=0.0, adapter_weight=1.0, common=None, **options):
    options = VerificationOptions(clarity_weight=clarity_weight, adapter_weight=adapter_weight, **options)
    return Verify(Spotting(SpottingOptions(list_cost=0.0), LEXICON), options, common)


def test_a_phrase_must_be_heard_where_it_was_written():
    verify = verification(threshold=5.0, slack=0)
    assert verify.phrases(SIP_ZOO, LISTED, [Place(0, 0, 6), Place(2, 6, 10)]) == set()
    assert verify.phrases(SIP_ZOO, LISTED, [Place(0, 4, 10), Place(2, 0, 6)]) == {0, 2}
    assert verify.phrases(SIP_ZOO, LISTED, [Place(1, 0, 6)]) == {1}, "'ship' lacks 6 of its 9"
    assert verify.phrases(SIP_ZOO, LISTED, []) == set()


def test_each_place_stands_for_itself():
    places = [Place(2, 0, 6), Place(2, 6, 10)]
    verify = verification(threshold=5.0, slack=0)
    assert verify.doubtful(SIP_ZOO, LISTED, places) == verify.doubtful(SIP_ZOO, LISTED, places[::-1]) == places[:1]


def test_words_are_vague_about_their_places():
    late = [Place(0, 2, 6)]
    assert verification(slack=0).phrases(SIP_ZOO, LISTED, late) == {0}
    assert verification(slack=2).phrases(SIP_ZOO, LISTED, late) == set()


def test_adapters_that_were_asked_have_a_say():
    """The evidence is 9; an adapter that thinks nothing of the phrase takes `adapter_usual` of it."""
    settings = {"threshold": 8.0, "adapter_usual": 2.0, "slack": 0}
    for gain, doubtful in ((None, set()), (2.0, set()), (1.1, set()), (0.9, {0}), (-50.0, {0})):
        assert verification(**settings).phrases(SIP_ZOO, LISTED, [Place(0, 0, 6, gain)]) == doubtful
    half = verification(**settings, adapter_weight=0.5)
    assert half.phrases(SIP_ZOO, LISTED, [Place(0, 0, 6, 0.9)]) == set()
    assert half.phrases(SIP_ZOO, LISTED, [Place(0, 0, 6, -0.1)]) == {0}
    enthusiastic = [Place(2, 0, 6, 100.0)]
    assert verification(**settings).phrases(SIP_ZOO, LISTED, enthusiastic) == set(), "and can make up for the phones"


def test_what_cannot_be_pronounced_stands():
    assert verification(threshold=1000.0).phrases(SIP_ZOO, LISTED, [Place(4, 0, 6, -9.0), Place(1, 0, 6)]) == {1}


def test_short_phrases_without_a_flaw_stand():
    """Two phones are worth 6; the threshold is what longer phrases reach."""
    verify = verification(threshold=7.0, slack=0)
    assert verify.phrases(SIP_ZOO, LISTED, [Place(2, 6, 10)]) == set()
    assert verify.phrases(said(["S", "UW"]), LISTED, [Place(2, 0, 4)]) == {2}
    assert verify.phrases(SIP_ZOO, LISTED, [Place(2, 6, 10, 2.9)]) == {2}, "the adapter doubts it"


def test_more_is_asked_where_less_is_heard_clearly():
    clear, vague = said(["S", "IH", "P"], doubt=6.0), said(["S", "IH", "P"], doubt=4.0)
    assert clarity(vague) < clarity(clear) < 0
    usual = clarity(clear)
    for recording, doubtful in ((clear, set()), (vague, {1})):  # "ship" lacks as much as one phone is doubted
        verify = verification(threshold=2.0, slack=0, clarity_usual=usual, clarity_weight=10.0)
        assert verify.phrases(recording, LISTED, [Place(1, 0, 6)]) == doubtful
        assert verify.phrases(recording, LISTED, [Place(0, 0, 6)]) == set(), "without a flaw it stands"


def test_clarity_is_of_the_frames_in_which_phones_are_heard():
    frames = np.log(np.full((4, BLANK + 1), 0.01))
    frames[[0, 1], PHONE_IDS["S"]], frames[[2, 3], BLANK] = np.log(0.5), np.log(0.61)
    assert clarity(frames) == pytest.approx(np.log(0.5))
    two = np.stack([frames, said(["S", "IH"])], axis=1)
    assert clarity(two) == pytest.approx(np.mean([np.log(0.5), clarity(said(["S", "IH"]))]))
    assert clarity(frames[2:]) == clarity(frames[:0]) == pytest.approx(np.log(1 / 40)), "nothing was heard"
    with pytest.raises(PhoneticsError, match="shape"):
        clarity(np.zeros((4, 7)))


def test_every_head_must_have_heard_it():
    other = said(["SH", "IH", "P", "Z", "UW"])
    both = np.stack([SIP_ZOO, other], axis=1)
    verify = verification(threshold=7.0, slack=0)
    assert verify.phrases(both, LISTED, [Place(0, 0, 6), Place(1, 0, 6), Place(2, 6, 10)]) == {0, 1}
    assert verify.phrases(np.stack([SIP_ZOO, SIP_ZOO], axis=1), LISTED, [Place(0, 0, 6)]) == set()


def test_of_several_pronunciations_the_best_counts():
    assert verification(threshold=5.0, slack=0).phrases(SIP_ZOO, LISTED, [Place(3, 6, 10)]) == set()


class Ordinary(CommonWords):
    """These words are ordinary, the most common one first."""

    def __init__(self, *words):
        super().__init__()
        self.words = words

    def most_common(self, count):
        return list(self.words[:count])


def test_an_ordinary_word_that_is_heard_better_was_said():
    """'ship' is worth 9 here and 'sip' 3, with a rival twice the 6 that it lacks less: -9."""
    recording = said(["SH", "IH", "P", "Z", "UW"])
    for common, threshold, doubtful in (
        (None, 2.9, set()),
        (Ordinary("ship"), -9.1, set()),
        (Ordinary("ship"), -8.9, {0}),
        (Ordinary("zoo"), 2.9, set()),  # elsewhere
        (Ordinary("see"), 2.9, set()),
    ):
        verify = verification(threshold=threshold, slack=0, common=common)
        assert verify.phrases(recording, LISTED, [Place(0, 0, 6)]) == doubtful
        assert verify.phrases(recording, LISTED, [Place(1, 0, 6)]) == set(), "no rival of its own"
    off = verification(threshold=2.9, slack=0, common=Ordinary("ship"), rivals=0)
    assert off.rivals is None and off.phrases(recording, LISTED, [Place(0, 0, 6)]) == set()
    spoken = BiasList([{"text": "sip", "spoken": ["ship"], "pronunciations": ["S IH P"]}])
    verify = verification(threshold=2.9, slack=0, common=Ordinary("ship"))
    assert verify.phrases(recording, spoken, [Place(0, 0, 6)]) == set(), "what the user says is no rival"


def naively(log_probs, phrase, count, spotting):
    """Evidence by trying every stretch of frames and every way to lay the phones into it."""
    (alternatives,) = Pronouncer([phrase], LEXICON).phrases
    short = log_probs - log_probs.max(axis=1, keepdims=True)
    best = -math.inf
    for phones, _ in alternatives:
        labels = [BLANK]
        for phone in phones:
            labels += [PHONE_IDS[phone], BLANK]
        for start in range(len(short)):
            score = np.full(len(labels), -math.inf)
            score[1] = short[start, labels[1]]
            for t in range(start, len(short)):
                if t > start:
                    last = score.copy()
                    for at, label in enumerate(labels):
                        into = [last[at], last[at - 1] if at > 1 else -math.inf]
                        if at > 2 and label not in (BLANK, labels[at - 2]):
                            into.append(last[at - 2])
                        score[at] = max(into) + short[t, label] if at else -math.inf
                chance = spotting.list_cost * math.log(count / spotting.usual_list)
                best = max(best, spotting.phone_credit * len(phones) - chance + score[-2])
    return best


@given(st.data())
def test_agrees_with_the_formula(data):
    seed, frames = data.draw(st.integers(0, 2**16)), data.draw(st.integers(1, 9))
    log_probs = np.log(np.random.default_rng(seed).dirichlet(np.full(BLANK + 1, 0.1), size=frames) + 1e-6)
    spotting = SpottingOptions(usual_list=data.draw(st.sampled_from([1.0, 3.0, 100.0])))
    options = VerificationOptions(
        threshold=data.draw(st.floats(-60, 10)),
        adapter_weight=data.draw(st.sampled_from([0.0, 0.5, 1.0])),
        adapter_usual=data.draw(st.sampled_from([-1.0, 0.0, 3.0])),
        slack=data.draw(st.integers(0, 3)),
        clarity_weight=data.draw(st.sampled_from([0.0, 3.0])),
        clarity_usual=data.draw(st.sampled_from([-1.0, -0.3])),
        rival_weight=data.draw(st.sampled_from([0.0, 1.0, 2.0])),
    )
    ordinary = data.draw(st.lists(st.sampled_from(["sip", "ship", "zoo", "see"]), unique=True))
    places = []
    for _ in range(data.draw(st.integers(0, 4))):
        start = data.draw(st.integers(0, frames - 1))
        end = data.draw(st.integers(start + 1, frames))
        gain = data.draw(st.none() | st.floats(-20, 20))
        places.append(Place(data.draw(st.integers(0, 3)), start, end, gain))
    chance = spotting.list_cost * math.log(len(LISTED) / spotting.usual_list)
    clear = [max(frame) for frame in log_probs.tolist() if max(frame) > frame[BLANK]]
    clear = sum(clear) / len(clear) if clear else math.log(1 / 40)
    asked = options.threshold + options.clarity_weight * (options.clarity_usual - clear)
    phones = {0: 3, 1: 3, 2: 2, 3: 2}
    margins = []
    for place in places:
        heard = log_probs[max(place.start - options.slack, 0) : place.end + options.slack]
        score = evidence = naively(heard, LISTED[place.phrase], len(LISTED), spotting)
        if place.adapter is not None:
            score += options.adapter_weight * (place.adapter - options.adapter_usual)
        rivals = [Phrase(word) for word in ordinary if word != LISTED[place.phrase].text]
        best = max([naively(heard, one, len(LISTED), spotting) for one in rivals], default=-math.inf)
        best += min(chance, 0.0)  # in long lists both lose the same, in short ones the phrase alone gains
        if evidence > -math.inf:
            score += options.rival_weight * min(evidence - best, 0.0)
        margins.append(score - min(asked, spotting.phone_credit * phones[place.phrase] - chance))
    if any(abs(margin) < 1e-9 for margin in margins):
        return  # rounding decides
    found = Verification(Spotting(spotting, LEXICON), options, Ordinary(*ordinary)).doubtful(log_probs, LISTED, places)
    assert found == [place for place, margin in zip(places, margins, strict=True) if margin < 0]


def test_phones_of_another_inventory():
    with pytest.raises(PhoneticsError, match="shape"):
        verification().doubtful(np.zeros((4, 7)), LISTED, [Place(0, 0, 4)])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"threshold": math.nan}, r"verification\.threshold: nan"),
        ({"adapter_weight": -1}, r"verification\.adapter_weight: -1 is out of range"),
        ({"rivals": 0.5}, r"verification\.rivals: 0\.5 is out of range; give a whole number"),
        ({"slack": 1.5}, r"verification\.slack: 1\.5 is out of range; give a whole number"),
    ],
)
def test_impossible_settings(options, words):
    with pytest.raises(SettingError, match=words):
        VerificationOptions(**options)
