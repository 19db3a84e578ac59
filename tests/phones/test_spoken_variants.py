import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import BiasList, Phrase
from nemo_ctcbias.phones import G2G
from nemo_ctcbias.phones.common_words import CommonWords
from nemo_ctcbias.phones.spoken_variants import SpokenVariants

NAMES = ["Kathryn", "Cape Varennes", "Zelenskyy", "Saoirse", "agent 47", "Cranbury"]


@pytest.fixture(scope="module")
def g2g():
    return G2G()


@settings(max_examples=30)
@given(st.lists(st.sampled_from(NAMES), unique=True, max_size=4), st.integers(1, 5))
def test_forms_are_added_and_nothing_else_changes(g2g, names, count):
    bias_list = BiasList(names)
    listened = SpokenVariants(g2g, count)(bias_list)
    assert [(p.text, p.written, p.weight) for p in listened] == [(p.text, p.written, p.weight) for p in bias_list]
    for phrase, before in zip(listened, bias_list, strict=True):
        assert phrase.forms[: len(before.forms)] == before.forms
        assert len(set(phrase.forms)) == len(phrase.forms) <= count
        expected = [variant.spelling for variant in g2g.spellings(before, count)] if "4" not in before.text else []
        assert set(phrase.forms) == {before.text, *expected}


def test_one_form_or_no_list_is_the_list_itself(g2g):
    bias_list = BiasList(NAMES)
    assert SpokenVariants(g2g, 1)(bias_list) is bias_list
    empty = BiasList()
    assert SpokenVariants(g2g, 5)(empty) is empty
    variants = SpokenVariants(g2g, 3)
    assert variants(bias_list) is variants(BiasList(NAMES)), "worked out once"


def test_own_spoken_forms_come_first_and_count(g2g):
    (phrase,) = SpokenVariants(g2g, 3)(BiasList([{"text": "Saoirse", "spoken": ["sersha"], "display": "SAOIRSE"}]))
    assert phrase.spoken[0] == "sersha" and len(phrase.spoken) == 3 and phrase.written == "SAOIRSE"
    (same,) = SpokenVariants(g2g, 2)(BiasList([{"text": "Saoirse", "spoken": ["sersha", "seersha", "saorsa"]}]))
    assert same.spoken == ("sersha", "seersha", "saorsa")


def test_guessed_spellings_cost_the_more_the_less_likely_they_are(g2g):
    (phrase,) = SpokenVariants(g2g, 4)(BiasList([{"text": "Saoirse", "spoken": ["sersha"]}]))
    others = {v.spelling: v.cost for v in g2g.spellings(Phrase("Saoirse", spoken=["sersha"]), 8)}
    assert phrase.form_costs[0] == 0 < min(phrase.form_costs[1:])
    assert phrase.form_costs[1:] == pytest.approx([others[form] for form in phrase.forms[1:]])
    assert list(phrase.form_costs) == sorted(phrase.form_costs)


def test_suppressed_and_switched_off_phrases_stay(g2g):
    bias_list = BiasList([{"text": "Kathryn", "weight": -1}, {"text": "Cranbury", "weight": 0}])
    assert list(SpokenVariants(g2g, 5)(bias_list)) == list(bias_list)


def test_no_spelling_of_another_phrase_or_common_word(tmp_path, g2g):
    (alone,) = SpokenVariants(g2g, 3)(BiasList(["Kathryn"]))
    rival = alone.forms[1]
    (phrase, _) = SpokenVariants(g2g, 3)(BiasList(["Kathryn", rival]))
    assert rival not in phrase.forms and len(phrase.forms) == 3
    path = tmp_path / "a.arpa"
    head = ["\\data\\", "ngram 1=4", "ngram 2=1", "", "\\1-grams:", "-5\t<unk>\t0", "0\t<s>\t0", "-1\t</s>"]
    path.write_text("\n".join([*head, f"-1\t{rival}\t0", "", "\\2-grams:", f"-0.5\t<s> {rival}", "", "\\end\\", ""]))
    (phrase,) = SpokenVariants(G2G(excluded=CommonWords(path).unfit), 3)(BiasList(["Kathryn"]))
    assert rival not in phrase.forms and len(phrase.forms) == 3
    assert CommonWords(path).most_common(5) == [rival] and CommonWords(path).most_common(0) == []


def test_lists_keep_their_places(tmp_path, g2g):
    path = tmp_path / "names.txt"
    path.write_text("# names\n\nKathryn\nSaoirse\n")
    listened = SpokenVariants(g2g, 3)(BiasList.load(path))
    assert [listened.where(0), listened.where(1)] == [f"{path}:3", f"{path}:4"]


def test_common_words(tmp_path):
    assert CommonWords().known("anything") and not CommonWords().unfit("anything")
    lexicon = CommonWords(lexicon={"the": ()})
    assert lexicon.most_common(9) == CommonWords().most_common(9) == [], "a lexicon does not know how common words are"
    assert lexicon.known("The") and not lexicon.known("siprot") and not lexicon.unfit("the")
