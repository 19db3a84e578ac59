"""Bias lists: sequence behaviour, notes, files that come back as written, and errors that name the line."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import BiasList, Phrase
from nemo_ctcbias.errors import BiasListError, OutputError

TEXT = st.one_of(
    st.text(min_size=1, max_size=12),
    st.text("ab #\t\n\r\ufeff\x00\u2028\x85é,\"'0.5", min_size=1, max_size=8),
)
WEIGHT = st.one_of(st.just(1.0), st.floats(allow_nan=False, allow_infinity=False))
PHRASE = st.builds(
    Phrase,
    text=TEXT,
    weight=WEIGHT,
    spoken=st.lists(TEXT, max_size=2),
    display=st.one_of(st.none(), TEXT.filter(str.strip)),
    pronunciations=st.lists(TEXT, max_size=2),
)
PLAIN = st.builds(Phrase, text=TEXT, weight=WEIGHT)


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_list_is_a_sequence_of_phrases():
    names = BiasList(["Anna", {"text": "Bob", "weight": 2}, Phrase("Cleo")])
    assert len(names) == 3
    assert [p.text for p in names] == ["Anna", "Bob", "Cleo"]
    assert names[1] == Phrase("Bob", 2.0)
    assert names[-1] == Phrase("Cleo")
    assert names[1:] == BiasList([Phrase("Bob", 2.0), "Cleo"])
    assert Phrase("Anna") in names
    assert names and not BiasList()
    assert names.notes == ()
    assert repr(names) == "BiasList(3 phrases: 'Anna', 'Bob', 'Cleo')"
    assert repr(BiasList(["w"], source="x.txt")) == "BiasList(1 phrase from x.txt: 'w')"
    assert pickle.loads(pickle.dumps(names)) == names


def test_equality_and_hash_follow_the_phrases():
    names = BiasList(["Anna", "Bob"])
    assert names == BiasList(["Anna", "Bob"], source="x.txt")
    assert hash(names) == hash(BiasList(["Anna", "Bob"]))
    others = [["Anna"], ["Anna", Phrase("Bob", 2.0)], ["Anna", Phrase("Bob", 1.0, ("bobb",))], ["Anna Bob"]]
    others += [["Anna", Phrase("Bob", display="BOB")], ["Bob", "Anna"]]
    assert all(names != BiasList(other) for other in others)
    assert names != ["Anna", "Bob"]


def test_repeated_entries_count_once_and_a_lost_weight_is_noted():
    names = BiasList(["Anna", "Bob", "Anna", Phrase("Anna", 3.0), Phrase("Bob", display="BOB")])
    assert [p.text for p in names] == ["Anna", "Bob"]
    assert [str(note) for note in names.notes] == [
        "bias list[3]: 'Anna' is already listed at bias list[0] (weight 3.0 is ignored for 1.0); keep one of the two",
        "bias list[4]: 'Bob' is already listed at bias list[1] (written 'BOB' is ignored for 'Bob'); "
        "keep one of the two",
    ]
    assert {note.level for note in names.notes} == {"dropped"}


def test_of_repeated_entries_the_first_says_how_it_sounds():
    names = BiasList([Phrase("Anna", pronunciations=["AE N AH"]), "Anna"])
    assert names[0].pronunciations == ("AE N AH",) and len(names) == 1
    assert "(pronunciations () is ignored for ('AE N AH',))" in str(names.notes[0])
    assert names != BiasList(["Anna"])


def test_same_text_with_other_spoken_forms_is_another_phrase():
    names = BiasList(["Anna", Phrase("Anna", 2.0, ("ana",))])
    assert len(names) == 2 and not names.notes


def test_empty_entries_are_left_out_with_a_note_and_positions_stay():
    names = BiasList(["", "Anna", "  ", "Bob"])
    assert [p.text for p in names] == ["Anna", "Bob"]
    assert [note.where for note in names.notes] == ["bias list[0]", "bias list[2]"]
    assert names.where(1) == "bias list[3]"
    assert BiasList(["Anna"], source="call 7").where(0) == "call 7[0]"


def test_wrong_entries_are_named():
    with pytest.raises(BiasListError, match=r"^bias list\[1\]: a phrase is a string or a mapping"):
        BiasList(["Anna", 5])
    with pytest.raises(BiasListError, match=r"^bias list\[0\]: weight must be finite"):
        BiasList([{"text": "Anna", "weight": float("inf")}])
    for single in ("Anna", {"text": "Anna"}, Phrase("Anna")):
        with pytest.raises(BiasListError, match=r"needs a list of phrases, got the single .*; put it in a list"):
            BiasList(single)


def test_text_files(tmp_path):
    path = write(tmp_path, "names.txt", "\ufeff# people\r\n\r\nAnna\r\n  Bob B.  \t2.5\r\n  # old\nran\t-1\n\t2\nLast")
    names = BiasList.load(path)
    assert list(names) == [Phrase("Anna"), Phrase("Bob B.", 2.5), Phrase("ran", -1.0), Phrase("Last")]
    assert [names.where(i) for i in range(4)] == [f"{path}:{line}" for line in (3, 4, 6, 8)]
    assert names[2:].where(0) == f"{path}:6"
    assert [note.where for note in names.notes] == [f"{path}:7"]
    assert names.source == str(path)


def test_lines_may_end_as_on_an_old_mac(tmp_path):
    assert BiasList.load(write(tmp_path, "names.txt", "Anna\rBob\t2\r")) == BiasList(["Anna", Phrase("Bob", 2.0)])


def test_files_are_written_for_people(tmp_path):
    names = BiasList(["José", Phrase("Anna", 2.5)])
    names.save(tmp_path / "names.txt")
    names.save(tmp_path / "names.jsonl")
    assert (tmp_path / "names.txt").read_bytes().decode() == "José\nAnna\t2.5\n"
    lines = ['{"text": "José"}', '{"text": "Anna", "weight": 2.5}', ""]
    assert (tmp_path / "names.jsonl").read_bytes().decode() == "\n".join(lines)


def test_json_lines(tmp_path):
    lines = ['{"text": "Anna"}', "", '{"text": "Bob", "weight": -2, "spoken": ["bobb"], "display": "BOB"}', '"Cleo"']
    names = BiasList.load(write(tmp_path, "names.JSONL", "\n".join(lines)))
    assert list(names) == [Phrase("Anna"), Phrase("Bob", -2.0, ("bobb",), "BOB"), Phrase("Cleo")]
    assert names.where(2).endswith("names.JSONL:4")


TABLE = [Phrase("Okonkwo", 1.5), Phrase("Smith, John"), Phrase("Saoirse", spoken=("sersha", "seersha"), type="people")]


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        (
            "n.csv",
            'Name;Boost;Sounds like;Class\nOkonkwo;1,5;;\n"Smith, John";;;\nSaoirse;;sersha|seersha;people\n',
            TABLE,
        ),
        ("n.tsv", "text\tweight\nOkonkwo\t1.5\nSmith, John\t\n", TABLE[:2]),
        ("n.txt", "name,weight\nOkonkwo,1.5\n", TABLE[:1]),
        ("n.csv", "Okonkwo\nZelda\n", [Phrase("Okonkwo"), Phrase("Zelda")]),
        ("n.tsv", "Okonkwo\t1.5\n", TABLE[:1]),
        ("n.json", '[\n  ["Okonkwo", 1.5],\n  "Smith, John"\n]\n', TABLE[:2]),
        ("n.json", '{"Okonkwo": 1.5, "Smith, John": null}', TABLE[:2]),
        ("n.txt", '{"text": "Okonkwo", "weight": 1.5}\n"Smith, John"\n', TABLE[:2]),
        ("n.txt", "# people\n#\n## more\nOkonkwo\t1.5\n#hashtag\n", [TABLE[0], Phrase("#hashtag")]),
    ],
)
def test_lists_as_people_have_them(tmp_path, name, content, found):
    assert list(BiasList.load(write(tmp_path, name, content))) == found


def test_what_is_not_read_of_a_file_is_noted(tmp_path):
    listed = BiasList.load(write(tmp_path, "n.csv", "name,city\nOkonkwo,Lagos\nZelda,Oslo\n"))
    (note,) = listed.notes
    assert "n.csv:2: 'Okonkwo' is read without city" in str(note)
    (note,) = BiasList.load(write(tmp_path, "n.txt", "#hashtag\n")).notes
    assert "is read as a phrase; write a space after #" in str(note)


def test_dicts_and_pairs():
    wanted = [Phrase("Okonkwo", 1.5), Phrase("Saoirse", spoken=("sersha",)), Phrase("Fremont")]
    assert list(BiasList({"Okonkwo": 1.5, "Saoirse": {"spoken": ["sersha"]}, "Fremont": None})) == wanted
    assert list(BiasList([("Okonkwo", 1.5), {"text": "Saoirse", "spoken": ["sersha"]}, "Fremont"])) == wanted
    with pytest.raises(BiasListError, match="put it in a list"):
        BiasList({"text": "Okonkwo"})


def test_joined_lists_say_where_each_phrase_is_from(tmp_path):
    first = BiasList.load(write(tmp_path, "a.txt", "# people\nAnna\t2\n"))
    second = BiasList(["Bob", "Anna"], source="--bias")
    listed = BiasList.joined([first, second])
    assert list(listed) == [Phrase("Anna", 2.0), Phrase("Bob")]
    assert [listed.where(index) for index in range(2)] == [f"{tmp_path}/a.txt:2", "--bias[0]"]
    (note,) = listed.notes
    assert note.where == "--bias[1]" and f"already listed at {tmp_path}/a.txt:2" in note.reason


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("n.txt", "Anna\nBob\tmuch\n", r"n\.txt:2: 'Bob' has the weight 'much', which is not a number"),
        ("n.txt", "Anna\n\nBob\tnan\n", r"n\.txt:3: weight must be finite"),
        ("n.txt", "Anna\t1\t2", r"n\.txt:1: more than one tab"),
        ("n.txt", b"Anna\nJos\xe9\n", r"n\.txt:2: is not UTF-8; save the file as UTF-8"),
        ("n.txt", "Anna".encode("utf-16"), r"n\.txt: is UTF-16"),
        ("n.txt", b"PK\x03\x04\x00\x00", r"n\.txt: is a spreadsheet or archive, not saved as text or CSV"),
        ("n.txt", b"RIFF\x00\x00", r"n\.txt: is a binary file"),
        ("n.jsonl", '{"text": "Anna"}\n{"text": ', r"n\.jsonl:2: is not valid JSON .* write an object a line"),
        ("n.jsonl", "Anna\n", r"n\.jsonl:1: is not valid JSON"),
        ("n.jsonl", '{"text": "A", "wight": 2}', r"n\.jsonl:1: unknown field 'wight'"),
        ("n.jsonl", '["Anna", 3]', r"n\.jsonl: entry 2: a phrase is a string or a mapping"),
        ("n.json", '{"Anna": "much"}', r"n\.json: entry 1: weight must be a number"),
        ("n.csv", "first,last\nAnna,B\n", r"n\.csv: which column holds the phrases\? its first line is 'first, last'"),
        ("n.csv", "name,term\nAnna,B\n", r"n\.csv: columns name and term are both read as 'text'; rename one"),
        ("n.csv", "name,weight\nAnna,much\n", r"n\.csv:2: weight 'much' is not a number"),
        ("n.csv", "name,weight\n,2\n", r"n\.csv:2: no phrase in this row"),
        ("n.txt", '{"audio_filepath": "a.wav"}\n', r"n\.txt: is a manifest of recordings"),
        ("n.txt", "OKONKWO  OW0 K AA1 N\nSMITH  S M IH1 TH\n", r"n\.txt: is a pronunciation lexicon"),
        ("n.jsonl", '{"text": "A", "weight": NaN}', r"n\.jsonl:1: weight must be finite"),
        ("n.jsonl", "[" * 100000, r"n\.jsonl:1: is not valid JSON"),
        ("n.jsonl", '{"text": "A", "weight": 1' + "0" * 5000 + "}", r"n\.jsonl:1: is not valid JSON"),
    ],
)
def test_unreadable_files_are_named_with_their_line(tmp_path, name, content, message):
    with pytest.raises(BiasListError, match=message):
        BiasList.load(write(tmp_path, name, content))


def test_paths_that_hold_no_list(tmp_path):
    with pytest.raises(BiasListError, match=r"none\.txt: no such bias list file"):
        BiasList.load(tmp_path / "none.txt")
    with pytest.raises(BiasListError, match=r"is a directory; give the path"):
        BiasList.load(tmp_path)
    with pytest.raises(BiasListError, match=r"cannot be read"):
        BiasList.load("a\0b")
    with pytest.raises(OutputError, match=r"cannot be written \(there is no folder"):
        BiasList(["Anna"]).save(tmp_path / "none" / "n.txt")


def test_a_text_that_is_no_phrase_is_left_out_at_once():
    given = BiasList(["Anna", "ab " * 13_000, Phrase("Bo", spoken=["ab" * 20_000]), "x" * 1000])
    assert [phrase.text[:4] for phrase in given] == ["Anna", "xxxx"]
    assert [note.level for note in given.notes] == ["dropped"] * 2
    assert "is 38999 characters long" in str(given.notes[0]) and len(str(given.notes[0])) < 200


def test_an_endless_file_is_not_read_to_its_end():
    with pytest.raises(BiasListError, match="/dev/zero: is a binary file"):
        BiasList.load("/dev/zero")


def test_a_key_that_stands_twice_is_named(tmp_path):
    path = write(tmp_path, "names.jsonl", '{"text": "Anna", "weight": 1, "weight": 2}')
    with pytest.raises(BiasListError, match=r"names\.jsonl:1: is not valid JSON \(the key 'weight' stands there twice"):
        BiasList.load(path)


def test_of_takes_lists_paths_and_nothing(tmp_path):
    path = write(tmp_path, "names.txt", "Anna\nBob\n")
    names = BiasList(["Anna", "Bob"])
    assert BiasList.of(None) == BiasList()
    assert BiasList.of(names) is names
    for value in (["Anna", "Bob"], ("Anna", Phrase("Bob")), path, str(path), iter(["Anna", "Bob"])):
        assert BiasList.of(value) == names
    with pytest.raises(BiasListError, match=r"Zelenskyy: no such bias list file; .* pass a list: \['Zelenskyy'\]"):
        BiasList.of("Zelenskyy")
    for text in ("word " * 2000, "a\0b"):
        with pytest.raises(BiasListError, match="pass a list"):
            BiasList.of(text)
    with pytest.raises(BiasListError, match=r"a list of phrases or a file path, not 5"):
        BiasList.of(5)


@given(phrases=st.lists(PHRASE, max_size=5))
@settings(max_examples=150)
def test_json_lines_round_trip(tmp_path_factory, phrases):
    names = BiasList(phrases)
    path = tmp_path_factory.getbasetemp() / "round.jsonl"
    names.save(path)
    again = BiasList.load(path)
    assert list(again) == list(names)
    assert not again.notes


@given(phrases=st.lists(PLAIN, max_size=5))
@settings(max_examples=300)
def test_text_round_trip_or_a_refusal(tmp_path_factory, phrases):
    names = BiasList(phrases)
    path = tmp_path_factory.getbasetemp() / "round.txt"
    try:
        names.save(path)
    except BiasListError as error:
        assert "save the list as .jsonl" in str(error)
        assert any(p.text[0] in "#\ufeff" or set(p.text) & set("\t\n\r\0") for p in names)
    else:
        again = BiasList.load(path)
        assert list(again) == list(names) and not again.notes


@pytest.mark.parametrize(
    ("phrase", "reason"),
    [
        (Phrase("Anna", spoken=("ana",)), "has a spoken or display form"),
        (Phrase("Anna", display="ANNA"), "has a spoken or display form"),
        (Phrase("Anna", pronunciations=("AE N AH",)), "has pronunciations that are lost"),
        (Phrase("# 1"), "would be read differently"),
        (Phrase("a\tb"), "would be read differently"),
        (Phrase("a\n# b"), "would be read differently"),
    ],
)
def test_the_text_format_refuses_what_it_cannot_hold_and_leaves_the_file(tmp_path, phrase, reason):
    path = write(tmp_path, "names.txt", "old\n")
    with pytest.raises(BiasListError, match=rf"{reason} in the text format; save the list as \.jsonl"):
        BiasList(["Bob", phrase]).save(path)
    assert path.read_text() == "old\n"


def test_types_are_kept_in_json_lines_and_refused_in_text(tmp_path):
    listed = BiasList([{"text": "Fremont", "type": "places"}, "Zelenskyy"])
    listed.save(tmp_path / "list.jsonl")
    assert BiasList.load(tmp_path / "list.jsonl") == listed
    with pytest.raises(BiasListError, match="type that is lost"):
        listed.save(tmp_path / "list.txt")
    notes = BiasList([{"text": "Fremont", "type": "places"}, {"text": "Fremont", "type": "people"}]).notes
    assert "type 'people' is ignored for 'places'" in str(notes[0])


@pytest.mark.parametrize(
    ("line", "phrases", "said"),
    [
        ("okonkwo, siprot, cape varennes", ["okonkwo", "siprot", "cape varennes"], "is read as 3 phrases"),
        ("Fremont; Oslo; Zürich;", ["Fremont", "Oslo", "Zürich"], "is read as 3 phrases"),
        ("Wash, Rinse, Repeat\t2", ["Wash, Rinse, Repeat"], None),
        ("東京、大阪、京都", ["東京", "大阪", "京都"], "is read as 3 phrases"),
        ("Paris, Texas", ["Paris, Texas"], None),
        (
            "we came to see it all, but it was late, so we left",
            ["we came to see it all, but it was late, so we left"],
            None,
        ),
    ],
)
def test_several_names_on_a_line(tmp_path, line, phrases, said):
    path = tmp_path / "names.txt"
    path.write_text(f"# names\n{line}\n", encoding="utf-8")
    bias_list = BiasList.load(path)
    assert [phrase.text for phrase in bias_list] == phrases
    assert {bias_list.where(index) for index in range(len(phrases))} == {f"{path}:2"}
    assert {phrase.weight for phrase in bias_list} == {2.0 if "\t" in line else 1.0}
    assert [note.level for note in bias_list.notes] == (["changed"] if said else [])
    assert (said or "") in "".join(map(str, bias_list.notes))


@pytest.mark.parametrize(
    ("line", "text", "spoken"),
    [
        ("gpu_gpu_g p u", "gpu", ("gpu", "g p u")),
        ("nvidia_in video", "nvidia", ("in video",)),
        ("Okonkwo_oconquo_ okon quo ", "Okonkwo", ("oconquo", "okon quo")),
    ],
)
def test_nemos_word_and_spellings_are_spoken_forms(tmp_path, line, text, spoken):
    path = tmp_path / "context.txt"
    path.write_text(line, encoding="utf-8")
    bias_list = BiasList.load(path)
    assert [(phrase.text, phrase.spoken) for phrase in bias_list] == [(text, spoken)]
    assert "with the spoken forms" in str(bias_list.notes[0]) and bias_list.notes[0].level == "changed"


@pytest.mark.parametrize("line", ["gpu_", "_gpu", "snake_case\t1.0"])
def test_other_underscores_are_no_spellings(tmp_path, line):
    path = tmp_path / "context.txt"
    path.write_text(line, encoding="utf-8")
    assert list(BiasList.load(path)) == [Phrase(line.split("\t")[0])] and not BiasList.load(path).notes


def test_what_a_file_would_have_as_several_is_told_where_it_is_one_phrase():
    listed = BiasList(["okonkwo, siprot, cape varennes", "gpu_g p u", "Paris, Texas", Phrase("Reno, Nevada, USA")])
    assert len(listed) == 4
    assert [(note.level, note.where) for note in listed.notes] == [
        ("warning", "bias list[0]"),
        ("warning", "bias list[1]"),
    ]
    assert "though it looks like 3" in str(listed.notes[0]) and "list 'gpu' with" in str(listed.notes[1])
    assert BiasList.joined([listed, listed]).notes == listed.notes * 2


@pytest.mark.parametrize("text", ['"Okonkwo"', "“Okonkwo”", "«Okonkwo»"])
def test_quotation_marks_around_a_phrase_are_no_part_of_it(text):
    bias_list = BiasList([Phrase(text, 2.0, display="OK")])
    assert bias_list[0] == Phrase("Okonkwo", 2.0, display="OK")
    assert str(bias_list.notes[0]).endswith("'Okonkwo' is read without its quotation marks; remove them")
    assert BiasList(['the "big" one', '"'])[0].text == 'the "big" one'
