import itertools

import pytest

from nemo_ctcbias.bias_list import Phrase
from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones import G2G
from nemo_ctcbias.phones.g2g import Variant, _combined


@pytest.fixture(scope="module")
def g2g():
    return G2G()


@pytest.mark.parametrize("text", ["Saoirse", "catherine", "Siobhan McKay", "Łódź", "Dr. O'Neil", "a"])
def test_identity_is_first_and_free(g2g, text):
    variants = g2g.spellings(text, 10)
    assert (variants[0].spelling, variants[0].cost) == (text, 0.0)
    assert [v.cost for v in variants] == sorted(v.cost for v in variants)
    assert len({v.spelling for v in variants}) == len(variants) <= 10
    assert g2g.spellings(text, 3) == variants[:3]


def test_usual_spellings_are_found(g2g):
    assert {"katherine", "kathryn"} <= {v.spelling for v in g2g.spellings("Catherine", 6)}
    assert "nite" in {v.spelling for v in g2g.spellings("night", 3)}
    assert "jean luke" in {v.spelling for v in g2g.spellings("Jean-Luc", 3)}


def test_a_pronunciation_that_is_given_is_spelt(g2g):
    variants = g2g.spellings(Phrase("Saoirse", pronunciations=["S ER SH AH"]), 6)
    assert "sersha" in {v.spelling for v in variants}
    assert {v.pronunciation for v in variants} == {("S", "ER", "SH", "AH")}


def test_words_can_be_kept_out(g2g):
    assert "nite" not in {v.spelling for v in G2G(excluded={"nite"}.__contains__).spellings("night", 5)}


def test_what_has_no_sound_has_no_variants(g2g):
    for phrase in ("東京", Phrase("x", spoken=["東京"])):
        with pytest.raises(PhoneticsError, match="has no known sound for"):
            g2g.spellings(phrase)


def test_phrases_combine_the_cheapest_variants():
    words = [
        [Variant(f"{k}{i}", cost, ()) for i, cost in enumerate(costs)]
        for k, costs in enumerate([[0, 1.0, 1.5], [0, 0.25], [0, 3.0, 3.1, 3.2]])
    ]
    brute = sorted(
        (sum(part.cost for part in parts), " ".join(part.spelling for part in parts))
        for parts in itertools.product(*words)
    )
    found = [(v.cost, v.spelling) for v in _combined(words, 10)]
    assert sorted(found) == brute[:10] and [cost for cost, _ in found] == [cost for cost, _ in brute[:10]]
    assert len(_combined(words, 100)) == 24
