import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.lm.boost_class import BoostClass
from nemo_ctcbias.lm.listed_words import ListedWords
from nemo_ctcbias.lm.spoken_words import SpokenWords, said_by

LISTED = ListedWords((said, 1.0) for form in ("Okonkwo", "new Oslo", "St. Ives") for said in said_by(form))
WORDS = ("the", "ran", "new", "Oslo", "well-known", "<boost>")


@pytest.fixture(params=[False, True], ids=["plain", "with a class"])
def model(make_model, request):
    plain, _ = make_model(5, WORDS)
    if not request.param:
        return plain
    return BoostClass(plain, LISTED)


def spoken(model):
    return SpokenWords.of(model)


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("The", ["the"]),
        ("ran,", ["ran"]),
        ("“Oslo”.", ["Oslo"]),
        ("OSLO", ["oslo"]),  # a model that knows the word in another case only does not know this one
        ("Well-Known!", ["well-known"]),
        ("new-ran", ["new", "ran"]),
        ("the'", ["the'"]),  # an apostrophe is a letter: no word that ends in one is a word without
        ("Okonkwo's", ["okonkwo's"]),
        ("...", []),
    ],
)
def test_what_is_asked_for(model, written, asked):
    assert spoken(model).words(written) == asked


@given(st.lists(st.sampled_from(["The", "ran.", "new", "Oslo,", "well-known", "Okonkwo?"]), min_size=1, max_size=5))
def test_a_written_text_scores_as_what_is_said(make_model, texts):
    plain, _ = make_model(5, WORDS)
    model = BoostClass(plain, LISTED)
    said = [spoken(model).words(text)[0] for text in texts]
    totals = []
    for asked, words in ((spoken(model), texts), (model, said)):
        state, total = asked.get_start_state(), 0.0
        for number, word in enumerate(words, 1):
            score, state = asked.score(state, word, number == len(words))
            total += score
        totals.append(total)
    assert totals[0] == pytest.approx(totals[1])


def test_punctuation_alone_says_nothing_but_does_not_spare_the_end(model):
    asked = spoken(model)
    score, state = asked.score(asked.get_start_state(), "the")
    assert asked.score(state, ",") == (0.0, state)
    whole, _ = asked.score(asked.get_start_state(), "the", is_last_word=True)
    assert score + asked.score(state, ".", is_last_word=True)[0] == pytest.approx(whole)


def test_unfinished_words_are_looked_up_without_case_and_punctuation(model):
    asked = spoken(model)
    for begun, as_if in (("Th", "th"), ("“ne", "ne"), ("Os", "Os"), ("the-ra", "ra"), ("ran,", "ran"), ("“", "")):
        assert asked.score_partial_token(begun) == model.score_partial_token(as_if)
    assert asked.score_partial_token("Qx") == model.score_partial_token("qx") < 0


def test_words_held_together_by_punctuation_do_not_go_on_for_nothing(model):
    """What is over in an unfinished word costs as much there as it will: `qx,ra` no less than `qx ra`."""
    asked = spoken(model)
    over, _ = asked.score(asked.get_start_state(), "Qx")
    assert over < 0
    assert asked.score_partial_token("Qx,ra") == pytest.approx(over)
    assert asked.score_partial_token("Qx,Qx,ra") == pytest.approx(2 * over)
    assert asked.score_partial_token("well-kno") == 0, "the beginning of one word that is known"


def test_what_the_class_gave_is_told_of_each_written_word(make_model):
    plain, _ = make_model(5, WORDS)
    model = BoostClass(plain, LISTED)
    plainly = model.gains(["okonkwo", "new", "ran", "the"])
    told = spoken(model).gains(["okonkwo,", "...", "new-ran", "The"])
    assert told == pytest.approx([plainly[0], 0.0, plainly[1] + plainly[2], plainly[3]])
    assert told[0] > 0


def test_forms_are_looked_up_as_written_bare_and_in_lower_case():
    assert list(said_by("St. Ives-Bay")) == ["St. Ives-Bay", "St Ives Bay", "st ives bay"]
    assert list(said_by("okonkwo")) == ["okonkwo"]
