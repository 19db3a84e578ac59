import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import Phrase
from nemo_ctcbias.phones import Lexicon, Pronouncer, correction
from nemo_ctcbias.phones.correction import PhoneticCorrection, PronunciationIndex, SpokenWord
from nemo_ctcbias.phones.edit_distance import edit_align
from nemo_ctcbias.phones.phones import PHONES

LEXICON = Lexicon({"the": ["DH AH"], "ship": ["SH IH P"], "row": ["R OW"], "sold": ["S OW L D"], "is": ["IH Z"]})
LISTED = [
    Phrase("Siprot", pronunciations=["S IH P R AA T"]),
    Phrase("Catherine", pronunciations=["K AE TH R IH N"]),
    Phrase("Kathryn", pronunciations=["K AE TH R IH N"]),
    Phrase("Cape Varennes", pronunciations=["K EY P V AA R EH N"]),
    Phrase("Mute", pronunciations=["M Y UW T AH S"], weight=-1),
]


@pytest.fixture(scope="module")
def pronouncer():
    return Pronouncer(LISTED, LEXICON)


def correcting(pronouncer, in_vocabulary=LEXICON.__contains__, **settings):
    return PhoneticCorrection(pronouncer, PronunciationIndex(pronouncer), in_vocabulary, **settings)


def written(words, replacements):
    """The words of the transcript with the phrases in place."""
    found, at = [], 0
    for one in replacements:
        found += [*words[at : one.first], *one.form.split()]
        at = one.last
    return [*found, *words[at:]]


@pytest.fixture
def find(pronouncer, sung, monkeypatch):
    def find(frames, words, distance=0.0, **settings):
        """`words`: text/confidence for each word, frames of words parted by "|"; capitals are constants."""
        monkeypatch.setattr(correction, "DISTANCE", distance)
        spoken, at, parts = [], 0, [part.split() for part in frames.split("|")]
        for part, word in zip(parts, words.split(), strict=True):
            text, _, confidence = word.partition("/")
            spoken.append(SpokenWord(text, at, at + len(part), float(confidence or 0.9)))
            at += len(part)
        with monkeypatch.context() as changed:
            for name in [name for name in settings if name.isupper()]:
                changed.setattr(correction, name, settings.pop(name))
            return correcting(pronouncer, **settings).find(sung(" ".join(frames.replace("|", "").split())), spoken)

    return find


def test_unknown_words_give_way_to_what_was_said(find):
    (found,) = find("DH AH | S IH P R AA T _ | IH Z", "the siprat is")
    assert (found.first, found.last, found.old, found.form, found.phrase) == (1, 2, ("siprat",), "Siprot", 0)
    assert (found.start, found.end, found.distance) == (2, 9, 0.0)
    assert found.heard == ("S", "IH", "P", "R", "AA", "T")
    assert found.gain == found.score - found.old_score > 0
    assert written("the siprat is".split(), [found]) == ["the", "Siprot", "is"]


def test_several_words_give_way_to_one_and_one_to_several(find):
    frames = "DH AH | S IH P | R AA T | IH Z"
    (found,) = find(frames, "the ship/0.3 row/0.2 is")
    assert (found.first, found.last, found.form) == (1, 3, "Siprot")
    (found,) = find("DH AH | K EY P V AA R EH N", "the capeverin")
    assert written(["the", "capeverin"], [found]) == ["the", "Cape", "Varennes"]


def test_confident_ordinary_words_stay(find):
    frames = "DH AH | S IH P | R AA T | IH Z"
    assert find(frames, "the ship row is") == []
    assert find(frames, "the ship/0.3 row is") == []
    assert find(frames, "the ship/0.3 row/0.2 is", CONFIDENCE=0) == []
    assert find(frames, "the sib/0.99 row is") == []


@given(st.lists(st.sampled_from(sorted(LEXICON)), min_size=1, max_size=5), st.integers(0, 99), st.floats(0.5, 1))
def test_never_a_confident_ordinary_word(pronouncer, noise, words, seed, confidence):
    spoken = [SpokenWord(word, 4 * k, 4 * k + 4, confidence) for k, word in enumerate(words)]
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(correction, "DISTANCE", 1)
        changed.setattr(correction, "MIN_PHONES", 1)
        assert correcting(pronouncer, gain=-1e9).find(noise(4 * len(words), seed), spoken) == []


