"""The whole method on log-probs: what is heard, searched for, re-ranked, given up and corrected, in this order.

Phone log-probs say something else than the tokens, so that each step shows.
"""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from nemo_ctcbias import BiasList, recognizer
from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.compiled_list import CompiledList, CompiledLists, Sources
from nemo_ctcbias.errors import ModelError, PhoneticsError
from nemo_ctcbias.phones import Lexicon
from nemo_ctcbias.phones.confidence import NAMES, Confidence, Formula
from nemo_ctcbias.phones.hearing import HEAD
from nemo_ctcbias.phones.phones import BLANK, PHONE_IDS
from nemo_ctcbias.recognizer import ADAPTER_ALONE, Recognizer, Utterance
from nemo_ctcbias.settings import Settings

LABELS = [" ", *"abcdefghijklmnopqrstuvwxyz", ""]
CASED = [*LABELS[:-1], *"CL", ""]
VOCABULARY = Vocabulary(LABELS[:-1])
LEXICON = Lexicon(
    {"ship": ["SH IH P"], "row": ["R OW"], "the": ["DH AH"], "cat": ["K AE T"], "kat": ["K AO T"], "in": ["IH N"]}
)
SIPROT = {"text": "Siprot", "display": "SIPROT", "pronunciations": ["S IH P R AA T"]}
SOURCES = Sources(VOCABULARY, lexicon=LEXICON)

# Whatever else speaks for a phrase or against it: even odds at a score of 4, and half a score's worth for being alike.
SOUND = Formula(-4.0, {**dict.fromkeys(NAMES, 0.0), "score": 1.0, "prior": -1.0, "likeness": 0.5})
BY_SOUND = Confidence(SOUND, SOUND, ((0.0, 0.5),))


@pytest.fixture(autouse=True)
def by_sound(monkeypatch):
    monkeypatch.setattr(recognizer, "shipped_confidence", lambda witnesses: BY_SOUND)


@pytest.fixture
def head_alone(monkeypatch):
    """The model's own spelling tells nothing."""
    monkeypatch.setattr(recognizer.Recognizer, "_spelled_phones", SimpleNamespace(mute=True))


def listed(*phrases):
    return CompiledList(BiasList(phrases), SOURCES)


def heard_with(parts, utterance, compiled, adapt=None, nbest=1, common=None, **section):
    """The hypotheses of one utterance where the phone head is used for these parts."""
    phonetics = {"parts": parts.split(), "rescoring_weight": 1.0, **section.pop("phonetics", {})}
    settings = Settings.of({**section, "phonetics": phonetics})
    return Recognizer(settings, VOCABULARY, common=common).recognize([utterance], [compiled], adapt, nbest)[0]


def spelled(text, sure=0.9, rivals="", labels=LABELS):
    """Log-probs [2 * letters, V + 1]: each letter a frame with that probability, then a blank; the rival the rest."""
    probs = np.full((2 * len(text), len(labels)), 1e-6)
    probs[1::2, -1] = 1.0
    for place, letter in enumerate(text):
        probs[2 * place, labels.index(letter)] = sure
        probs[2 * place, labels.index((rivals or text)[place])] += 1 - sure
    return np.log(probs / probs.sum(axis=1, keepdims=True))


def said(phones, frames):
    """Phone log-probs of twice the frames; `phones`: (phone, encoder frame) pairs."""
    probs = np.full((2 * frames, BLANK + 1), 1e-4)
    probs[:, BLANK] = 1.0
    for phone, frame in phones:
        probs[int(2 * frame)] = 1e-4
        probs[int(2 * frame), PHONE_IDS[phone]] = 1.0
    return np.log(probs / probs.sum(axis=1, keepdims=True))


def spread(phones, first, last):
    """The phones evenly over encoder frames [first, last)."""
    symbols = phones.split()
    return [(phone, first + (last - first) * (at + 0.5) / len(symbols)) for at, phone in enumerate(symbols)]


def test_the_better_sounding_hypothesis_comes_first():
    phones = said([*spread("DH AH", 0, 6), *spread("K AE T", 8, 14)], 14)
    one = Utterance(spelled("the kat", 0.6, "the cat"), phones)
    (best,) = heard_with("", one, listed("anyone"))
    assert best.text == "the kat"
    found = heard_with("rescoring", one, listed("anyone"), nbest=5)
    assert found[0].text == "the cat" and found[0].phone_score > 0
    assert (
        found[0][4]
        == found[0].score
        == pytest.approx(found[0].acoustic + found[0].lm + found[0].boost + found[0].phone_score)
    )
    assert found[0].path.tolist() == found[0][2].path.tolist()
    assert {"the cat", "the kat"} <= {beam.text for beam in found}


