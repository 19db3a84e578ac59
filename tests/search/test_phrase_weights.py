"""Weights as odds, and phrases that are suppressed, in the search of a list."""

import math

import numpy as np
import pytest

from nemo_ctcbias.bias_list import BiasList, Phrase, Vocabulary, spell
from nemo_ctcbias.search.boosting import BoostOptions

pytest.importorskip("pyctcdecode", reason="phrases are decoded behind its interface")
from nemo_ctcbias.search.hotword_decoder import HotwordBeamDecoder

LETTERS = [" ", *"abcdefghijklmnopqrstuvwxyz"]


def frames(pieces, *emissions, rest=1e-6):
    rows = []
    for emission in emissions:
        for shares in ({emission: 0.999} if isinstance(emission, str) else emission, {}):
            row = np.full(len(pieces) + 1, rest)
            for piece, share in shares.items():
                row[pieces.index(piece)] = share
            row[-1] = max(rest, 1 - row[:-1].sum())
            rows.append(np.log(row / row.sum()))
    return np.array(rows)


def text_of(letters, *doubts):
    """Letters one after the other; ? stands for the doubts in turn."""
    doubts = iter(doubts)
    return [next(doubts) if letter == "?" else letter for letter in letters]


@pytest.mark.parametrize("weight", [0.25, 0.5, 2.0, 10.0, 100.0])
def test_twice_the_weight_is_twice_as_likely(weight):
    decoder = HotwordBeamDecoder.from_vocabulary(Vocabulary(LETTERS), boost=BoostOptions(weight=0.8))
    log_probs = frames(LETTERS, *text_of("met o?onkwo", {"c": 0.6, "k": 0.25}))
    normal, other = (decoder.decode_beams(log_probs, hotwords=[Phrase("okonkwo", w)])[0] for w in (1.0, weight))
    assert normal.text == other.text == "met okonkwo"
    assert other.boost - normal.boost == pytest.approx(0.8 * math.log(weight))
    assert other.hits[0].parts["hotword"] == pytest.approx(other.boost)


@pytest.mark.parametrize(("weight", "noted"), [(1.0, False), (10.0, False), (20.0, True), (100.0, True), (-3.0, False)])
def test_weights_of_other_tools_are_noted(weight, noted):
    notes = spell(BiasList([Phrase("okonkwo", weight)]), Vocabulary(LETTERS)).notes
    assert [note.level for note in notes] == ["warning"] * noted
    assert not noted or f"has the weight {weight:g}" in notes[0].reason


@pytest.mark.parametrize(
    ("listed", "said", "text"),
    [
        ([("new york", -1.0), ("new york times", 1.0)], "new yor? time?", "new york times"),
        ([("york", -1.0), ("new york times", 1.0)], "new yor? time?", "new york times"),
        ([("new york", 1.0), ("new york times", -1.0)], "new yor? car", "new york car"),
    ],
)
def test_a_longer_phrase_counts_in_place_of_what_it_holds(listed, said, text):
    doubts = {"c": 0.6, "k": 0.25}, {"z": 0.6, "s": 0.25}
    decoder = HotwordBeamDecoder.from_vocabulary(Vocabulary(LETTERS))
    log_probs = frames(LETTERS, *text_of(said, *doubts))
    hotwords = [Phrase(*one) for one in listed]
    assert decoder.decode(log_probs, hotwords=hotwords) == text
    assert decoder.decode(log_probs, hotwords=hotwords[::-1]) == text


PIECES = ["▁", "▁f", "▁fo", "▁fox", "f", "o", "x", "fo", "ox", "fox", "▁box", "b"]


@pytest.mark.parametrize(
    "tokens", [["▁fox"], ["▁fo", "x"], ["▁f", "ox"], ["▁", "fox"], ["▁", "f", "ox"], ["▁", *"fox"]]
)
def test_a_suppressed_word_is_known_in_every_segmentation(tokens):
    log_probs = frames(PIECES, *[{token: 0.9, "▁box": 0.05} for token in tokens])
    decoder = HotwordBeamDecoder.from_vocabulary(Vocabulary(PIECES), alternatives=1)
    assert decoder.decode(log_probs) == "fox"
    assert decoder.decode(log_probs, hotwords=[Phrase("fox", -9.0)]) != "fox"
    beams = decoder.decode_beams(log_probs, hotwords=[Phrase("fox", -9.0)])
    assert all(beam.boost < -9.0 for beam in beams if beam.text == "fox")


def test_more_segmentations_than_are_known_are_noted():
    pieces = ["▁", *("a" * count for count in range(1, 9)), *("▁" + "a" * count for count in range(1, 9))]
    (note,) = spell(BiasList([Phrase("a" * 14, -1.0)]), Vocabulary(pieces)).notes
    assert note.level == "warning" and "suppressed in 2000 token sequences" in note.reason


@pytest.mark.parametrize("loudness", [0.05, 0.15, 0.3])
def test_nothing_is_written_where_nothing_is_heard(loudness):
    noise = np.random.default_rng(1).dirichlet(np.full(len(LETTERS), 5.0), size=375) * loudness
    log_probs = np.log(np.concatenate([noise, np.full((375, 1), 1 - loudness)], axis=1))
    beams = HotwordBeamDecoder.from_vocabulary(Vocabulary(LETTERS)).decode_beams(
        log_probs, hotwords=BiasList(["okonkwo", "anna", "cape varennes"])
    )
    assert beams[0].text == "" and beams[0].hits == []
