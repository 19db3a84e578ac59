"""A bias list as a language model sees it."""

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
    assert words.begins("okonkwo'") and not {"anna's's", "okonkwod", "cape's"} & words.weights.keys()