def test_an_empty_list_or_no_phones_change_nothing():
    log_probs = spelled("the kat", 0.6, "the cat")
    phones = said(spread("K AE T", 8, 14), 14)
    everything = "detection rescoring verification correction"
    for one, compiled in ((Utterance(log_probs, phones), listed()), (Utterance(log_probs), listed("anyone"))):
        assert heard_with(everything, one, compiled)[0].text == "the kat"


def test_only_what_is_heard_is_searched_for(head_alone):
    """The boosting alone would write 'cat'; the phones say 'kab'."""
    log_probs, compiled = spelled("the kat", 0.6, "the cat"), listed("cat", "the")
    assert heard_with("", Utterance(log_probs), compiled)[0].text == "the cat"
    for phones, text in (("K AE T", "the cat"), ("Z UW", "the kat")):
        one = Utterance(log_probs, said([*spread("DH AH", 0, 6), *spread(phones, 8, 14)], 14))
        (best,) = heard_with("detection", one, compiled)
        assert best.text == text
        assert heard_with("", one, compiled)[0].text == "the cat"


def test_what_either_the_head_or_the_spelling_hears_is_searched_for():
    """The head hears nothing of 'cat', which the spelling has, nor the spelling of 'siprot', which the head hears."""
    one = Utterance(spelled("the kat in", 0.6, "the cat in"), said(spread("S IH P R AA T", 14, 20), 20))
    compiled = listed("cat", SIPROT, "zoo")
    asked = Recognizer(Settings.of({}), VOCABULARY)
    heard = asked.witnesses(one, compiled)
    assert list(heard) == ["head", "spelling"]
    assert [(asked.detected({name: heard[name]}, compiled) > 0).tolist() for name in heard] == [
        [False, True, False],
        [True, False, False],
    ]
    assert (asked.detected(heard, compiled) > 0).tolist() == [True, True, False]
    assert heard_with("detection", one, compiled)[0].text == "the cat in"


def test_what_of_a_list_cannot_be_used_does_not_make_it_longer():
    """Neither phrases without tokens, nor the same in another case, nor suppressed ones, ask more of the others."""
    used = [SIPROT, "cat", "ship row"]
    more = [*(chr(0x4E00 + number) * 2 for number in range(2000)), "CAT", "Ship Row", {"text": "the", "weight": -1}]
    assert listed(*used).length == listed(*used, *more).length == 3 and len(listed(*used, *more)) == 2006
    log_probs = spelled("the kat", 0.6, "the cat")
    phones = said([*spread("DH AH", 0, 6), *spread("K AE T", 8, 14)], 14)
    for parts in ("", "detection", "detection rescoring verification correction"):
        (short,), (long,) = (
            heard_with(parts, Utterance(log_probs, phones), compiled)
            for compiled in (listed(*used), listed(*used, *more[:-1]))
        )
        assert (short.text, short.boost, short.score) == (long.text, long.boost, long.score)


def test_without_a_phone_head_the_spelling_is_heard():
    """The boosting alone would write 'cat' in both; where it does not sound as the model spells, it is not believed."""
    recognizer, one = Recognizer(Settings.of({}), VOCABULARY), Utterance(spelled("the kat", 0.6, "the cat"))
    for phones, text in (("K AE T", "the cat"), ("Z UW Z UW", "the kat")):
        compiled = listed({"text": "cat", "pronunciations": [phones]}, "saoirse")
        assert heard_with("rescoring", one, compiled)[0].text == "the cat", "for this a head is needed"
        for parts in ("detection", "verification", "detection rescoring verification correction"):
            assert heard_with(parts, one, compiled)[0].text == text
        factors = recognizer.detected(recognizer.witnesses(one, compiled), compiled)
        assert (factors > 0).tolist() == [text == "the cat", False]


@pytest.mark.parametrize("text", ["IbuVast 200", "B12"])
def test_numbers_are_heard_where_they_are_said_as_words(text):
    pytest.importorskip("num2words")
    recognizer, compiled = Recognizer(Settings.of({}), VOCABULARY), listed(text)
    said_so = {"IbuVast 200": "take ibuvast two hundred now", "B12": "take be twelve now"}[text]
    for spoken, heard in ((said_so, True), ("the ship was in the row", False)):
        witnesses = recognizer.witnesses(Utterance(spelled(spoken)), compiled)
        assert (recognizer.detected(witnesses, compiled) > 0).tolist() == [heard]


