"""A bias list as a language model sees it."""

import math

import pytest

from nemo_ctcbias.bias_list import BiasList, Phrase, Vocabulary, spell
from nemo_ctcbias.search.search_list import SearchList

LETTERS = Vocabulary(["▁", *"abcdefghijklmnopqrstuvwxyz'"])


def test_a_language_model_knows_listed_words_with_the_endings_that_they_take():
    """Or it would take "Okonkwo's" for a strange word, and "Okonkwo" for a likely one: the 's would be lost."""
    listed = BiasList([Phrase("Okonkwo", weight=2.0), "cape varennes", "anna's"])
    words = SearchList(spell(listed, LETTERS), LETTERS).words
    for form in ("okonkwo", "okonkwo's", "okonkwos", "cape varennes'", "cape varennes's", "anna's"):
        assert form in words
    assert words.weights["okonkwo's"] == words.weights["okonkwo"] > words.weights["anna's"]
    for name in ("okonkwo", "cape varennes"):
        plural = "s" if name == "okonkwo" else "es"
        assert words.weights[f"{name}'s"] - words.weights[name + plural] == pytest.approx(math.log(10)), "fewer by far"
    assert words.begins("okonkwo'") and not {"anna's's", "okonkwod", "cape's"} & words.weights.keys()


def test_where_plurals_and_possessives_are_written_alike_none_is_rarer():
    german = Vocabulary(["▁", *"abcdefghijklmnopqrstuvwxyzäöüß'"], languages=["de"])
    words = SearchList(spell(BiasList(["Merkel"]), german), german).words
    assert words.weights["merkels"] == words.weights["merkel"] == words.weights["merkel's"]
