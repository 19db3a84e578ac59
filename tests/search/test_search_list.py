"""A bias list as the search and a language model see it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import BiasList, Phrase, Vocabulary, spell
from nemo_ctcbias.bias_list.rows import Rows
from nemo_ctcbias.bias_list.segmenter import Segmenter
from nemo_ctcbias.bias_list.trie import BoostingTrie
from nemo_ctcbias.search.search_list import SearchList

LETTERS = Vocabulary(["▁", *"abcdefghijklmnopqrstuvwxyz'"])


def test_a_language_model_knows_listed_words_with_the_endings_that_they_take():
    """Or it would take "Okonkwo's" for a strange word, and "Okonkwo" for a likely one: the 's would be lost."""
    listed = BiasList([Phrase("Okonkwo", weight=2.0), "cape varennes", "anna's"])
    words = SearchList(spell(listed, LETTERS), LETTERS).words
    for form in ("okonkwo", "okonkwo's", "okonkwos", "cape varennes'", "cape varennes's", "anna's"):
        assert form in words
    assert words.weights["okonkwo"] > words.weights["anna's"]
    assert words.weights["okonkwo"] - words.weights["okonkwo's"] == pytest.approx(-math.log(0.3)), "fewer"
    for name in ("okonkwo", "cape varennes"):
        plural = "s" if name == "okonkwo" else "es"
        assert words.weights[f"{name}'s"] - words.weights[name + plural] == pytest.approx(math.log(100)), "fewer by far"
    assert words.begins("okonkwo'") and not {"anna's's", "okonkwod", "cape's"} & words.weights.keys()


def test_where_plurals_and_possessives_are_written_alike_none_is_rarer():
    german = Vocabulary(["▁", *"abcdefghijklmnopqrstuvwxyzäöüß'"], languages=["de"])
    words = SearchList(spell(BiasList(["Merkel"]), german), german).words
    assert words.weights["merkels"] == words.weights["merkel"] == words.weights["merkel's"]


CASED = Vocabulary(["▁", "▁a", "an", "na", "'s", "東", *"abcnosx'", *"ABCNOSX"])
NAMES = st.lists(
    st.text("anosx'A ", min_size=1, max_size=6) | st.sampled_from(["Anna", "anna's", "東a", "a東"]), max_size=5
)


def endings_of(form, weight, listed, ends):
    """What may follow a form, and the row of what may follow that: all there is to know of its paths."""
    more = [end for end in ends.endings.possessives_after(form) if weight > 0 and form + end not in listed]
    return [(end, ends.row_of(form + end)) for end in ("", *more)]


@given(names=NAMES, data=st.data(), vocabulary=st.sampled_from([LETTERS, CASED]))
def test_the_trie_has_the_paths_of_what_is_heard(names, data, vocabulary):
    weights = st.sampled_from([2.0, 1.0, 0.0, -1.0])
    phrases = [Phrase(name, data.draw(weights)) for name in names if name.strip()]
    spelled = spell(BiasList(phrases), vocabulary)
    count = len(spelled.bias_list)
    factors = np.array(data.draw(st.lists(st.sampled_from([0.0, 0.0, 1.5]), min_size=count, max_size=count)))
    listed = SearchList(spelled, vocabulary)
    strengths, ends, segmenter = listed.strengths * factors, vocabulary.word_ends, Segmenter(vocabulary, 2)
    forms, paths = {one.form for one in spelled.spellings}, []
    for one in spelled.spellings:
        weight = spelled.bias_list[one.phrase].weight
        cost = one.cost - (math.log(weight) if weight > 0 else 0.0)
        for end, row in endings_of(one.form, weight, forms, ends):
            for tail in segmenter.phrase(end, inside=True) if end else [()]:
                paths.append((one.phrase, one.tokens + tail, cost, row, len(tail)))
    owners, tokens, costs, rows, lengths = zip(*paths, strict=True) if paths else [()] * 5
    symbols = vocabulary.following.symbols_of(Rows.of(tokens))
    wanted = BoostingTrie(owners, symbols, strengths, vocabulary.following.symbols, costs, rows, lengths)
    for heard in (listed.heard(factors), listed.heard(np.ones(count)).heard(factors)):
        for name, mine, other in zip(wanted.automaton._fields, heard.trie.automaton, wanted.automaton, strict=True):
            assert mine.tolist() == other.tolist() and mine.dtype == other.dtype, name
        assert heard.trie.ending.tolist() == wanted.ending.tolist() and heard.active == (len(wanted) > 1)
