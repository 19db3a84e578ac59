"""What is told of a list."""

import pytest

from nemo_ctcbias.bias_list import BiasList, Vocabulary
from nemo_ctcbias.compiled_list import CompiledList, Sources
from nemo_ctcbias.list_report import LOUD, notes_on
from nemo_ctcbias.settings import Settings

LETTERS = Vocabulary([" ", *"abcdefghijklmnopqrstuvwxyz"])


def told(phrases, **settings):
    listed = CompiledList(BiasList(phrases), Sources(LETTERS))
    return [str(note) for note in notes_on(listed, Settings.of(settings), sounds=False)]


@pytest.mark.parametrize("weight", [0, 1, 10, LOUD])
def test_usual_strengths_go_without_saying(weight):
    assert told(["okonkwo"], weight=weight) == []


@pytest.mark.parametrize("weight", [15.1, 20, 100])
def test_a_strength_out_of_range_is_noted_once_for_all_of_a_list(weight):
    (note,) = told(["okonkwo", "siprot"], weight=weight)
    assert note.startswith(f"biasing.weight: is {weight:g}, with which names are written that nobody said; use 10")
    assert told([], weight=weight) == [], "nothing is listened for"


def test_a_weight_out_of_range_is_noted_for_its_phrase():
    (note,) = told([("okonkwo", 100), ("siprot", 10)])
    assert "'okonkwo' has the weight 100" in note
