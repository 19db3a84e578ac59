"""Spelling: the k best segmentations against brute force, the tokenizer's own first, nothing dropped silently."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import BiasList, Phrase, Spelling, Vocabulary, spell
from nemo_ctcbias.bias_list.readings import letter_by_letter
from nemo_ctcbias.bias_list.segmenter import Segmenter
from nemo_ctcbias.errors import SettingError

LETTERS = "abcdefghijklmnopqrstuvwxyz"
FULL = Vocabulary(["<unk>", "▁", "▁an", "an", "na", *LETTERS, "'"])
CHARS = Vocabulary(["<unk>", *LETTERS, " "])


def tokens_of(spelled) -> list[tuple[int, ...]]:
    return [s.tokens for s in spelled.spellings]


def notes_of(vocabulary, *entries, **options) -> list[str]:
    return [f"{n.level}: {n}" for n in spell(BiasList(entries), vocabulary, **options).notes]


def all_segmentations(surface: str, pieces: list[str]) -> list[tuple[int, ...]]:
    if not surface:
        return [()]
    return [
        (i, *rest)
        for i, piece in enumerate(pieces)
        if surface.startswith(piece)
        for rest in all_segmentations(surface[len(piece) :], pieces)
    ]


PIECES = st.lists(st.text("ab", min_size=1, max_size=3), max_size=6, unique=True).flatmap(
    lambda inner: st.lists(st.text("ab", max_size=3), min_size=1, max_size=5, unique=True).flatmap(
        lambda begin: st.permutations([*inner, *("▁" + piece for piece in begin)])
    )
)
WORDS = st.lists(st.text("ab", min_size=1, max_size=5), min_size=1, max_size=3)


def brute_force(words: list[str], pieces: list[str], best: dict[str, tuple[int, ...]], k: int) -> list[tuple[int, ...]]:
    """Own definition: all ways for all words; the best first, the others by number of pieces, then ids."""
    ways = [all_segmentations("▁" + word, pieces) for word in words]
    wholes = {tuple(t for part in choice for t in part) for choice in product(*ways)}
    if not wholes:
        return []
    order = sorted(wholes, key=lambda tokens: (len(tokens), tokens))
    first = tuple(t for word, options in zip(words, ways, strict=True) for t in best.get(word, min_by(options)))
    return [first, *(tokens for tokens in order if tokens != first)][:k]


def min_by(options: list[tuple[int, ...]]) -> tuple[int, ...]:
    return min(options, key=lambda tokens: (len(tokens), tokens))


@given(pieces=PIECES, words=WORDS, k=st.integers(1, 6))
@settings(max_examples=400)
def test_the_fewest_pieces_equal_brute_force(pieces, words, k):
    spelled = spell(BiasList([" ".join(words)]), Vocabulary(pieces), alternatives=k)
    assert tokens_of(spelled) == brute_force(words, pieces, {}, k)


@given(pieces=PIECES, words=WORDS, k=st.integers(1, 6), data=st.data())
@settings(max_examples=400)
def test_the_tokenizers_own_segmentation_comes_first(pieces, words, k, data):
    best = {}
    for word in words:
        ways = all_segmentations("▁" + word, pieces)
        if ways:
            best[word] = data.draw(st.sampled_from(ways))
    vocabulary = Vocabulary(pieces, encode=lambda word: list(best[word]))
    spelled = spell(BiasList([" ".join(words)]), vocabulary, alternatives=k)
    assert tokens_of(spelled) == brute_force(words, pieces, best, k)


@given(pieces=PIECES, words=WORDS, k=st.integers(1, 6), data=st.data())
def test_the_best_alone_is_the_first_of_all(pieces, words, k, data):
    def encode(word):
        return data.draw(st.sampled_from(all_segmentations("▁" + word, pieces) or [(0,)]))

    text, vocabulary = " ".join(words), Vocabulary(pieces, data.draw(st.sampled_from([None, lru_cache(encode)])))
    every = Segmenter(vocabulary, k).phrase(text)
    assert Segmenter(vocabulary, k).best(text) == (every[0] if every else None)


@given(text=st.text("ab京é😀", min_size=1, max_size=6), k=st.integers(1, 6))
def test_bytes_stand_in_where_nothing_else_fits(text, k):
    bytewise = [f"<0x{value:02X}>" for value in range(256)]
    vocabulary = Vocabulary([*bytewise, "▁", "▁a", "b", "ab", "ba", "é"])
    found = Segmenter(vocabulary, k).phrase(text)
    assert 1 <= len(found) <= k and {vocabulary.decode(tokens) for tokens in found} == {text}
    assert [(len(tokens), tokens) for tokens in found] == sorted((len(tokens), tokens) for tokens in found)
    lone = sum(len(character.encode()) for character in text if character in "京😀")
    assert all(sum(token < 256 for token in tokens) >= lone for tokens in found)


ENTRY = st.builds(
    Phrase,
    text=st.text("aAnb éł.-京", max_size=8),
    weight=st.sampled_from([1.0, 2.0, -1.0]),
    spoken=st.lists(st.text("anł.京 ", max_size=4), max_size=3),
)


@given(
    entries=st.lists(ENTRY, max_size=6),
    vocabulary=st.sampled_from([FULL, CHARS, Vocabulary(["▁a", "n"])]),
    max_tokens=st.integers(1, 8),
)
@settings(max_examples=300)
def test_every_phrase_has_a_spelling_or_a_note_that_it_was_dropped(entries, vocabulary, max_tokens):
    bias_list = BiasList(entries)
    spelled = spell(bias_list, vocabulary, max_tokens=max_tokens)
    assert spelled.bias_list is bias_list
    dropped = {note.where for note in spelled.notes if note.level == "dropped"}
    used = {bias_list.where(s.phrase) for s in spelled.spellings}
    assert used | dropped >= {bias_list.where(i) for i in range(len(bias_list))}
    assert used.isdisjoint(dropped)
    assert set(bias_list.notes) <= set(spelled.notes)
    assert [s.phrase for s in spelled.spellings] == sorted(s.phrase for s in spelled.spellings)
    assert len(set(tokens_of(spelled))) == len(spelled.spellings)
    for s in spelled.spellings:
        assert vocabulary.decode(s.tokens) == s.form
        assert 1 <= len(s.tokens) <= max_tokens
        forms = bias_list[s.phrase].forms
        said = [*forms, *filter(None, map(letter_by_letter, forms))]
        assert s.form in {vocabulary.normalise(form) for form in said}
        assert vocabulary.starts_word[s.tokens[0]]


def test_a_lone_word_start_is_a_way_to_begin():
    assert tokens_of(spell(BiasList(["Na"]), Vocabulary(["▁", "▁n", "na", "a"]))) == [(0, 2), (1, 3)]


def test_characters_have_one_spelling_that_starts_with_the_separator():
    v = Vocabulary(["a", "b", " "])
    assert tokens_of(spell(BiasList(["ab", "B a"]), v)) == [(2, 0, 1), (2, 1, 2, 0)]
    no_space = Vocabulary(["a", "b"])
    assert [(s.form, s.tokens) for s in spell(BiasList(["B a"]), no_space).spellings] == [("ba", (1, 0))]


@pytest.mark.parametrize(
    "encoded",
    [[0, 3], [3, 4], [1, 2, 2], [99, 1], [-4, 3], []],
    ids=["unknown", "no word start", "other text", "no such token", "negative", "nothing"],
)
def test_a_segmentation_of_the_tokenizer_that_does_not_fit_is_not_used(encoded):
    v = Vocabulary(["<unk>", "▁a", "b", "ab", "▁", "a"], encode=lambda word: encoded)
    assert tokens_of(spell(BiasList(["ab"]), v, alternatives=1)) == [(1, 2)]


def test_spoken_forms_all_point_to_their_phrase():
    spelled = spell(BiasList(["zoe", Phrase("Anna", spoken=["na", "an", "NA"])]), FULL, alternatives=1)
    assert [(s.phrase, s.form) for s in spelled.spellings] == [(0, "zoe"), (1, "na"), (1, "an")]
    assert isinstance(spelled.spellings[0], Spelling)


def test_what_cannot_be_used_is_reported_with_the_reason_and_the_remedy(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("北京\n...\n# x\nAnnabel\nFremont\nFREMONT\t2\nfre.mont\n", encoding="utf-8")
    spelled = spell(BiasList.load(path), FULL, max_tokens=4)
    assert [str(n).removeprefix(str(path)) for n in spelled.notes if n.level == "dropped"] == [
        ":1: '北京' has no tokens in this model's vocabulary (unknown: '北', '京'); add a spoken form",
        ":2: '...' has nothing to recognise (removed '.'); add a spoken form",
        ":4: 'Annabel' has 5 tokens, more than the limit of 4; list a shorter, distinctive part of it",
        ":5: 'Fremont' has 8 tokens, more than the limit of 4; list a shorter, distinctive part of it",
        ":6: 'FREMONT' has 8 tokens, more than the limit of 4; list a shorter, distinctive part of it",
        ":7: 'fre.mont' has 8 tokens, more than the limit of 4; list a shorter, distinctive part of it",
    ]


def test_phrases_the_model_cannot_tell_apart_count_once():
    assert notes_of(FULL, "Fremont", Phrase("FREMONT", 2.0), "fre.mont") == [
        "dropped: bias list[1]: 'FREMONT' is recognised as 'fremont', like 'Fremont' at bias list[0], "
        "whose weight 1 applies (not 2); keep one of them, or give it a spoken form of its own",
        "dropped: bias list[2]: 'fre.mont' is recognised as 'fremont', like 'Fremont' at bias list[0]; "
        "keep one of them, or give it a spoken form of its own",
    ]


def test_words_without_a_segmentation_are_dropped_though_their_letters_are_covered():
    assert notes_of(Vocabulary(["▁a", "bc"]), "ab") == [
        "dropped: bias list[0]: 'ab' cannot be put together from this model's tokens ('ab'); add a spoken form"
    ]


def test_lost_spoken_forms_are_changes_while_one_is_left():
    assert notes_of(FULL, Phrase("Anna", spoken=["anna", "ænñ京", ""])) == [
        "changed: bias list[0]: 'Anna' spoken form 'ænñ京' has no tokens in this model's vocabulary (unknown: '京'); "
        "add a spoken form",
        "changed: bias list[0]: 'Anna' spoken form '' is empty; add a spoken form",
    ]
    assert [note[:7] for note in notes_of(FULL, Phrase("Anna", spoken=["京", ""]))] == ["dropped", "dropped"]


def test_changes_and_risks_are_noted_and_case_is_not():
    assert notes_of(FULL, "Anna", "J.R.", "Jean-Luc", Phrase("no", -1.0), Phrase("so", 0.0), "Al") == [
        "changed: bias list[1]: 'J.R.' is recognised as 'jr' (removed '.'); add a spoken form if it is said otherwise",
        "warning: bias list[1]: 'J.R.' is kept, but such short words over-fire; "
        "lower its weight or list a longer phrase",
        "changed: bias list[2]: 'Jean-Luc' is recognised as 'jean luc' ('-' became a space); "
        "add a spoken form if it is said otherwise",
        "warning: bias list[5]: 'Al' is kept, but such short words over-fire; lower its weight or list a longer phrase",
    ]
    assert notes_of(Vocabulary(["北", "京"]), "北京") == []


def test_longer_ways_are_left_out_where_shorter_ones_fit():
    v = Vocabulary(["▁", "▁an", "a", "n"], encode=lambda word: [0, 2, 3])
    assert tokens_of(spell(BiasList(["an"]), v, max_tokens=2)) == [(1,)]


def test_the_tokenizer_is_asked_once_for_each_distinct_word():
    asked = []
    vocabulary = Vocabulary(FULL.pieces, encode=lambda word: asked.append(word) or [])
    spell(BiasList(["New York", "york", "New Jersey", "Old YORK"]), vocabulary)
    assert asked == ["new", "york", "jersey", "old"]


def test_very_long_words_do_not_break_the_search():
    spelled = spell(BiasList(["an" * 500]), FULL)
    assert not spelled.spellings
    assert "has 500 tokens" in str(spelled.notes[0])


@pytest.mark.parametrize("name", ["alternatives", "max_tokens"])
def test_settings_out_of_range_are_refused(name):
    with pytest.raises(SettingError, match=rf"{name} must be at least 1, got 0"):
        spell(BiasList(), FULL, **{name: 0})


def test_a_real_tokenizer_agrees(tmp_path: Path):
    sentencepiece = pytest.importorskip("sentencepiece")
    text = tmp_path / "text.txt"
    text.write_text("the quick brown fox jumps over the lazy dog\nanna met bob o'brien in new york\n" * 20)
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(tmp_path / "m"), vocab_size=60, model_type="bpe", minloglevel=2
    )
    processor = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "m.model"))
    pieces = [processor.id_to_piece(i) for i in range(processor.get_piece_size())]
    vocabulary = Vocabulary(pieces, processor.encode)
    spelled = spell(BiasList(["Anna O’Brien", "New York", "Fjord"]), vocabulary)
    first = {s.phrase: s for s in reversed(spelled.spellings)}
    assert {i: list(s.tokens) for i, s in first.items()} == {
        i: processor.encode(form) for i, form in enumerate(["anna o'brien", "new york", "fjord"])
    }
    assert all(processor.decode(list(s.tokens)) == s.form for s in spelled.spellings)
    assert [sum(s.phrase == i for s in spelled.spellings) for i in range(2)] == [4, 4]


@pytest.mark.parametrize(
    ("text", "form", "others"),
    [
        ("IbuVast 200", "ibuvast two hundred", {"ibuvast two zero zero"}),
        ("GPT-4", "gpt four", {"g p t four"}),
        ("COVID-19", "covid nineteen", {"covid one nine"}),
        ("3M", "three m", set()),
        ("$20 T-shirt", "twenty dollars t shirt", set()),
        ("10:30", "ten thirty", set()),
        ("B12 205", "b twelve two hundred and five", {"b twelve two hundred five", "b twelve two zero five"}),
        ("2nd Okonkwo", "second okonkwo", set()),
        ("1984", "nineteen eighty four", {"one thousand nine hundred and eighty four"}),
        ("Boeing 747", "boeing seven hundred and forty seven", {"boeing seven forty seven"}),
        ("route 6602", "route six thousand six hundred and two", {"route sixty six oh two"}),
        ("the 1990s", "the nineteen nineties", set()),
        ("Python 3.12", "python three point one two", {"python three point twelve"}),
        ("v 1.2.34", "v one point two thirty four", set()),
    ],
)
def test_numbers_are_listened_for_as_words(text, form, others):
    pytest.importorskip("num2words")
    spelled = spell(BiasList([text]), FULL, alternatives=1)
    assert spelled.spellings[0].form == form and spelled.spellings[0].cost == 0
    guesses = {one.form: one.cost for one in spelled.spellings[1:]}
    assert others <= set(guesses) and all(cost > 0 for cost in guesses.values())
    assert "numbers as words" in str(spelled.notes[0])


@pytest.mark.parametrize(
    ("text", "form", "others"),
    [
        ("$5", "five dollars", set()),
        ("20 €", "twenty euros", set()),
        ("£3.50", "three pounds fifty", {"three pounds and fifty pence"}),
        ("$1.01", "one dollar one", {"one dollar and one cent"}),
        ("$2.5 million", "two point five million dollars", set()),
        ("$3.5m", "three point five million dollars", set()),
        ("£20bn", "twenty billion pounds", set()),
        ("€5k", "five thousand euros", set()),
        ("3M", "three m", set()),
        ("50%", "fifty percent", {"fifty per cent"}),
        ("5°", "five degrees", set()),
        ("20 ° C", "twenty degrees celsius", set()),
        ("5 km", "five kilometers", {"five kilometres", "five km"}),
        ("IbuVast 200 mg", "ibuvast two hundred milligrams", {"ibuvast two hundred mg"}),
        ("1 km/h", "one kilometer per hour", set()),
        ("5 Gb", "five gb", set()),
        ("50 Cent", "fifty cent", set()),
    ],
)
def test_money_and_measures_are_listened_for_as_words(text, form, others):
    pytest.importorskip("num2words")
    pytest.importorskip("babel")
    spelled = spell(BiasList([text]), FULL, alternatives=1)
    assert spelled.spellings[0].form == form and others <= {one.form for one in spelled.spellings[1:]}
    assert f"is recognised as '{form}' (numbers as words" in str(spelled.notes[0])


@pytest.mark.parametrize(
    ("language", "text", "form"),
    [
        ("de", "3,50 €", "drei euro fünfzig"),
        ("de", "1 €", "ein euro"),
        ("de", "€5k", "fünf euro k"),
        ("fr", "20 °C", "vingt degrés celsius"),
        ("es", "50%", "cincuenta por ciento"),
        ("pl", "5 km", "pięć kilometrów"),
        ("tr", "50%", "yüzde elli"),
    ],
)
def test_money_and_measures_in_other_languages(language, text, form):
    pytest.importorskip("num2words")
    pytest.importorskip("babel")
    vocabulary = Vocabulary([*FULL.pieces, *"äöüßéóćęłıç"], languages=[language])
    assert spell(BiasList([text]), vocabulary, alternatives=1).spellings[0].form == form


def test_a_sign_that_no_language_is_known_to_say_is_reported():
    pytest.importorskip("num2words")
    swedish = Vocabulary([*FULL.pieces, *"åäö"], languages=["sv"])
    (note,) = spell(BiasList(["$5"]), swedish).notes
    assert note.level == "dropped" and "(unknown: '$')" in str(note)


def test_a_model_that_writes_digits_is_asked_for_signs_as_words():
    pytest.importorskip("num2words")
    digits = Vocabulary([*FULL.pieces, *"0123456789"])
    forms = [one.form for one in spell(BiasList(["$50"]), digits, alternatives=1).spellings]
    assert forms == ["fifty dollars"]


def test_a_model_that_writes_hyphens_is_asked_for_them_and_for_spaces():
    pytest.importorskip("num2words")
    hyphens = Vocabulary([*FULL.pieces, "-"])
    for text, forms in (
        ("COVID-19", ["covid nineteen", "covid-nineteen", "covid one nine", "covid-one nine"]),
        ("Jean-Luc 21", ["jean-luc twenty one", "jean-luc twenty-one", "jean-luc two one"]),
    ):
        assert [one.form for one in spell(BiasList([text]), hyphens, alternatives=1).spellings] == forms


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("Louis XIV", ["louis xiv", "louis the fourteenth", "louis fourteen"]),
        ("World War II", ["world war ii", "world war the second", "world war two"]),
        ("the MIX", ["the mix", "the m i x"]),
    ],
)
def test_roman_numbers_are_no_acronyms(text, forms):
    pytest.importorskip("num2words")
    assert [one.form for one in spell(BiasList([text]), FULL, alternatives=1).spellings] == forms


def test_a_model_that_writes_signs_is_asked_for_both():
    signs = Vocabulary([*FULL.pieces, "&", "+"])
    for text, said in (("Johnson & Johnson", "johnson and johnson"), ("anna+", "anna plus")):
        assert [one.form for one in spell(BiasList([text]), signs, alternatives=1).spellings] == [text.lower(), said]


def test_a_model_that_writes_digits_is_asked_for_both():
    pytest.importorskip("num2words")
    digits = Vocabulary([*FULL.pieces, *"0123456789"])
    forms = [one.form for one in spell(BiasList(["covid 19"]), digits, alternatives=1).spellings]
    assert forms == ["covid 19", "covid nineteen", "covid one nine"]


def test_without_the_library_numbers_are_reported(monkeypatch):
    monkeypatch.setattr("nemo_ctcbias.bias_list.readings._sayer", lambda language: None)
    assert notes_of(FULL, "IbuVast 200") == [
        "dropped: bias list[0]: 'IbuVast 200' has no tokens in this model's vocabulary (unknown: '2', '0'); "
        "add a spoken form, or have numbers read as words: pip install 'nemo-ctcbias[numbers]'"
    ]


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("GPU", "g p u"),
        ("J.R.R. Tolkien", "j r r tolkien"),
        ("the HTML", "the h t m l"),
        ("ChatGPT", "chat g p t"),
        ("NATO", None),
        ("Ann", None),
    ],
)
def test_acronyms_and_initials_are_listened_for_letter_by_letter(text, letters):
    spelled = spell(BiasList([text]), FULL, alternatives=1).spellings
    assert [one.form for one in spelled[1:]] == ([letters] if letters else [])


def test_initials_are_listened_for_with_and_without_points():
    points = Vocabulary(["▁", *LETTERS, *LETTERS.upper(), "."])
    for text, without in (("W. J. Jenks", "W J Jenks"), ("J.R.R. Tolkien", "J R R Tolkien")):
        assert {text, without} <= {one.form for one in spell(BiasList([text]), points).spellings}
    assert "Dr Okonkwo" not in {one.form for one in spell(BiasList(["Dr. Okonkwo"]), points).spellings}


def test_punctuation_alone_is_no_phrase_of_a_model_that_writes_it():
    marks = Vocabulary([*FULL.pieces, *".?!-&"])
    for text in ("...", "?!", "- -"):
        (note,) = spell(BiasList([text]), marks).notes
        assert note.level == "dropped" and "has nothing to recognise (punctuation alone)" in str(note)
    assert [one.form for one in spell(BiasList(["&"]), marks, alternatives=1).spellings] == ["&", "and"]


def test_what_is_listed_goes_before_what_may_be_said():
    spelled = spell(BiasList(["GPU", Phrase("g p u", 2.0)]), FULL, alternatives=1)
    assert {one.form: one.phrase for one in spelled.spellings} == {"gpu": 0, "g p u": 1}
    spoken = spell(BiasList([Phrase("GPU", spoken=["GPU"])]), FULL, alternatives=1).spellings
    assert [one.form for one in spoken] == ["gpu"]  # the user has said how it is said


def test_turkish_letters_are_listened_for_in_both_alphabets():
    turkish = Vocabulary(["▁", *LETTERS, "ı", "ğ"])
    for text, forms in (("Irmak", ["ırmak", "irmak"]), ("ILGAZ", ["ılgaz", "ilgaz"]), ("İzmir", ["izmir"])):
        assert [one.form for one in spell(BiasList([text]), turkish, alternatives=1).spellings] == forms
    cased = Vocabulary(["▁", *LETTERS, *LETTERS.upper(), "ı", "İ"])
    forms = {one.form for one in spell(BiasList(["IRMAK"]), cased, alternatives=1).spellings}
    assert {"IRMAK", "Irmak", "ırmak", "irmak"} <= forms
