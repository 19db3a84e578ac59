import math

import pytest

from nemo_ctcbias.bias_list import BiasList, Phrase
from nemo_ctcbias.phones import Lexicon, Pronouncer
from nemo_ctcbias.phones.letters import LETTER_NAMES
from nemo_ctcbias.phones.pronouncer import split_words

SERSHA = ("S", "ER", "SH", "AH")


def phones(alternatives):
    return [pronunciation for pronunciation, _ in alternatives]


def test_the_users_pronunciation_comes_before_the_lexicons_before_g2p():
    lexicon = Lexicon({"saoirse": ["S AO R S"], "siprot": ["S IH P R AH T", "S AY P R AH T"]})
    pronouncer = Pronouncer([Phrase("Saoirse", pronunciations=["S ER1 SH AH0"])], lexicon)
    assert phones(pronouncer.word("saoirse")) == [SERSHA]
    assert phones(pronouncer.word("Siprot")) == list(lexicon["siprot"])
    assert phones(pronouncer.word("night"))[0] == ("N", "AY", "T")
    assert phones(Pronouncer(lexicon=lexicon).word("saoirse")) == [("S", "AO", "R", "S")]


@pytest.mark.parametrize("text", ["Saoirse", "Siobhan McKay", "live", "Jean-Luc of the Marne"])
def test_probabilities_add_up_to_one(text):
    alternatives = Pronouncer().text(text)
    assert 1 <= len(alternatives) <= 3
    assert sum(math.exp(p) for _, p in alternatives) == pytest.approx(1)
    assert [p for _, p in alternatives] == sorted((p for _, p in alternatives), reverse=True)
    assert len(set(phones(alternatives))) == len(alternatives)


def test_respellings_are_in_lower_case():
    pronouncer = Pronouncer([{"text": "Saoirse", "pronunciations": ["S ER SH AH", "seersha"]}])
    assert SERSHA in phones(pronouncer.phrases[0])
    assert ("S", "IY", "R", "SH", "AH") in phones(pronouncer.phrases[0])


def test_all_pronunciations_a_user_gives_are_kept():
    given = ["AE", "EH", "IH", "AA", "UH"]
    assert len(Pronouncer([Phrase("a", pronunciations=given)]).phrases[0]) == 5


def test_the_order_of_the_list_is_no_matter():
    listed = [Phrase("Saoirse Kelly"), Phrase("Saoirse", pronunciations=["S ER SH AH"])]
    assert Pronouncer(listed).phrases == Pronouncer(listed[::-1]).phrases[::-1]
    assert phones(Pronouncer(listed).phrases[0])[0] == (*SERSHA, "K", "EH", "L", "IY")


def test_spoken_forms_say_how_a_phrase_sounds():
    pronouncer = Pronouncer([Phrase("IbuVast 200", spoken=["night"])])
    assert phones(pronouncer.phrases[0])[0] == ("N", "AY", "T")


def test_listed_phrases_are_one_slot_in_a_transcript():
    listed = [Phrase("ship row", pronunciations=["S IH P R AA T"]), Phrase("Saoirse", pronunciations=["S ER SH AH"])]
    slots = Pronouncer(listed).slots("the ship row of saoirse ship".split())
    assert [phones(slot)[0] for slot in slots][1::2] == [("S", "IH", "P", "R", "AA", "T"), SERSHA]
    assert len(slots) == 5
    assert Pronouncer(listed).slots(["ship", "2"]) is None


def test_what_cannot_be_pronounced_is_reported_and_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("nemo_ctcbias.bias_list.readings._sayer", lambda language: None)  # no library says numbers
    path = tmp_path / "names.txt"
    path.write_text("Anna\nR2D2\n東京\n")
    pronouncer = Pronouncer(BiasList.load(path))
    assert [bool(alternatives) for alternatives in pronouncer.phrases] == [True, False, False]
    assert [note.level for note in pronouncer.notes] == ["warning"] * 2
    assert str(pronouncer.notes[0]) == (
        f"{path}:2: 'R2D2' cannot be pronounced: 'r2d2' has no known sound for '2', so it is biased by its spelling "
        "alone; give its pronunciation, or spell it in words"
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "S ER SHA",
            "list.jsonl:2: 'Bo' has the pronunciation 'S ER SHA', which is not used: unknown phone 'SHA'",
        ),
        ("SERSHA", "which is not used: unknown phone 'SERSHA'"),
        ("", "no phones"),
        ("b0", "list.jsonl:2: 'Bo' is respelt 'b0', which is not used: 'b0' has no known sound for '0'"),
    ],
)
def test_wrong_pronunciations_are_named_and_left_out(tmp_path, given, message):
    path = tmp_path / "list.jsonl"
    BiasList(["Anna", Phrase("Bo", pronunciations=[given])]).save(path)
    pronouncer = Pronouncer(BiasList.load(path))
    (note,) = pronouncer.notes
    assert message in str(note) and note.level == "warning"
    assert pronouncer.phrases == Pronouncer(["Anna", "Bo"]).phrases
    both = Pronouncer([Phrase("Bo", pronunciations=[given, "B AA"])])
    assert phones(both.phrases[0]) == [("B", "AA")] and len(both.notes) == 1


