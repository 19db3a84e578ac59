"""Decoys: like the list, nothing of it, nothing that anybody says."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kaldialign import edit_distance

from nemo_ctcbias import BiasList, Phrase
from nemo_ctcbias.phones.decoys import DecoyMaker
from nemo_ctcbias.phones.g2p import letters_of

NAMES = ["Okonkwo", "Saoirse Ronan", "O'Brien", "NATO", "Jean-Luc Picard", "Łódź", "Fremont 7", "Quillfeather"]
NAMES += ["Kamala", "Petrossian", "Siprot", "Bellweather", "Varennes", "Zelenskyy", "Marisela", "Aldershot"]
LISTS = st.lists(st.sampled_from(NAMES), min_size=1, unique=True)
ORDINARY = {"robin", "banana", "better", "okay"}


class Ordinary:
    """Says which words are ordinary ones."""

    def __init__(self, words):
        self.words = words

    def unfit(self, word):
        return word.lower() in self.words

    def most_common(self, count):
        return sorted(self.words)[:count]


def shape(text):
    """Words and what stands between them, by the case of their letters and how many there are."""
    cases = "".join("A" if c.isupper() else "a" if c.isalpha() else c for c in text)
    return re.sub(r"a+", "a", re.sub(r"A+", "A", cases))


def sound(g2p, text):
    return tuple(phone for word in re.findall(r"[^\W\d_]{2,}", text) for phone in g2p.pronounce(word, 1)[0][0])


@settings(max_examples=15)
@given(LISTS, st.integers(0, 3))
def test_as_many_words_and_letters_in_the_same_case(names, seed):
    decoys = DecoyMaker(BiasList(names)).make(3 * len(names), seed)
    assert len(decoys) == len({one.text for one in decoys}) > 2 * len(names)
    shapes = {(shape(name), len(letters_of(re.sub(r"[\d -]", "", name)))) for name in names}
    assert {(shape(one.text), len(letters_of(re.sub(r"[\d -]", "", one.text)))) for one in decoys} <= shapes


@settings(max_examples=10)
@given(LISTS, st.integers(0, 3))
def test_none_is_listed_or_sounds_like_the_list(g2p, names, seed):
    decoys = DecoyMaker(BiasList(names)).make(2 * len(names), seed)
    assert not {one.text.casefold() for one in decoys} & {name.casefold() for name in names}
    assert not {sound(g2p, one.text) for one in decoys} & {sound(g2p, name) for name in names}


def test_seeded(g2p):
    maker = DecoyMaker(BiasList(NAMES), g2p)
    assert maker.make(30) == DecoyMaker(BiasList(NAMES), g2p).make(30) != maker.make(30, seed=1)
    assert maker.make(30)[:10] == maker.make(10)


def test_as_likely_as_the_list(g2p):
    maker = DecoyMaker(BiasList(NAMES), g2p)
    likely = [
        np.mean(
            [maker._log_prob(g2p.graphones_of(letters_of(word))) for word in re.findall(r"[^\W\d_]+", " ".join(texts))]
        )
        for texts in (NAMES, [one.text for one in maker.make(200)], ["".join(sorted(name.lower())) for name in NAMES])
    ]
    assert abs(likely[0] - likely[1]) < 0.5 * abs(likely[0] - likely[2])  # letters out of order are no words


def test_ordinary_words_are_no_decoys(g2p):
    listed = BiasList(["Robyn", "Rabin", "Rubin", "Better Robyn", "Better Okonkwo"])
    maker = DecoyMaker(listed, g2p, Ordinary(ORDINARY))
    assert [maker.like_ordinary(one.text) for one in listed] == [True, False, False, True, False]
    assert not [one.text for one in maker.make(100) if maker.like_ordinary(one.text)]
    taken = {one.text.lower() for one in DecoyMaker(BiasList(["Rabin"]), g2p).make(20)}
    strict = DecoyMaker(BiasList(["Rabin"]), g2p, Ordinary(taken)).make(20)
    assert len(strict) and not {one.text.lower() for one in strict} & taken


def test_as_far_from_ordinary_words_as_the_list(g2p):
    ordinary = {"pretty", "winter", "market", "hollow", "garden", "castle", "banner", "timber", "carpet", "ladies"}
    near, far = (
        [
            min(edit_distance(one.text, word)["total"] for word in ordinary)
            for one in DecoyMaker(BiasList([name]), g2p, Ordinary(ordinary)).make(30)
        ]
        for name in ("pwetty", "okonkwo")
    )
    assert np.mean(near) < 2.5 < 3.5 < np.mean(far)


def test_weights_and_types_are_those_of_the_list():
    listed = BiasList(
        [Phrase("Okonkwo", 2.0, type="people"), Phrase("Fremont", -1.0), Phrase("Picard", spoken=["Pikkar"])]
    )
    decoys = DecoyMaker(listed).make(6)
    assert {(one.weight, one.type) for one in decoys} == {(2.0, "people"), (1.0, None)}
    assert {len(one.text) for one in decoys if one.type is None} == {len("Pikkar")}


@pytest.mark.parametrize("names", [["Зеленський", "Київ"], ["田中さん", "東京都庁"]])
def test_what_nobody_can_pronounce_has_letters_of_the_list(names):
    decoys = DecoyMaker(BiasList(names)).make(8)
    assert len(decoys) >= 4 and not {one.text for one in decoys} & set(names)
    assert set("".join(one.text.lower() for one in decoys)) <= set("".join(names).lower())


def test_nothing_to_make_them_of():
    assert len(DecoyMaker(BiasList()).make(10)) == 0
    assert len(DecoyMaker(BiasList(["7", "42"])).make(10)) == 0
    assert len(DecoyMaker(BiasList([Phrase("Okonkwo", -1.0)])).make(10)) == 0
