"""Rescoring and lookup of real beams, with phone log-probs that say something else than the tokens."""

import math

import numpy as np
import pytest

pytest.importorskip("pyctcdecode")

from nemo_ctcbias import BiasList, HotwordBeamDecoder
from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones import Lexicon, LookupOptions, RescoringOptions
from nemo_ctcbias.phones.common_words import CommonWords
from nemo_ctcbias.phones.options import PhoneticsOptions
from nemo_ctcbias.phones.phones import BLANK, PHONE_IDS
from nemo_ctcbias.search.second_pass import SecondPass

LABELS = [" ", *"abcdefghijklmnopqrstuvwxyz", ""]
LEXICON = Lexicon(
    {"ship": ["SH IH P"], "row": ["R OW"], "the": ["DH AH"], "cat": ["K AE T"], "kat": ["K AO T"], "in": ["IH N"]}
)
SIPROT = {"text": "Siprot", "display": "SIPROT", "pronunciations": ["S IH P R AA T"]}
RESCORE = PhoneticsOptions(look_up=False, verify=False, rescoring=RescoringOptions(weight=1.0))
LOOK_UP = PhoneticsOptions(rescore=False, verify=False)
VERIFY = PhoneticsOptions(rescore=False, look_up=False)


@pytest.fixture(scope="module")
def decoder():
    return HotwordBeamDecoder.from_labels(LABELS)


def spelled(text, sure=0.9, rivals=""):
    """Log-probs [2 * letters, V + 1]: each letter a frame with that probability, then a blank; the rival the rest."""
    probs = np.full((2 * len(text), len(LABELS)), 1e-6)
    probs[1::2, -1] = 1.0
    for place, letter in enumerate(text):
        probs[2 * place, LABELS.index(letter)] = sure
        probs[2 * place, LABELS.index((rivals or text)[place])] += 1 - sure
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


def once(beams):
    """A search that finds these whatever is listened for."""
    return lambda heard, barred=(): beams


def test_the_better_sounding_hypothesis_comes_first(decoder):
    log_probs = spelled("the kat", 0.6, "the cat")
    phones = said([*spread("DH AH", 0, 6), *spread("K AE T", 8, 14)], 14)
    beams = decoder.decode_beams(log_probs)
    assert beams[0].text == "the kat"
    found = SecondPass(RESCORE, LEXICON)(once(beams), phones, BiasList(["anyone"]))
    assert found[0].text == "the cat" and found[0].phone_score > 0
    assert found[0].score == pytest.approx(next(b.score for b in beams if b.text == "the cat") + found[0].phone_score)
    assert found[0][4] == found[0].score and found[0].path.tolist() == found[0][2].path.tolist()
    assert {beam.text for beam in found} == {beam.text for beam in beams}


def test_an_empty_list_or_no_beams_change_nothing(decoder):
    log_probs = spelled("the kat", 0.6, "the cat")
    beams = decoder.decode_beams(log_probs)
    phones = said(spread("K AE T", 8, 14), 14)
    second_pass = SecondPass(PhoneticsOptions(), LEXICON)
    assert all(one is other for one, other in zip(second_pass(once(beams), phones, BiasList()), beams, strict=True))
    assert second_pass(once([]), phones, BiasList(["Siprot"])) == []


def test_several_words_give_way_to_a_phrase(decoder):
    log_probs = spelled("the ship row in")
    phones = [*spread("DH AH", 0, 6), *spread("S IH P R AA T", 8, 23), *spread("IH N", 25, 29)]
    second_pass = SecondPass(LOOK_UP, LEXICON, CommonWords(lexicon={"the": (), "in": ()}))
    (best, *_) = second_pass(once(decoder.decode_beams(log_probs)), said(phones, 30), BiasList([SIPROT]))
    assert best.text == best[0] == "the SIPROT in"
    (hit,) = best.hits
    assert (hit.phrase, hit.technique, hit.base_text) == ("SIPROT", "lookup", "ship row")
    assert (hit.first_word, hit.last_word) == (1, 3) and hit.score > 0
    frames = [frames for _, frames in best[2]]
    assert (hit.start, hit.end) == (frames[1][0], frames[2][1])


def test_sure_ordinary_words_stay_unless_the_model_is_unsure(decoder):
    bias_list = BiasList([SIPROT])
    for sure, text in ((0.99, "the ship row in"), (0.4, "the SIPROT in")):
        log_probs = spelled("the ship row in", 0.99)
        shaky = spelled("the ship row in", sure, "the shap raw in")
        log_probs[8:24] = shaky[8:24]
        phones = [*spread("DH AH", 0, 6), *spread("S IH P R AA T", 8, 23), *spread("IH N", 25, 29)]
        beams = [beam for beam in decoder.decode_beams(log_probs) if beam.text == "the ship row in"]
        assert SecondPass(LOOK_UP, LEXICON)(once(beams), said(phones, 30), bias_list)[0].text == text


def test_hits_of_the_search_stay_beside_those_of_the_lookup(decoder):
    log_probs = spelled("cat ship row")
    phones = [*spread("K AE T", 0, 6), *spread("S IH P R AA T", 8, 23)]
    bias_list = BiasList([{"text": "cat", "display": "Cat"}, SIPROT])
    beams = decoder.decode_beams(log_probs, hotwords=bias_list)
    assert beams[0].text == "Cat ship row"
    (best, *_) = SecondPass(LOOK_UP, LEXICON, CommonWords(lexicon=()))(once(beams), said(phones, 24), bias_list)
    assert best.text == "Cat SIPROT" and [hit.phrase for hit in best.hits] == ["Cat", "SIPROT"]