def test_words_of_a_phrase():
    assert split_words("Dr. Jean-Luc  O'Neil, (jr)") == ["dr", "jean", "luc", "o'neil", "jr"]
    assert split_words(" - ") == []


def names(letters):
    return tuple(phone for letter in letters for phone in LETTER_NAMES[letter])


@pytest.mark.parametrize(("text", "letters", "rest"), [("GPU", "gpu", ()), ("A.B.B. Row", "abb", ("R", "OW"))])
def test_acronyms_are_said_letter_by_letter_beside_as_a_word(text, letters, rest):
    found = phones(Pronouncer([text]).phrases[0])
    assert (*names(letters), *rest) in found and set(found) & set(phones(Pronouncer().text(text)))


@pytest.mark.parametrize(
    ("text", "ways"),
    [
        ("IbuVast 200", ["ibuvast two hundred", "ibuvast two zero zero"]),
        ("COVID-19", ["covid nineteen"]),
        ("3M", ["three m"]),
        ("the 10:30", ["the ten thirty"]),
        ("R2D2", ["r two d two"]),
        ("2nd Avenue", ["second avenue"]),
    ],
)
def test_numbers_sound_as_they_are_said(text, ways):
    pytest.importorskip("num2words")
    plain, pronouncer = Pronouncer(), Pronouncer([text, "Anna"])
    found = phones(pronouncer.phrases[0])
    assert found[0] == phones(plain.text(ways[0]))[0] and not pronouncer.notes
    assert all(phones(plain.text(way))[0] in found for way in ways)
    assert phones(pronouncer.slots(text.split())[0]) == found, "so they do in a transcript with digits"


def test_numbers_beside_acronyms_and_in_other_languages():
    pytest.importorskip("num2words")
    plain = Pronouncer()
    (gpt,) = Pronouncer(["GPT-4"]).phrases
    assert {phones(plain.text("gpt four"))[0], (*names("gpt"), "F", "AO", "R")} <= set(phones(gpt))
    (german,) = Pronouncer(["Studio 54"], languages=["de"]).phrases
    assert phones(german)[0] == phones(plain.text("studio vierundfünfzig"))[0]
    (respelt,) = Pronouncer([Phrase("Studio 54", spoken=["studio fifty four"])]).phrases
    assert respelt == plain.text("studio fifty four"), "the user has said how it is said"


@pytest.mark.parametrize(
    ("text", "said", "language"),
    [
        ("Johnson & Johnson", "johnson and johnson", "en"),
        ("M+M", "m plus m", "en"),
        ("Meyer & Sohn", "meyer und sohn", "de"),
    ],
)
def test_signs_sound_as_they_are_said(text, said, language):
    pronouncer = Pronouncer([text], languages=[language])
    assert phones(pronouncer.phrases[0])[0] == phones(Pronouncer().text(said))[0] and not pronouncer.notes


def test_letters_are_said_by_their_names():
    assert phones(Pronouncer(["W. J. Jenks"]).phrases[0])[0] == (*names("wj"), "JH", "EH", "NG", "K", "S")
    assert {("AH",), ("EY",)} >= set(phones(Pronouncer(lexicon=Lexicon({"a": ["AH", "EY"]})).word("a")))
    assert names("gx") == ("JH", "IY", "EH", "K", "S") and len(LETTER_NAMES) == 26


def test_listed_acronyms_are_heard_in_transcripts_too_and_others_are_words():
    plain, listed = Pronouncer(), Pronouncer(["GPU", "the GPU row"])
    assert names("gpu") in phones(listed.slots(["gpu"])[0]) and names("gpu") not in phones(plain.slots(["gpu"])[0])
    assert listed.given and not plain.given and not Pronouncer(["Anna"]).given
    assert listed.phrases == Pronouncer(["the GPU row", "GPU"]).phrases[::-1]
    shouted = Pronouncer(["OKONKWO", "THE GPU"])
    assert phones(shouted.phrases[1]) == phones(plain.text("the gpu")), "capitals say nothing there"


def test_amounts_and_measures_are_pronounced_as_they_are_said():
    pytest.importorskip("num2words")
    pytest.importorskip("babel")
    pronouncer = Pronouncer(["$5", "£3.50", "20 °C", "50%", "5 km"])
    assert not pronouncer.notes and all(pronouncer.phrases)
