"""The fields of a request become one list; prose is told apart from names."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.errors import BiasListError
from nemo_ctcbias.serve.problem import Problem
from nemo_ctcbias.serve.prompt_names import names_in
from nemo_ctcbias.serve.request_list import request_list


def listed(lookup=None, named=(), hotwords=(), keywords=(), contexts=(), prompt=None):
    return request_list(named, hotwords, keywords, contexts, prompt, lookup)


def test_nothing_given_is_no_list():
    assert listed().bias_list is None and listed(prompt="Just prose.").bias_list is None
    assert listed(hotwords=["[]"]).bias_list == BiasList()


def test_weights():
    found = listed(
        keywords=["Okonkwo:1.5, Siprot"], contexts=['{"phrases": ["A B"], "boost": 40}', '[{"phrases": ["C"]}]']
    )
    assert [(one.text, one.weight) for one in found.bias_list] == [
        ("Okonkwo", 1.5),
        ("Siprot", 1.0),
        ("A B", 2.0),
        ("C", 1.0),
    ]
    assert found.bias_list.where(2) == "speech_contexts[0].phrases[0]"


@given(st.lists(st.text(max_size=8), max_size=5), st.floats(-9, 9))
def test_json_is_the_list_itself(phrases, weight):
    entries = [{"text": one, "weight": weight} for one in phrases]
    assert listed(hotwords=[json.dumps(entries)]).bias_list == BiasList(entries)


@given(st.lists(st.text() | st.sampled_from(['[{"text": 1}]', '{"phrases": [1]}', "a:1e999", "[[]]", "{"]), max_size=3))
def test_anything_else_is_refused_in_words(values):
    for field in ("hotwords", "keywords", "contexts", "prompt"):
        try:
            listed(**{field: values if field != "prompt" else " ".join(values)})
        except BiasListError as error:
            assert str(error)


@pytest.mark.parametrize(
    ("prompt", "names"),
    [
        ("The speakers are “Okonkwo” and 'Siprot'.", ["Okonkwo", "Siprot"]),
        ("It's the speaker's own; don't guess.", []),
        ("Glossary: Novantra, Cape Varennes; Jorvik", ["Novantra", "Cape Varennes", "Jorvik"]),
        ("Meet at 10:30 or 11:15.", []),
        ("Names： 田中、佐藤", ["田中", "佐藤"]),
        ("Okonkwo", []),  # one word may be anything
        ("", []),
    ],
)
def test_names_of_a_prompt(prompt, names):
    assert names_in(prompt)[0] == names


@given(st.text())
def test_what_is_neither_name_nor_prose_does_not_exist(prompt):
    names, prose = names_in(prompt)
    assert all(name and name in prompt for name in names)
    assert set(prose.replace(" ", "")) <= set(prompt)


def test_lists_that_nobody_keeps():
    def lookup(name):
        raise Problem(404, name)

    with pytest.raises(Problem):
        listed(lookup, named=["x"])