def test_a_hit_of_the_search_may_be_looked_up_itself(decoder):
    log_probs = spelled("ship row")
    bias_list = BiasList([{"text": "ship", "display": "Ship"}, SIPROT])
    beams = decoder.decode_beams(log_probs, hotwords=bias_list)
    options = PhoneticsOptions(rescore=False, verify=False, lookup=LookupOptions(min_confidence=1.5))
    phones = said(spread("S IH P R AA T", 0, 15), 16)
    (best, *_) = SecondPass(options, LEXICON)(once(beams), phones, bias_list)
    assert best.text == "SIPROT" and [hit.technique for hit in best.hits] == ["lookup"]


def searched(decoder, log_probs, bias_list):
    """The search with a note of the `heard` that it was asked with."""
    asked = []

    def search(heard, barred=()):
        asked.append(None if heard is None else heard.tolist())
        return decoder.decode_beams(log_probs, hotwords=bias_list, heard=heard, barred=barred)

    return search, asked


def test_what_was_not_said_is_given_up_one_after_the_other(decoder):
    """Two listed words fit the spelling; what was said is neither, and the model's own word is left."""
    log_probs = spelled("the kab", 0.5, "the kat")
    log_probs[12] = np.log(np.full(len(LABELS), 1e-6))
    for letter, prob in (("b", 0.5), ("t", 0.3), ("p", 0.19)):
        log_probs[12, LABELS.index(letter)] = math.log(prob)
    bias_list = BiasList(
        [{"text": word, "pronunciations": ["Z UW Z UW"]} for word in ("kat", "kap")] + ["unheard", "the"]
    )
    search, asked = searched(decoder, log_probs, bias_list)
    phones = said([*spread("DH AH", 0, 6), *spread("K AE B", 8, 14)], 14)
    assert SecondPass(VERIFY, LEXICON)(search, phones, bias_list)[0].text == "the kab"
    assert asked == [None, [0.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]]
    off = PhoneticsOptions(rescore=False, look_up=False, verify=False)
    assert SecondPass(off, LEXICON)(search, phones, bias_list)[0].text == "the kat"


def test_a_phrase_that_was_said_is_given_up_only_where_it_was_not(decoder):
    log_probs = np.concatenate([spelled("the kab ", 0.6, "the kat "), spelled("the kab", 0.6, "the kat")])
    bias_list = BiasList([{"text": "kat", "pronunciations": ["K AE T"]}])
    search, asked = searched(decoder, log_probs, bias_list)
    assert search(None)[0].text == "the kat the kat"
    phones = [*spread("DH AH", 0, 6), *spread("K AE T", 8, 14), *spread("DH AH", 16, 22), *spread("Z UW", 24, 30)]
    (best, *_) = SecondPass(VERIFY, LEXICON)(search, said(phones, 30), bias_list)
    assert best.text == "the kat the kab" and [hit.start for hit in best.hits] == [8]
    assert asked == [None, None, [1.0]], "the list is whole"
    (best, *_) = SecondPass(VERIFY, LEXICON)(search, said(phones[5:], 30), bias_list)
    assert best.text == "the kab the kab" and asked[-1] == [0.0], "never said"


def test_what_was_said_and_what_the_model_writes_anyway_stands(decoder):
    log_probs = spelled("the kab", 0.5, "the kat")
    bias_list = BiasList([{"text": "kat", "pronunciations": ["K AE T"]}, {"text": "the", "pronunciations": ["Z UW"]}])
    search, asked = searched(decoder, log_probs, bias_list)
    phones = said([*spread("DH AH", 0, 6), *spread("K AE T", 8, 14)], 14)
    found = SecondPass(VERIFY, LEXICON)(search, phones, bias_list, np.ones(2))
    assert found[0].text == "the kat" and asked == [[1.0, 1.0]]


def test_what_was_given_up_is_not_looked_up(decoder):
    """The phones of the whole recording are those of the phrase; where it was written they are not."""
    log_probs = spelled("ship row", 0.6, "ship rot")
    bias_list = BiasList([{"text": "rot", "pronunciations": ["S IH P R AA T"]}])
    search, asked = searched(decoder, log_probs, bias_list)
    phones = said(spread("S IH P R AA T", 0, 15), 16)
    options = PhoneticsOptions(rescore=False, lookup=LookupOptions(min_confidence=1.5))
    assert search(np.ones(1))[0].text == "ship rot"
    found = SecondPass(options, LEXICON)(search, phones, bias_list)
    assert found[0].text == "ship row" and not found[0].hits and asked[1:] == [None, [0.0]]


def test_confidence_is_that_of_the_least_likely_token(decoder):
    log_probs = spelled("in cat", 0.99)
    log_probs[8] = spelled("a", 0.7, "b")[0]
    best = decoder.decode_beams(log_probs)[0]
    assert best.text == "in cat"
    assert best.confidences == pytest.approx([0.99, 0.7], abs=0.02) or best.confidences[1] == pytest.approx(0.7, 0.05)
    assert len(best.confidences) == len(best.words)


def test_an_empty_transcript_has_nothing_to_replace(decoder):
    log_probs = np.full((6, len(LABELS)), -9.0)
    log_probs[:, -1] = 0.0
    beams = decoder.decode_beams(log_probs)
    phones = said(spread("S IH P R AA T", 0, 6), 6)
    assert SecondPass(PhoneticsOptions(), LEXICON)(once(beams), phones, BiasList([SIPROT]))[0].text == ""


def test_phones_of_another_inventory(decoder):
    beams = decoder.decode_beams(spelled("the kat", 0.6, "the cat"))
    for options in (RESCORE, LOOK_UP):
        with pytest.raises(PhoneticsError, match="shape"):
            SecondPass(options, LEXICON)(once(beams), np.zeros((28, 12)), BiasList([SIPROT]))
