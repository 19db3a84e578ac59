"""What stands in a transcript: the candidates with their evidence, which of them go, and which come."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias import BiasList
from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.compiled_list import CompiledList, Sources
from nemo_ctcbias.decision import LEAST, OTHERS, Candidate, Candidates, confidences, corrected, doubtful
from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones import Lexicon
from nemo_ctcbias.phones.common_words import CommonWords
from nemo_ctcbias.phones.confidence import FLOOR, MOST_GAP, NAMES, Confidence, Evidence, Formula
from nemo_ctcbias.phones.hearing import HEAD, SPELLING, Hearing
from nemo_ctcbias.phones.phones import BLANK, PHONE_IDS
from nemo_ctcbias.phones.pronouncer import Pronouncer
from nemo_ctcbias.recognizer import Recognizer, Utterance
from nemo_ctcbias.settings import Settings

LABELS = [" ", *"abcdefghijklmnopqrstuvwxyz", ""]
VOCABULARY = Vocabulary(LABELS[:-1])
LEXICON = Lexicon({"the": ["DH AH"], "cat": ["K AE T"], "zoo": ["Z UW"], "siprot": ["S IH P R AA T"]})
EVEN = Confidence(*2 * [Formula(0.0, dict.fromkeys(NAMES, 0.0))], ((0.0, 0.5),))


def spelled(text, sure=0.9, labels=LABELS):
    """Log-probs [len(text), V + 1] of a letter a frame."""
    probs = np.full((len(text), len(labels)), (1 - sure) / len(labels))
    probs[range(len(text)), [labels.index(letter) for letter in text]] += sure
    return np.log(probs)


def heard(phones, first, last, frames):
    """One witness, sure of these phones evenly in encoder frames [first, last)."""
    probs = np.full((frames, BLANK + 1), 1e-4)
    probs[:, BLANK] = 1.0
    symbols = phones.split()
    for place, phone in enumerate(symbols):
        frame = first + int((last - first) * (place + 0.5) / len(symbols))
        probs[frame] = 1e-4
        probs[frame, PHONE_IDS[phone]] = 1.0
    return {HEAD: Hearing.by_head(np.log(probs / probs.sum(axis=1, keepdims=True)), frames)}


def searched(log_probs, phrases, vocabulary=VOCABULARY):
    compiled = CompiledList(BiasList(phrases), Sources(vocabulary, lexicon=LEXICON))
    settings = Settings.of({"phonetics": {"parts": []}})
    return compiled, Recognizer(settings, vocabulary).recognize([Utterance(log_probs)], [compiled])[0][0]


def found(text, phrases, witness, prior=0.0, acting=None, common=None):
    compiled, beam = searched(spelled(text), phrases)
    acting = np.ones(len(compiled)) if acting is None else np.array(acting)
    candidates = Candidates(compiled, witness, prior, EVEN, CommonWords() if common is None else common)
    return compiled, beam, candidates.of(beam, acting)


def test_a_written_phrase_has_the_evidence_of_its_place():
    _, _, (cat,) = found("the cat", ["cat"], heard("K AE T", 4, 7, 7), prior=2.0)
    assert (cat.phrase, cat.first, cat.last, cat.start, cat.end, cat.old) == (0, 1, 2, 4, 7, "cat")
    evidence = cat.evidence
    assert cat.written and evidence.score == cat.score == pytest.approx(9, abs=0.1)
    assert (evidence.prior, evidence.phones, evidence.against) == (2, 3, 0)
    assert evidence.likeness == evidence.listed == evidence.ordinary == 1
    assert evidence.letters == pytest.approx(math.log(0.9), abs=0.01) and cat.probability == 0.5


def test_a_phrase_needs_so_much_boost_as_its_letters_are_less_likely_than_what_the_model_writes():
    surely, hardly = math.log(0.9 + 0.1 / len(LABELS)), math.log(0.1 / len(LABELS))
    _, _, (cat,) = found("the cat", ["cat"], heard("K AE T", 4, 7, 7))
    assert cat.evidence.gap == 0
    _, _, (cot,) = found("the cat", ["cot"], heard("K AE T", 4, 7, 7), prior=-40.0)
    assert cot.evidence.gap == pytest.approx((surely - hardly) / 4), "of the space and three letters one"
    _, _, (siprot,) = found("zzz zzzzzzzz zzz", ["siprot"], heard("S IH P R AA T", 4, 12, 16))
    assert siprot.evidence.gap == pytest.approx((surely - hardly) * 6 / 7) and siprot.evidence.gap < MOST_GAP


def test_a_phrase_that_sounds_like_nothing_there_has_the_lowest_score():
    _, _, (cat,) = found("the cat", ["cat"], heard("Z UW", 0, 2, 7))
    assert cat.written and cat.evidence.score == cat.score == FLOOR


def test_a_phrase_that_was_heard_would_take_the_place_of_the_words_there():
    common = CommonWords(lexicon={"ship": (), "the": ()})
    for old, ordinary in (("ship row", 0.0), ("ship the", 1.0)):
        _, beam, (siprot,) = found(f"the {old} cat", ["siprot"], heard("S IH P R AA T", 4, 12, 16), common=common)
        assert not siprot.written and (siprot.first, siprot.last, siprot.old) == (1, 3, old)
        assert siprot.evidence.score == pytest.approx(18, abs=0.1)
        assert siprot.evidence.letters == math.log(min(beam.confidences[1:3]))
        assert (siprot.evidence.ordinary, siprot.evidence.listed) == (ordinary, 0)
        assert 0 < siprot.evidence.likeness < 1
    _, _, both = found("the cat", ["cat", "siprot"], heard("S IH P R AA T", 4, 7, 7), prior=12.0)
    assert [one.evidence.listed for one in both if not one.written] in ([], [1.0])


def test_ordinary_words_of_which_the_model_is_sure_are_told():
    common, witness = CommonWords(lexicon={"ship": (), "the": ()}), heard("S IH P R AA T", 4, 12, 16)
    for old, doubt in (("ship the", math.log(0.1)), ("ship row", 0.0)):
        _, _, (siprot,) = found(f"the {old} cat", ["siprot"], witness, common=common)
        assert siprot.evidence.own == pytest.approx(doubt, abs=0.05)
    _, _, (cat,) = found("the cat", ["cat"], heard("K AE T", 4, 7, 7))
    assert cat.evidence.ordinary == 1 and cat.evidence.own == 0, "it is the phrase itself that the model is sure of"


def test_what_is_not_heard_not_listened_for_or_stands_nowhere_is_no_candidate():
    witness = heard("S IH P R AA T", 4, 12, 16)
    assert found("the ship row cat", ["siprot"], witness, acting=[0.0])[2] == []
    assert found("the ship row cat", ["siprot"], witness, prior=18 - LEAST + 1)[2] == []
    assert found("the ship row cat", ["zoo"], witness)[2] == []
    assert found("the             ", ["siprot"], witness)[2] == [], "no word is there to take the place of"
    nobody = {"text": "№ 7 x", "spoken": ["seven"]}
    assert all(one.phrase == 0 for one in found("the ship row cat", ["siprot", nobody], witness)[2])


def test_of_two_witnesses_each_tells_and_the_place_is_where_one_heard_it_best():
    """What the head heard in a place the spelling is asked about there, and the other way round."""
    (clear,) = heard("S IH P R AA T", 4, 12, 16).values()
    (vague,) = heard("S IH P", 4, 8, 16).values()
    for witnesses in ({HEAD: clear, SPELLING: vague}, {HEAD: vague, SPELLING: clear}):
        _, _, (siprot,) = found("the ship row cat", ["siprot"], witnesses)
        assert siprot.score == pytest.approx(18, abs=0.1) and (siprot.first, siprot.last) == (1, 3)
        assert (siprot.evidence.score == siprot.score) == (witnesses[HEAD] is clear), "the head has the say"
        assert FLOOR <= siprot.evidence.score and (siprot.evidence.against > 0) == (witnesses[SPELLING] is clear)


def test_a_phrase_is_heard_against_the_words_in_its_place(monkeypatch):
    for said, sign in (("Z UW", 1), ("K AE T", -1)):
        _, _, (zoo,) = found("cat", ["zoo"], heard(said, 0, 3, 3), prior=-40.0)
        assert zoo.old == "cat" and math.copysign(1, zoo.evidence.against) == sign
    alike = {"text": "ryx", "pronunciations": ["K AE T"]}
    _, _, (ryx,) = found("cat", [alike], heard("K AE T", 0, 3, 3))
    assert ryx.old == "cat" and ryx.score > 8 and ryx.evidence.against == 0, "they sound the same"

    def refuse(self, text):
        raise PhoneticsError("nobody knows how it sounds; leave it")

    monkeypatch.setattr(Pronouncer, "text", refuse)
    assert found("cat", ["zoo"], heard("Z UW", 0, 3, 3))[2][0].evidence.against == 0


def candidate(phrase, first, last, probability, written=False, likeness=0.5):
    evidence = Evidence(5.0, 0.0, 0.0, 4.0, 1.0, likeness, 0.0, 0.0, -1.0, 0.0)
    return Candidate(phrase, first, last, first, last, "x", written, 5.0, evidence, probability)


def test_a_phrase_goes_where_it_is_sure_nowhere():
    several = [candidate(0, 0, 1, 0.2, True), candidate(0, 3, 4, 0.9, True), candidate(1, 1, 2, 0.4, True)]
    assert doubtful([*several, candidate(2, 5, 6, 0.1)], 0.5) == {1}
    assert doubtful([candidate(0, 0, 1, 0.1, True, likeness=1.0)], 0.5) == set(), "the model writes it itself"


CANDIDATE = st.builds(
    candidate,
    st.integers(0, 3),
    st.integers(0, 4),
    st.just(5),
    st.floats(0, 1),
    st.booleans(),
).map(lambda one: candidate(one.phrase, one.first, one.first + 1 + one.phrase % 2, one.probability, one.written))


@given(st.lists(CANDIDATE, max_size=6), st.floats(0.1, 0.9))
def test_what_comes_is_sure_and_takes_no_word_twice(candidates, threshold):
    compiled, beam = searched(spelled("aa bb cc dd ee ff gg"), ["k", "l", "m", "n"])
    best = corrected(beam, candidates, threshold, compiled)
    came = [hit for hit in best.hits if hit.technique == "lookup"]
    taken = [(one.first, one.last) for one in candidates if one.written]
    taken += [(hit.first_word, hit.last_word) for hit in came]
    sure = [one for one in candidates if not one.written and one.probability >= threshold]
    assert {(hit.phrase, hit.first_word, hit.confidence) for hit in came} <= {
        ("klmn"[one.phrase], one.first, one.probability) for one in sure
    }
    for hit in came:
        others = [span for span in taken if span != (hit.first_word, hit.last_word)]
        assert all(last <= hit.first_word or hit.last_word <= first for first, last in others)
    left_out = [one for one in sure if all(hit.confidence < one.probability for hit in came)]
    written = [(one.first, one.last) for one in candidates if one.written]
    for one in left_out:  # surer than all that came: a written phrase stands there
        assert any(one.first < last and first < one.last for first, last in written)
    assert (best is beam) == (not came)


def test_a_phrase_that_comes_keeps_the_possessive_of_what_stood_there():
    labels = ["'", *LABELS]
    log_probs = spelled("deric's joan's merik's", labels=labels)
    compiled, beam = searched(log_probs, ["derycq", "jones", "meric's"], Vocabulary(labels[:-1]))
    best = corrected(beam, [candidate(place, place, place + 1, 0.9) for place in range(3)], 0.5, compiled)
    assert best.text == "derycq's jones meric's"
    assert [(hit.phrase, hit.first_word, hit.last_word) for hit in best.hits] == [
        ("derycq", 0, 1),
        ("jones", 1, 2),
        ("meric's", 2, 3),
    ]


def test_phrases_that_sound_alike_are_told_of_in_the_hit():
    compiled, beam = searched(spelled("ee"), ["maier", "meier", "meyer", "mayer", "mayr", "zoo"])
    alike = [candidate(k, 0, 1, (8 - k) / 16) for k in (2, 1, 3, 4)]
    beside = [candidate(5, 1, 2, 0.9), candidate(0, 0, 1, 0.3)]
    sure = confidences([candidate(0, 0, 1, 0.8, True), *alike, *beside], compiled)
    assert sure == {(0, 0): (0.8, (("meier", 7 / 16), ("meyer", 6 / 16), ("mayer", 5 / 16)))} and OTHERS == 3
    assert confidences(alike, compiled) == {}
    best = corrected(beam, [candidate(0, 0, 1, 0.8), *alike], 0.5, compiled)
    (hit,) = best.hits
    assert hit.phrase == "maier" and [phrase for phrase, _ in hit.alternatives] == ["meier", "meyer", "mayer"]
    assert hit.as_dict()["alternatives"] == {"meier": 0.438, "meyer": 0.375, "mayer": 0.312}
