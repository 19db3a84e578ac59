"""Letter case: what a model may write, and what is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import BiasList, Phrase, Vocabulary, spell
from nemo_ctcbias.bias_list.casing import casings, in_case_of, is_shouted, recased

LETTERS = "abcdefghijklmnopqrstuvwxyz"
CASED = Vocabulary(["▁", *LETTERS, *LETTERS.upper(), "'", "-"])


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("zelenskyy", {"Zelenskyy", "ZELENSKYY"}),
        ("Metformin", {"metformin", "METFORMIN"}),
        ("IBUPROFEN", {"ibuprofen", "Ibuprofen"}),
        ("charles de gaulle", {"Charles De Gaulle", "Charles de Gaulle", "Charles de gaulle", "CHARLES DE GAULLE"}),
        ("o'brien-smith", {"O'Brien-Smith", "O'BRIEN-SMITH"}),
        ("NATO", set()),
        ("the US army", {"The US Army", "The US army", "THE US ARMY"}),
        ("3m", {"3M"}),
    ],
)
def test_cases_that_a_model_may_write(text, others):
    assert set(casings(text)) == others


def test_a_list_in_capitals_throughout():
    assert is_shouted(["OKONKWO", "ANNA"]) and not is_shouted(["OKONKWO", "Anna"]) and not is_shouted(["NATO", "GPT-4"])
    assert set(casings("ANNA", shouted=True)) == {"anna", "Anna"}


def test_turkish_letters():
    assert set(casings("Irmak", turkish=True)) == {"ırmak", "IRMAK"}
    assert "İstanbul" in casings("istanbul", turkish=True)


@given(st.text("aAbB -'", max_size=12).map(lambda text: " ".join(text.split())), st.booleans())
def test_only_the_case_changes_and_each_comes_once(text, shouted):
    found = casings(text, shouted)
    assert len({*found, text}) == len(found) + 1
    assert {one.lower() for one in found} <= {text.lower()} and len(found) <= 5


@given(
    written=st.text("aAbé -", min_size=1, max_size=8),
    heard=st.text("aAb ", max_size=8),
    start=st.booleans(),
    chosen=st.booleans(),
)
def test_writing_only_adds_capitals(written, heard, start, chosen):
    shown = recased(written, heard, start, chosen)
    assert shown.lower() == written.lower()
    assert all(b == a or a.islower() for a, b in zip(written, shown, strict=True))
    if heard == heard.lower():
        assert shown == written


@pytest.mark.parametrize("listed", ["cape varennes", "Cape Varennes", "CAPE VARENNES", "cape Varennes"])
def test_each_case_is_spelled_once_as_written_first(listed):
    spelled = spell(BiasList([listed]), CASED, alternatives=2)
    assert spelled.spellings[0].form == listed
    forms = [one.form for one in spelled.spellings]
    assert {"cape varennes", "Cape Varennes", "CAPE VARENNES"} <= set(forms)
    assert len({one.tokens for one in spelled.spellings}) == len(forms) <= 8
    assert all(CASED.decode(one.tokens) == one.form for one in spelled.spellings)


def test_what_is_listed_itself_is_no_other_phrases_case():
    spelled = spell(BiasList(["polish", Phrase("Polish", 2.0), "turkey"]), CASED)
    assert {one.form: one.phrase for one in spelled.spellings} == {
        "polish": 0,
        "POLISH": 0,
        "Polish": 1,
        "turkey": 2,
        "Turkey": 2,
        "TURKEY": 2,
    }
    assert spelled.notes == ()


def test_a_model_of_one_case_is_asked_in_that():
    lower = Vocabulary(["▁", *LETTERS])
    assert {one.form for one in spell(BiasList(["Okonkwo", "NATO"]), lower).spellings} == {"okonkwo", "nato"}


@pytest.mark.parametrize(
    ("word", "heard", "shown"),
    [
        ("Lunch.", "after lunch", "lunch."),
        ("lunch", "Lunch, then", "Lunch"),
        ("(O'Brien)", "o'brien", "(o'brien)"),
        ("Lunch.", "after launch", "lunch."),
        ("Lunch.", "Lump of lunch", "lunch."),
        ("Lunch.", "after", "Lunch."),
        ("Lunch", "", "Lunch"),
        ("...", "... and", "..."),
    ],
)
def test_a_word_in_the_case_in_which_it_was_heard(word, heard, shown):
    assert in_case_of(word, heard) == shown