def test_spelling_that_nobody_can_pronounce_tells_nothing():
    vocabulary = Vocabulary([" ", *"абвгд"])
    compiled = CompiledList(BiasList([{"text": "гад", "pronunciations": ["G AA D"]}]), Sources(vocabulary))
    recognizer = Recognizer(Settings.of({}), vocabulary)
    one = Utterance(np.log(np.full((6, 7), 1 / 7)))
    assert recognizer.witnesses(one, compiled) == {} and recognizer.detected({}, compiled) is None
    phones = Utterance(one.log_probs, said(spread("G AA D", 0, 6), 6))
    assert list(recognizer.witnesses(phones, compiled)) == [HEAD], "a phone head can tell"


def test_phrases_that_can_never_be_heard_are_told_once(caplog):
    from nemo_ctcbias.bias_list.report import _warn_once

    _warn_once.cache_clear()
    compiled = listed({"text": "zoo", "pronunciations": ["Z UW"]})
    one = Utterance(spelled("the kat"), said(spread("K AE T", 8, 14), 14))
    with caplog.at_level("WARNING", "nemo_ctcbias"):
        for _ in range(2):
            heard_with("detection", one, compiled, phonetics={"detection_threshold": 30.0})
    assert caplog.text.count("'zoo' is never heard") == 1


def test_the_class_of_the_language_model_has_only_what_is_heard(tmp_path, head_alone):
    from nemo_ctcbias.lm.kenlm_file import load_language_model

    arpa = tmp_path / "tiny.arpa"
    arpa.write_text(
        "\\data\\\nngram 1=5\nngram 2=1\n\n\\1-grams:\n-9\t<unk>\t0\n0\t<s>\t0\n-1\t</s>\n-0.1\t<boost>\t0\n"
        "-1\tthe\t0\n\n\\2-grams:\n-0.3\t<s> the\n\n\\end\\\n"
    )
    log_probs, compiled = spelled("the kat", 0.6, "the cat"), listed("cat")
    settings = Settings.of({"boost": {"gap_scale": 0.0, "token_bonus": 0.0}, "phonetics": {"parts": ["detection"]}})
    model = load_language_model(arpa, settings.language_model_options)
    one = Recognizer(settings, VOCABULARY, model)
    for phones, text in (("K AE T", "the cat"), ("Z UW", "the kat")):
        utterance = Utterance(log_probs, said([*spread("DH AH", 0, 6), *spread(phones, 8, 14)], 14))
        assert one.recognize([utterance], [compiled])[0][0].text == text


def test_the_prior_of_a_long_list_is_asked_once(monkeypatch):
    """By detection, of the user's list; the search asks for it where there is none."""
    many = listed("cat", *(f"zz{a}{b}{c}" for a in "abcdefgh" for b in "abcdefgh" for c in "abcdefgh"))
    log_probs = spelled("the kat", 0.6, "the cat")
    phones = said([*spread("DH AH", 0, 6), *spread("K AE T", 8, 14)], 14)
    asked = []
    search = recognizer.BiasedSearch.beams
    monkeypatch.setattr(
        recognizer.BiasedSearch, "beams", lambda self, *a, **k: asked.append(k["prior"]) or search(self, *a, **k)
    )
    heard_with("", Utterance(log_probs), many, list_cost=2.0)
    heard_with("detection", Utterance(log_probs, phones), many, list_cost=2.0)
    heard_with("verification", Utterance(log_probs, phones), many, list_cost=2.0)
    cost = 2 * math.log(513 / 100)
    assert asked == pytest.approx([cost, 0.0, cost])


def test_adapters_hear_the_same_and_act_more_boldly_alone():
    log_probs, changed = spelled("the kat", 0.9, "the cat"), spelled("the cat")
    phones = said([*spread("DH AH", 0, 6), *spread("K AE T", 8, 14)], 14)
    asked = []

    def adapt(lists, heard, strength):
        asked.append((heard[0] is None or heard[0].tolist(), strength))
        return [changed]

    compiled = listed("cat", "zoo zoo")
    (best,) = heard_with("", Utterance(log_probs), compiled, adapt, boost={"enabled": False}, weight=5.0)
    assert best.text == "the cat" and best.hits[0].technique == "adapter" and best.hits[0].base_text == "kat"
    heard_with("detection", Utterance(log_probs, phones), compiled, adapt, boost={"enabled": False}, weight=5.0)
    heard_with("detection", Utterance(log_probs, phones), compiled, adapt)
    (_, alone), (heard, bolder), (also, usual) = asked
    assert (alone, bolder, usual) == (0.5, 0.5 * ADAPTER_ALONE, 1.0) and heard == also and heard[0] > 0 == heard[1]


