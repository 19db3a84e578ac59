"""Vocabularies: which tokens begin words, and how text is brought to what the model can write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.errors import ModelError

LETTERS = "abcdefghijklmnopqrstuvwxyz"
LOWER = Vocabulary(["<unk>", "<0xC3>", "▁", "▁the", *LETTERS, "'"])
UPPER = Vocabulary([" ", *LETTERS.upper()])
MIXED = Vocabulary(["▁", *LETTERS, *LETTERS.upper(), "-", "é"])
GERMAN = Vocabulary(["▁", *LETTERS], languages=["de"])
TURKISH = Vocabulary(["▁", *LETTERS, "ı"])
NO_SPACE = Vocabulary([*LETTERS])


def test_bpe_pieces():
    v = Vocabulary(["<unk>", "▁a", "b", "▁", "<0x41>", "⁇", "<s>", "▁a"])
    assert (v.kind, v.size, v.separator_id) == ("bpe", 8, None)
    assert v.unknown_ids == {0, 4, 5, 6}
    assert v.starts_word.tolist() == [False, True, False, True, False, False, False, True]
    assert v.starts_word.dtype == bool
    assert v.piece_ids == {"▁a": 1, "b": 2, "▁": 3}
    assert v.decode([1, 2, 3, 2, 1]) == "ab b a"
    assert v.decode([]) == ""


def test_characters():
    v = Vocabulary(["a", " ", "b", "<unk>"])
    assert (v.kind, v.separator_id, v.unknown_ids) == ("char", 1, {3})
    assert v.starts_word.tolist() == [False, True, False, False]
    assert v.decode([1, 0, 2, 1, 1, 0]) == "ab a"
    assert NO_SPACE.separator_id is None and not NO_SPACE.starts_word.any()
    assert Vocabulary(["a", "<", "b"]).unknown_ids == frozenset()


def test_vocabularies_that_cannot_be_biased():
    with pytest.raises(ModelError, match=r"WordPiece tokens such as '##he'; only SentencePiece and character"):
        Vocabulary(["t", "##he"])
    with pytest.raises(ModelError, match="vocabulary is empty"):
        Vocabulary([])
    assert Vocabulary(["a", "#"]).kind == "char"


@pytest.mark.parametrize(
    ("vocabulary", "text", "form", "changes"),
    [
        (LOWER, "Zelenskyy", "zelenskyy", ()),
        (LOWER, "  New\u00a0 York\n", "new york", ()),
        (LOWER, "O’Brien", "o'brien", ()),
        (LOWER, "José!", "jose", ("'é' became 'e'", "removed '!'")),
        (LOWER, "Jose\u0301", "jose", ("'é' became 'e'",)),
        (LOWER, "Jean-Luc", "jean luc", ("'-' became a space",)),
        (LOWER, "Paris,Texas", "paris texas", ("',' became a space",)),
        (LOWER, "AC/DC", "ac dc", ("'/' became a space",)),
        (LOWER, "J.R.R.", "jrr", ("removed '.'",)),
        (LOWER, "İzmir", "izmir", ("removed the accent U+0307",)),
        (LOWER, "ﬁn", "fin", ("'ﬁ' became 'fi'",)),
        (LOWER, "Kleenex®", "kleenex", ("removed '®'",)),
        (LOWER, "Łódź 7", "lodz 7", ("'ł' became 'l'", "'ó' became 'o'", "'ź' became 'z'")),
        (LOWER, "Straße", "strasse", ("'ß' became 'ss'",)),
        (LOWER, "Ørsted", "orsted", ("'ø' became 'o'",)),
        (LOWER, "Đặng", "dang", ("'đ' became 'd'", "'ặ' became 'a'")),
        (LOWER, "Æther", "aether", ("'æ' became 'ae'",)),
        (MIXED, "Æther", "Aether", ("'Æ' became 'Ae'",)),
        (LOWER, "Зоя", "zoya", ("'з' became 'z'", "'о' became 'o'", "'я' became 'ya'")),
        (LOWER, "Johnson & Johnson", "johnson and johnson", ("'&' became 'and'",)),
        (LOWER, "AT&T", "at and t", ("'&' became 'and'",)),
        (GERMAN, "C&A", "c und a", ("'&' became 'und'",)),
        (TURKISH, "Irmak ILGAZ İnci", "ırmak ılgaz inci", ()),
        (LOWER, "▁the", "▁the", ()),
        (LOWER, "...", "", ("removed '.'",)),
        (UPPER, "Straße", "STRASSE", ()),
        (UPPER, "O’Brien", "OBRIEN", ("removed '’'",)),
        (UPPER, "O'Brien", "OBRIEN", ('removed "\'"',)),
        (MIXED, "Jean-Luc é è", "Jean-Luc é e", ("'è' became 'e'",)),
        (NO_SPACE, "New York", "newyork", ("joined the words, the model has no space",)),
    ],
)
def test_text_follows_the_vocabulary(vocabulary, text, form, changes):
    assert vocabulary.explain(text) == (form, changes)
    assert vocabulary.normalise(text) == form


def test_letters_the_vocabulary_only_has_in_two_characters_are_no_change():
    v = Vocabulary(["▁", "e", "\u0301"])
    assert v.explain("é") == ("e\u0301", ())
    hindi = Vocabulary(["▁", "क", "ि"])
    assert hindi.explain("कि") == ("कि", ())
    assert hindi.unknown(hindi.normalise("कु")) == ("ु",)  # a vowel sign is no accent: never dropped
    assert Vocabulary(["カ"]).explain("ガ") == ("ガ", ())  # nor is a voicing mark: ga is not ka
    assert Vocabulary(["f"]).explain("ﬁ") == ("ﬁ", ())


def test_uncovered_characters_are_named_once_in_order():
    assert LOWER.unknown(LOWER.normalise("Łódź 7 京8")) == ("7", "京", "8")
    assert LOWER.unknown("the cat") == ()
    assert LOWER.unknown("▁") == ("▁",)  # the mark is no character of a phrase
    assert LOWER.unknown("c3<") == ("3", "<")  # byte pieces cover nothing


@given(st.text("abÉéł-’'.,/ \u0301\u200bSßΣ7", max_size=12), st.sampled_from([LOWER, UPPER, MIXED, NO_SPACE]))
def test_normalising_again_changes_nothing(text, vocabulary):
    form = vocabulary.normalise(text)
    assert vocabulary.normalise(form) == form
    assert form == " ".join(form.split())


ACCENTS = Vocabulary(["▁", *LETTERS, "\u0301", "\u0307", "\u0345", "é", "ś", "ι"])


@given(st.text("aesßéœªﬁ①\u0301\u0344\u0327\u0307\u0335\u1dc0\u309a\u0345", max_size=8))
def test_accents_form_letters_at_once(text):
    form = ACCENTS.normalise(text)
    assert ACCENTS.normalise(form) == form


@given(st.text("ab é.-", max_size=12))
def test_a_report_says_nothing_only_where_case_and_space_changed(text):
    form, changes = LOWER.explain(text)
    assert bool(changes) == (form != " ".join(text.lower().split()))


def test_which_tokens_may_begin_an_ending_with_an_apostrophe():
    pieces = ["▁", "▁'", "'", "’s", "s'", "s", "a"]
    assert Vocabulary(pieces).apostrophe_ids == (2, 3)
    assert Vocabulary(pieces, languages=["fr"]).apostrophe_ids == (), "l'eau, and no possessives"
    assert Vocabulary(["a", " "]).apostrophe_ids == ()