def test_a_sound_that_is_not_listed_changes_nothing(find):
    assert find("DH AH | S IH P R AE T | IH Z", "the siprat is") == []
    assert find("M Y UW T AH S", "mutes") == []  # suppressed phrases are not looked for


def test_within_a_distance(find):
    (found,) = find("DH AH | S IH P R AE T | IH Z", "the xq is", distance=0.1)
    assert found.form == "Siprot"
    assert found.distance == pytest.approx(edit_align(found.heard, ("S", "IH", "P", "R", "AA", "T")).cost) != 0


def test_words_that_sound_better_stay(find):
    """The phrase must not only be near: what it replaces must fit worse."""
    assert find("SH IH P | R AE T", "ship/0.1 rat", distance=0.3) == []


def test_of_two_that_sound_the_same_the_one_spelt_alike(find):
    assert find("K AE TH R IH N", "katrin")[0].form == "Kathryn"
    assert find("K AE TH R IH N", "caterine")[0].form == "Catherine"
    assert find("K AE TH R IH N", "kathryn/0.1") == []  # written already


def test_boundaries_may_be_a_phone_off(find):
    (found,) = find("DH AH S | IH P R AA T _ | IH Z", "the iprat is")
    assert (found.form, found.heard, found.start) == ("Siprot", ("S", "IH", "P", "R", "AA", "T"), 2)
    assert find("DH AH S | IH P R AA T _ | IH Z", "the iprat is", SLACK=0) == []


def test_short_pronunciations_are_left_alone(sung, monkeypatch):
    pronouncer = Pronouncer([Phrase("Ann", pronunciations=["AE N"])])
    assert correcting(pronouncer).find(sung("AE N"), [SpokenWord("en", 0, 2, 0.1)]) == []
    monkeypatch.setattr(correction, "MIN_PHONES", 2)
    assert [r.form for r in correcting(pronouncer).find(sung("AE N"), [SpokenWord("en", 0, 2, 0.1)])] == ["Ann"]


def test_words_that_cannot_be_pronounced_are_replaced_too(find):
    (found,) = find("S IH P R AA T", "c3po")
    assert found.old_score is None and found.form == "Siprot"


def test_phrases_of_long_lists_must_gain_more(find):
    (found,) = find("S IH P R AA T", "siprod")
    assert find("S IH P R AA T", "siprod", prior=found.gain + 0.01) == []
    assert find("S IH P R AA T", "siprod", prior=found.gain - 0.01) == [found]


def test_replacements_do_not_overlap(find):
    frames = "S IH P R AA T | S IH P R AA T | K AE TH R IH N"
    found = find(frames, "siprod siprod kathrin")
    assert [(r.first, r.last, r.form) for r in found] == [(0, 1, "Siprot"), (1, 2, "Siprot"), (2, 3, "Kathryn")]
    assert written("siprod siprod kathrin".split(), found) == ["Siprot", "Siprot", "Kathryn"]


PRONUNCIATIONS = st.lists(st.sampled_from(PHONES[:6]), min_size=1, max_size=5)


@given(st.lists(PRONUNCIATIONS, min_size=1, max_size=8), PRONUNCIATIONS, st.floats(0, 0.6))
def test_the_index_finds_every_entry_it_holds(pronunciations, query, distance):
    listed = [Phrase(f"p{k}", pronunciations=[" ".join(phones)]) for k, phones in enumerate(pronunciations)]
    index = PronunciationIndex(Pronouncer(listed))
    for k, phones in enumerate(pronunciations):
        assert (k, 0.0) in index.near(tuple(phones), [len(phones)], 0)[len(phones)]
        assert (k, 0.0) in index.near(tuple(phones), [len(phones)], distance)[len(phones)]
    near = dict(index.near(tuple(query), [len(query)], distance)[len(query)])
    for k, phones in enumerate(pronunciations):
        cost = edit_align(tuple(query), tuple(phones)).cost
        if abs(cost - distance * len(phones)) > 1e-6:
            assert (k in near) == (cost < distance * len(phones))


def test_nothing_to_look_up(sung):
    lookup = correcting(Pronouncer(), lambda word: False)
    assert lookup.find(sung("S IH P"), [SpokenWord("sip", 0, 3, 0.1)]) == []
    assert lookup.find(sung("S IH P"), []) == []