def test_adapters_give_capitals_to_listed_words_only():
    vocabulary, compiled = Vocabulary(CASED[:-1]), CompiledList(BiasList(["Cat"]), Sources(Vocabulary(CASED[:-1])))
    utterance, adapted = Utterance(spelled("lap ef kat", labels=CASED)), spelled("Lap oC Cat", labels=CASED)
    for enabled in (True, False):
        settings = Settings.of({"boost": {"enabled": enabled}, "phonetics": {"parts": []}})
        (best,) = Recognizer(settings, vocabulary).recognize([utterance], [compiled], lambda *_: [adapted])[0]
        assert best.text == "lap oC Cat"  # of another word nothing is known
        assert best.written_words == [(0, 1, "lap"), (2, 3, "Cat")] and best.hits[0].first_word == 2


def test_several_words_give_way_to_a_phrase():
    phones = said([*spread("DH AH", 0, 6), *spread("S IH P R AA T", 8, 23), *spread("IH N", 25, 29)], 30)
    (best,) = heard_with("correction", Utterance(spelled("the ship row in"), phones), listed(SIPROT))
    assert best.text == best[0] == "the SIPROT in"
    (hit,) = best.hits
    assert (hit.phrase, hit.technique, hit.base_text) == ("SIPROT", "lookup", "ship row")
    assert (hit.first_word, hit.last_word) == (1, 3) and hit.score > 0
    frames = [frames for _, frames in best[2]]
    assert (hit.start, hit.end) == (frames[1][0], frames[2][1])


def test_hits_of_the_search_stay_beside_those_of_the_correction():
    phones = said([*spread("K AE T", 0, 6), *spread("S IH P R AA T", 8, 23)], 24)
    compiled, one = listed({"text": "cat", "display": "Cat"}, SIPROT), Utterance(spelled("cat ship row"), phones)
    assert heard_with("", one, compiled)[0].text == "Cat ship row"
    (best,) = heard_with("correction", one, compiled)
    assert best.text == "Cat SIPROT" and [hit.phrase for hit in best.hits] == ["Cat", "SIPROT"]


def test_no_words_are_taken_from_a_hit_of_the_search():
    compiled = listed({"text": "ship", "display": "Ship"}, SIPROT)
    one = Utterance(spelled("ship row"), said(spread("S IH P R AA T", 0, 15), 16))
    (best,) = heard_with("correction", one, compiled)
    assert best.text == "Ship row" and [hit.phrase for hit in best.hits] == ["Ship"]


def test_the_surer_of_two_phrases_takes_the_place():
    one = Utterance(spelled("ship row"), said(spread("S IH P R AA T", 0, 15), 16))
    almost = {"text": "sibrod", "pronunciations": ["S IH P R AA D"]}
    for compiled in (listed(SIPROT, almost), listed(almost, SIPROT)):
        (best,) = heard_with("correction", one, compiled)
        assert best.text == "SIPROT" and 0.9 < best.hits[0].confidence < 1


def test_a_wanted_precision_asks_for_more():
    phones = said([*spread("DH AH", 0, 6), *spread("K AE T", 8, 14)], 14)
    strict = Confidence(SOUND, SOUND, ((0.0, 0.5), (0.9, 0.5), (1.0, 1.0)))
    for precision, text in ((0.8, "the cat"), (0.999999, "the kat")):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(recognizer, "shipped_confidence", lambda witnesses: strict)
            one = Utterance(spelled("the kat", 0.6, "the cat"), phones)
            assert heard_with("verification", one, listed("cat"), precision=precision)[0].text == text


def test_what_was_not_said_is_given_up_one_after_the_other():
    """Two listed words fit the spelling; what was said is neither, and the model's own word is left."""
    log_probs = spelled("the kab", 0.5, "the kat")
    log_probs[12] = np.log(np.full(len(LABELS), 1e-6))
    for letter, prob in (("b", 0.5), ("t", 0.3), ("p", 0.19)):
        log_probs[12, LABELS.index(letter)] = math.log(prob)
    phrases = [{"text": word, "pronunciations": ["Z UW Z UW"]} for word in ("kat", "kap")]
    compiled = listed(*phrases, "unheard", "the")
    one = Utterance(log_probs, said([*spread("DH AH", 0, 6), *spread("K AE B", 8, 14)], 14))
    assert heard_with("", one, compiled)[0].text == "the kat"
    assert heard_with("verification", one, compiled)[0].text == "the kab"


