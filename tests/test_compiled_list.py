"""Parts of compiled lists are made once, and nothing of their making is left behind."""

import gc

import pytest

from nemo_ctcbias import compiled_list
from nemo_ctcbias.bias_list import BiasList, Vocabulary
from nemo_ctcbias.compiled_list import CompiledList, Sources

SOURCES = Sources(Vocabulary(["▁", *"abcdefghijklmnopqrstuvwxyz'"]))


def test_dead_cycles_are_looked_for_again_when_a_part_is_made(monkeypatch):
    spell, seen = compiled_list.spell, []

    def watched(*args):
        seen.append(gc.isenabled())
        return spell(*args)

    monkeypatch.setattr(compiled_list, "spell", watched)
    CompiledList(BiasList(["anna"]), SOURCES).search  # noqa: B018
    assert seen == [False] and gc.isenabled(), "also where one part asks for another"
    monkeypatch.setattr(compiled_list, "spell", None)
    with pytest.raises(TypeError):
        CompiledList(BiasList(["anna"]), SOURCES).search  # noqa: B018
    assert gc.isenabled()


def test_who_looks_for_no_cycles_is_left_alone():
    gc.disable()
    try:
        CompiledList(BiasList(["anna"]), SOURCES).search  # noqa: B018
        assert not gc.isenabled()
    finally:
        gc.enable()
