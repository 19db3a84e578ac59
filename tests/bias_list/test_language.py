"""Which language a vocabulary's letters tell."""

import string

import pytest

from nemo_ctcbias.bias_list import BiasList, Vocabulary, spell
from nemo_ctcbias.bias_list.language import LETTERS, language_of

ALPHABETS = {  # as models trained on cleaned text of a language have them
    "en": string.ascii_lowercase + "'",
    "de": string.ascii_lowercase + "äöüß",
    "es": string.ascii_lowercase + "áéíñóúü¿¡",
    "fr": string.ascii_lowercase + "àâæçèéêëîïôùûüÿœ'",
    "it": string.ascii_lowercase + "àèéìîòóù'",
    "pl": "aąbcćdeęfghijklłmnńoóprsśtuwyzźż",
    "pt": string.ascii_lowercase + "àáâãçéêíóôõúü",
    "tr": "abcçdefgğhıijklmnoöprsştuüvyz",
    "sv": string.ascii_lowercase + "åäö",
    "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя'",
    "ko": "가각간갈감강거고과국기나다는대도들라로를마바사서스아어에와으은을의이인자하한",
}


@pytest.mark.parametrize("language", ALPHABETS)
def test_the_letters_of_a_vocabulary_tell_its_language(language):
    alphabet = ALPHABETS[language]
    assert language_of(alphabet) == language_of(alphabet + alphabet.upper()) == language
    assert Vocabulary([" ", *alphabet]).languages == (language,)
    assert Vocabulary(["▁", *alphabet, "<unk>"]).languages == (language,)


def test_letters_of_several_languages_tell_none():
    everything = "".join(ALPHABETS.values())
    assert language_of(everything) == language_of("") == language_of("日本語") == "en"
    assert language_of(ALPHABETS["en"] + "éñü") == "en", "loan words"
    assert Vocabulary([*everything], languages=["pl", "de"]).languages == ("pl", "de")
    assert not {letters for letters in LETTERS.values() if letters.isascii()}


@pytest.mark.parametrize(("language", "form"), [("de", "rhein zweihundert"), ("fr", "rhein deux cents"), ("en", "")])
def test_numbers_are_said_in_that_language(language, form):
    pytest.importorskip("num2words")
    spelled = spell(BiasList(["Rhein 200"]), Vocabulary(["▁", *ALPHABETS[language]]))
    assert (form or "rhein two hundred") in {one.form for one in spelled.spellings}


@pytest.mark.parametrize(
    ("language", "text", "form"),
    [
        ("en", "1,500", "one thousand five hundred"),
        ("de", "1.500", "eintausendfünfhundert"),
        ("de", "1,5", "eins komma fünf"),
        ("fr", "0,25", "zéro virgule deux cinq"),
        ("ru", "2,5", "две целых пять десятых"),
        ("de", "24.12.2024", "vierundzwanzig zwölf zweitausendvierundzwanzig"),
        ("de", "10:00", "zehn"),
        ("fr", "Louis XIV", "louis quatorze"),
    ],
)
def test_marks_in_numbers_are_those_of_the_language(language, text, form):
    pytest.importorskip("num2words")
    assert form in {one.form for one in spell(BiasList([text]), Vocabulary(["▁", *ALPHABETS[language]])).spellings}


def test_an_aggregate_says_numbers_in_all_its_languages():
    pytest.importorskip("num2words")
    letters = [*ALPHABETS["en"], *ALPHABETS["es"]]
    pieces = ["▁", *letters]
    halves = [range(27), range(27, len(pieces))]
    vocabulary = Vocabulary(pieces, languages=["en", "es"], aggregated=[(half, None) for half in halves])
    forms = {one.form for one in spell(BiasList(["Anna 2"]), Vocabulary(pieces, languages=["en", "es"])).spellings}
    assert {"anna two", "anna dos"} <= forms
    assert len(vocabulary.parts) == 2 and len(vocabulary.piece_ids) > len(vocabulary.parts[1].piece_ids)