@pytest.mark.parametrize(
    ("parts", "least", "asked"),
    [("verification", None, False), ("verification", 0.0, True), ("verification correction", None, True)],
)
def test_what_else_was_heard_is_asked_for_where_it_matters(parts, least, asked, monkeypatch):
    """Where it may come into the text, and where all is to be told, as calibration needs it."""
    looked = []
    monkeypatch.setattr(recognizer.Candidates, "_missing", lambda *given: looked.append(given) or iter(()))
    one = Utterance(spelled("the kat", 0.6, "the cat"), said([*spread("DH AH", 0, 6), *spread("K AE T", 8, 14)], 14))
    heard_with(parts, one, listed("cat", "ship"), least_confidence=least)
    assert bool(looked) == asked


def test_witnesses_are_those_whose_table_of_confidences_is_taken(monkeypatch):
    names = []
    monkeypatch.setattr(recognizer, "shipped_confidence", lambda witnesses: names.append(witnesses) or BY_SOUND)
    log_probs, phones = spelled("the kat", 0.6, "the cat"), said(spread("K AE T", 8, 14), 14)
    for one in (Utterance(log_probs, phones), Utterance(log_probs)):
        heard_with("verification", one, listed("cat"))
    by = Recognizer(Settings(), VOCABULARY).heard_by
    assert names == [by(True), by(False)] == ["head+spelling", "spelling"]


def test_what_was_given_up_is_not_corrected_to():
    """The phones of the whole recording are those of the phrase; where it was written they are not."""
    compiled = listed({"text": "rot", "pronunciations": ["S IH P R AA T"]})
    one = Utterance(spelled("ship row", 0.6, "ship rot"), said(spread("S IH P R AA T", 0, 9), 16))
    assert heard_with("", one, compiled)[0].text == "ship rot"
    (best,) = heard_with("verification correction", one, compiled)
    assert best.text == "ship row" and not best.hits


def test_what_the_language_model_writes_without_the_list_stands(tmp_path):
    """It cannot be given up: nothing listens for it any more, and it is written all the same."""
    from nemo_ctcbias.lm.kenlm_file import load_language_model

    arpa = tmp_path / "tiny.arpa"
    arpa.write_text(
        "\\data\\\nngram 1=5\nngram 2=1\n\n\\1-grams:\n-9\t<unk>\t0\n0\t<s>\t0\n-1\t</s>\n-0.1\tkat\t0\n"
        "-1\tthe\t0\n\n\\2-grams:\n-0.3\t<s> the\n\n\\end\\\n"
    )
    compiled = listed({"text": "kat", "pronunciations": ["Z UW Z UW"]})
    one = Utterance(spelled("the kab", 0.6, "the kat"), said([*spread("DH AH", 0, 6), *spread("K AE B", 8, 14)], 14))
    settings = Settings.of({"phonetics": {"parts": ["verification"]}})
    model = load_language_model(arpa, settings.language_model_options)
    (best,) = Recognizer(settings, VOCABULARY, model).recognize([one], [compiled])[0]
    assert best.text == "the kat" and best.hits[0].base_text == "kab" and best.hits[0].confidence < 0.1


def test_what_was_said_and_what_the_model_writes_anyway_stands():
    log_probs = spelled("the kab", 0.5, "the kat")
    compiled = listed({"text": "kat", "pronunciations": ["K AE T"]}, {"text": "the", "pronunciations": ["Z UW"]})
    one = Utterance(log_probs, said([*spread("DH AH", 0, 6), *spread("K AE T", 8, 14)], 14))
    assert heard_with("verification", one, compiled)[0].text == "the kat"


def test_a_phrase_that_was_said_somewhere_stands():
    log_probs = np.concatenate([spelled("the kab ", 0.6, "the kat "), spelled("the kab", 0.6, "the kat")])
    compiled = listed({"text": "kat", "pronunciations": ["K AE T"]})
    phones = [*spread("DH AH", 0, 6), *spread("K AE T", 8, 14), *spread("DH AH", 16, 22), *spread("Z UW", 24, 30)]
    assert heard_with("verification", Utterance(log_probs, said(phones, 30)), compiled)[0].text == "the kat the kat"
    assert heard_with("verification", Utterance(log_probs, said(phones[5:], 30)), compiled)[0].text == "the kab the kab"


