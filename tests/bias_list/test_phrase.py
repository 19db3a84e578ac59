"""Phrases: what they coerce, what they refuse, and what they say then."""

from __future__ import annotations

import math
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from nemo_ctcbias.bias_list import Phrase
from nemo_ctcbias.errors import BiasListError


def test_text_alone_is_recognised_and_written():
    phrase = Phrase("Fremont")
    assert phrase.forms == ("Fremont",)
    assert phrase.written == "Fremont"
    assert phrase.weight == 1.0


def test_spoken_forms_are_recognised_and_display_is_written():
    phrase = Phrase("SIPROT", spoken=["sip rot", "see prot"], display="SIProt®")
    assert phrase.spoken == ("sip rot", "see prot")
    assert phrase.forms == ("sip rot", "see prot")
    assert phrase.written == "SIProt®"


def test_values_are_brought_to_their_types():
    phrase = Phrase(" Anna\t", weight=np.float32(2), spoken=[" a na "], display=" ANNA ")
    assert phrase == Phrase("Anna", 2.0, ("a na",), "ANNA")
    assert type(phrase.weight) is float
    assert hash(phrase) == hash(Phrase("Anna", 2, ("a na",), "ANNA"))


def test_phrases_are_frozen_and_travel_between_processes():
    phrase = Phrase("Anna", spoken=["ana"])
    with pytest.raises(FrozenInstanceError):
        phrase.text = "Bob"
    assert pickle.loads(pickle.dumps(phrase)) == phrase


def test_of_accepts_what_stands_for_a_phrase():
    phrase = Phrase("Anna", 2.0, ("ana",), "ANNA")
    assert Phrase.of("Anna") == Phrase("Anna")
    assert Phrase.of({"text": "Anna", "weight": 2, "spoken": ["ana"], "display": "ANNA"}) == phrase
    assert Phrase.of(phrase) is phrase


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"text": 5}, r"text must be a string, not int \(5\); put it in quotes"),
        ({"text": "a\ud800"}, r"text .* is not valid Unicode"),
        ({"text": "a", "weight": "2"}, r"weight must be a number, not str \('2'\)"),
        ({"text": "a", "weight": True}, r"weight must be a number, not bool"),
        ({"text": "a", "weight": None}, r"weight must be a number, not NoneType"),
        ({"text": "a", "weight": math.nan}, r"weight must be finite, got nan"),
        ({"text": "a", "weight": -math.inf}, r"weight must be finite, got -inf"),
        ({"text": "a", "weight": 10**400}, r"weight must be finite, got inf"),
        ({"text": "a", "spoken": "ay"}, r"spoken must be a list of strings, not str \('ay'\); write \['ay'\]"),
        ({"text": "a", "spoken": None}, r"spoken must be a list of strings, not NoneType"),
        ({"text": "a", "spoken": ["ay", 3]}, r"spoken must be a string, not int"),
        ({"text": "a", "pronunciations": "AH"}, r"pronunciations must be a list of strings, not str \('AH'\); write"),
        ({"text": "a", "pronunciations": [1]}, r"pronunciations must be a string, not int"),
        ({"text": "a", "display": 3}, r"display must be a string, not int"),
        ({"text": "a", "display": " "}, r"display is empty; leave it out"),
        ({"text": "a", "wieght": 2}, r"unknown field 'wieght'; the fields are text, weight, spoken, display"),
        ({"weight": 2}, r"field 'text' is missing"),
    ],
)
def test_wrong_fields_are_named(fields, message):
    with pytest.raises(BiasListError, match=message):
        Phrase.of(fields)


def test_pronunciations_are_kept_as_written():
    phrase = Phrase.of({"text": "Saoirse", "pronunciations": ["S ER SH AH ", "sersha"]})
    assert phrase.pronunciations == ("S ER SH AH", "sersha")
    assert phrase.forms == ("Saoirse",)
    assert phrase != Phrase("Saoirse") == Phrase("Saoirse", pronunciations=[])
    assert pickle.loads(pickle.dumps(phrase)) == phrase


def test_of_refuses_other_types():
    with pytest.raises(BiasListError, match=r"a phrase is a string or a mapping with 'text', not list"):
        Phrase.of(["Anna"])


def test_what_is_refused_is_told_in_a_line():
    for long in (10**5000, {"text": 10**4000}, dict.fromkeys(map(str, range(999)))):
        with pytest.raises(BiasListError) as refused:
            Phrase.of(long)
        assert len(str(refused.value)) < 300


def test_type():
    assert Phrase("Fremont", type=" places ").type == "places"
    assert Phrase.of({"text": "Fremont", "type": "places"}) != Phrase("Fremont")
    for wrong in ("", "  ", 3):
        with pytest.raises(BiasListError, match="type"):
            Phrase("Fremont", type=wrong)


def test_each_form_has_a_cost_and_none_by_default():
    assert Phrase("Siobhan").form_costs == (0.0,)
    assert Phrase("Siobhan", spoken=["shivawn", "shavon"]).form_costs == (0.0, 0.0)
    assert Phrase("Siobhan", spoken=["shivawn", "shavon"], spoken_costs=(0.0, 1.5)).form_costs == (0.0, 1.5)
    with pytest.raises(BiasListError, match="2 costs for 1 spoken forms; give one for each"):
        Phrase("Siobhan", spoken=["shivawn"], spoken_costs=(0.0, 1.5))