def test_a_hit_says_what_was_kept_of_the_boost():
    """In a long list a part of the credit is given back, and what is told of it is not what was lent."""
    log_probs = spelled("the kat", 0.6, "the cat")
    for count in (1, 400):
        compiled = listed("cat", *(f"zz{a}{b}{c}" for a in "abcdefgh" for b in "abcdefgh" for c in "abcdefgh"[:count]))
        (best,) = heard_with("", Utterance(log_probs), compiled)
        (hit,) = best.hits
        assert hit.phrase == "cat" and hit.parts["hotword"] == pytest.approx(best.boost) and best.boost > 0


def test_confidence_is_that_of_the_least_likely_token():
    log_probs = spelled("in cat", 0.99)
    log_probs[8] = spelled("a", 0.7, "b")[0]
    (best,) = heard_with("", Utterance(log_probs), listed())
    assert best.text == "in cat" and best.confidences == pytest.approx([0.99, 0.7], abs=0.02)


def test_an_empty_transcript_has_nothing_to_replace():
    log_probs = np.full((6, len(LABELS)), -9.0)
    log_probs[:, -1] = 0.0
    one = Utterance(log_probs, said(spread("S IH P R AA T", 0, 6), 6))
    assert heard_with("rescoring verification correction", one, listed(SIPROT))[0].text == ""


def test_phones_of_another_inventory_and_log_probs_that_are_none():
    log_probs = spelled("the kat", 0.6, "the cat")
    for parts in ("rescoring", "correction", "detection"):
        with pytest.raises(PhoneticsError, match="shape"):
            heard_with(parts, Utterance(log_probs, np.zeros((28, 12))), listed(SIPROT))
    log_probs[3] = np.nan
    with pytest.raises(ModelError, match="frame 3: the model's log-probs are not numbers"):
        heard_with("", Utterance(log_probs), listed("cat"))


# --- compiled lists


def test_lists_are_kept_within_so_many_bytes():
    lists = CompiledLists(SOURCES, most_bytes=200_000)
    for number in range(40):
        one = lists.of(BiasList([f"name{chr(97 + number % 26)}{chr(97 + number // 26)}{k}x" for k in "abcdefghij"]))
        _ = one.search, one.scores
    assert 1 < len(lists) < 40 and sum(each.nbytes for each in lists._lists.values()) <= 200_000 + one.nbytes
    first = lists.of(BiasList(["anna"]))
    empty = lists.of(BiasList())
    assert lists.of(BiasList(["anna"])) is first and lists.of(BiasList()) is empty


@pytest.mark.parametrize("count", [3, 30, 625])
def test_bytes_are_about_what_is_used(count):
    import tracemalloc

    words = [f"{a}{b}{c}{d}" for a in "bdfgk" for b in "aeiou" for c in "lmnrs" for d in "aeiou"][:count]
    listed("warm", "up").scores.best(np.zeros((0, BLANK + 1)))
    tracemalloc.start()
    compiled = CompiledList(BiasList(words), SOURCES)
    _ = compiled.search, compiled.scores
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.3 * used < compiled.nbytes < 3 * used


def test_a_model_that_is_surer_than_right_is_heard_as_one_that_is_not():
    """What else was heard lies so far below that nothing listed is found, until all is divided by a temperature."""
    sure = spelled("the kat", 1 - 1e-5, "the cat")
    one = Utterance.of(sure)
    assert heard_with("", Utterance(sure), listed("cat"))[0].text == "the kat"
    assert heard_with("", one, listed("cat"))[0].text == "the cat"
    assert one.temperature == 2.0 and np.exp(one.log_probs).sum(axis=1) == pytest.approx(1)


def test_what_adapters_make_of_it_is_divided_by_the_same():
    one, changed = Utterance.of(spelled("the kat", 1 - 1e-5)), spelled("the cat", 0.9)
    ready = Recognizer(Settings.of({"phonetics": {"parts": []}}), VOCABULARY)
    lists = [listed("cat")]
    heard = [ready.listened(one, lists[0])]
    (found,) = ready.adapted([one], lists, heard, lambda *_: [changed])
    assert found == pytest.approx(changed / 2 - np.log(np.exp(changed / 2).sum(axis=1, keepdims=True)))
    assert ready.adapted([one], lists, heard, None) == [None]
    assert ready.adapted([one], [listed()], heard, lambda *_: [changed]) == [None]
