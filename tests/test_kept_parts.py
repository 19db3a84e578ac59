"""Long lists kept on disk: the same as made anew, never another list's, and never in the way."""

import os
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias import compiled_list, kept_parts
from nemo_ctcbias.bias_list import BiasList, Note, Phrase, SpelledList, Spelling, Spellings, Vocabulary
from nemo_ctcbias.compiled_list import CompiledList, Sources
from nemo_ctcbias.errors import OutputError
from nemo_ctcbias.phones import Lexicon
from nemo_ctcbias.phones.g2p import G2P
from nemo_ctcbias.phones.phones import PHONES
from nemo_ctcbias.phones.phrase_sounds import PhraseSounds
from nemo_ctcbias.phones.pronouncer import Sounds, shipped_g2p

PIECES = ["<unk>", "▁", "▁an", "an", "na", *"abcdefghijklmnopqrstuvwxyz", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ'"]
SOURCES = Sources(Vocabulary(PIECES))
PHRASES = [
    *("Anna Okonkwo", "GPU", "Łódź", "東京", "no", "anna okonkwo"),
    Phrase("Saoirse", 2.0, spoken=("sersha", "seersha"), spoken_costs=(0.0, 1.5), pronunciations=("S ER SH AH",)),
    Phrase("Bo", -1.0, pronunciations=("B4",), display="Beau", type="people"),
]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where lists of three phrases are kept already."""
    monkeypatch.setattr(kept_parts, "KEPT_FROM", 3)
    monkeypatch.setenv(kept_parts.FOLDER_VARIABLE, str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture
def listed(tmp_path):
    """A list read from a file, compiled."""

    def make(phrases=PHRASES, sources=SOURCES, name="list.jsonl"):
        BiasList(phrases).save(tmp_path / name)
        lines = range(1, len(phrases) + 1)
        return CompiledList(BiasList(phrases, str(tmp_path / name), lines=lines), sources)

    return make


def all_of(compiled):
    return compiled.spelled.spellings, compiled.spelled.notes, compiled.pronouncer.sounds


def kept(folder):
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def forbid(monkeypatch):
    """Nothing can be made anew."""
    monkeypatch.setattr(compiled_list, "spell", None)
    monkeypatch.setattr(kept_parts.Pronouncer, "_found", None)


def test_what_is_kept_is_what_was_made(listed, folder, monkeypatch):
    anew = all_of(CompiledList(BiasList(PHRASES), SOURCES))
    first = all_of(listed())
    assert len(kept(folder)) == 2 and [first[0], first[2].phrases] == [anew[0], anew[2].phrases]
    assert first[1] and first[2].notes and first[2].given
    forbid(monkeypatch)
    again = listed()
    assert all_of(again) == first and again.pronouncer.given
    assert again.pronouncer.slots(["sersha", "anna"]) is not None and len(again.scores.most()) == len(again.bias_list)


SHORT = st.text("ab'éł ", max_size=4)
NOTES = st.lists(st.builds(Note, SHORT, SHORT, st.just("warning"), SHORT, SHORT), max_size=2)
COSTS = st.floats(allow_nan=False)
ALTERNATIVES = st.lists(st.tuples(st.lists(st.sampled_from(PHONES), min_size=1).map(tuple), COSTS), max_size=3)
ROWS = st.lists(st.integers(0, 1 << 20), min_size=1, max_size=4).map(tuple)


@given(st.lists(st.builds(Spelling, st.integers(0, 5), SHORT, ROWS, COSTS)), NOTES)
def test_any_spelling_comes_back_from_its_arrays(spellings, notes):
    spelled = SpelledList(BiasList(), Spellings.of(spellings), tuple(notes))
    assert list(spelled.spellings) == spellings
    assert kept_parts._spelled(kept_parts._of_spelled(spelled), spelled.bias_list) == spelled


@given(st.lists(ALTERNATIVES.map(tuple)), st.dictionaries(st.lists(SHORT).map(tuple), ALTERNATIVES.map(tuple)), NOTES)
@settings(max_examples=50)
def test_any_sounds_come_back_from_their_arrays(phrases, words, notes):
    sounds = Sounds(PhraseSounds.of(phrases), words, notes)
    assert list(sounds.phrases) == phrases
    assert kept_parts._sounds(kept_parts._of_sounds(sounds)) == sounds


def narrow():
    """A G2P model that looks at less."""
    return G2P(shipped_g2p().graphones, shipped_g2p().ngram, beam=2)


OTHER_SOURCES = {
    "vocabulary": lambda: Sources(Vocabulary([*PIECES, "nn"])),
    "tokenizer": lambda: Sources(Vocabulary(PIECES, encode=lambda word: [1, *map(PIECES.index, word)])),
    "language": lambda: Sources(Vocabulary(PIECES, languages=["de"])),
    "alternatives": lambda: replace(SOURCES, alternatives=2),
    "variants": lambda: replace(SOURCES, variants=lambda one: one.with_phrases([*[*one][:-1], Phrase("Ana")])),
    "lexicon": lambda: replace(SOURCES, lexicon=Lexicon({"anna": ["AE N AH"]})),
    "g2p": lambda: replace(SOURCES, g2p=narrow()),
}


@pytest.mark.parametrize("what", OTHER_SOURCES)
def test_another_model_makes_its_own(listed, folder, what):
    sources = OTHER_SOURCES[what]()
    all_of(listed())
    mine = kept(folder)
    found = all_of(listed(sources=sources))
    changed = {"language": ["sounds", "spelled"], "lexicon": ["sounds"], "g2p": ["sounds"]}.get(what, ["spelled"])
    assert sorted(name.split("-")[0] for name in kept(folder) - mine) == changed
    alone = CompiledList(BiasList(PHRASES), sources)
    assert [found[0], found[2].phrases] == [alone.spelled.spellings, alone.pronouncer.phrases]


@pytest.mark.parametrize(
    "phrases",
    [PHRASES[1:], PHRASES[::-1], [*PHRASES[1:], ("Anna Okonkwo", 2.0)], [*PHRASES, "x-ray"]],
    ids=["shorter", "turned round", "another weight", "longer"],
)
def test_another_list_makes_its_own(listed, folder, phrases):
    all_of(listed())
    mine = kept(folder)
    all_of(listed(phrases))
    assert len(kept(folder) - mine) == 2


def test_notes_say_where_the_list_is_now(listed):
    listed().spelled  # noqa: B018
    assert all("moved.jsonl:" in note.where for note in listed(name="moved.jsonl").spelled.notes)


def test_other_code_makes_its_own(listed, folder, monkeypatch):
    listed().spelled  # noqa: B018
    monkeypatch.setattr(kept_parts, "_code", lambda: "another version")
    listed().spelled  # noqa: B018
    assert len(kept(folder)) == 2


def test_what_is_no_long_list_of_a_file_is_not_kept(listed, folder, monkeypatch):
    all_of(listed(PHRASES[:2]))
    all_of(CompiledList(BiasList(PHRASES), SOURCES))
    all_of(CompiledList(BiasList(PHRASES, "a request"), SOURCES))
    monkeypatch.setenv(kept_parts.FOLDER_VARIABLE, "")
    all_of(listed())
    assert not kept(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere caches have other places")
def test_the_users_cache_is_the_place(listed, tmp_path, monkeypatch):
    monkeypatch.delenv(kept_parts.FOLDER_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    listed().spelled  # noqa: B018
    assert len(kept(tmp_path / "nemo-ctcbias")) == 1


def flipped(data):
    middle = data.index(b"flat.npy") + 200
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def saved(path, value):
    with path.open("wb") as file:
        np.save(file, value, allow_pickle=True)
    return path.read_bytes()


@pytest.mark.parametrize(
    "broken",
    [
        lambda path: b"",
        lambda path: path.read_bytes()[:-100],
        lambda path: flipped(path.read_bytes()),
        lambda path: b"Anna\nBo\n",
        lambda path: saved(path, np.arange(3)),
        lambda path: saved(path, np.array([{}])),
    ],
    ids=["empty", "cut short", "a bit flipped", "text", "an array", "a pickle"],
)
def test_broken_files_are_made_anew(listed, folder, broken):
    first = all_of(listed())
    whole = {path: path.read_bytes() for path in folder.iterdir()}
    for path in whole:
        path.write_bytes(broken(path))
    assert all_of(listed()) == first
    assert {path: path.read_bytes()[:8] for path in whole} == {path: data[:8] for path, data in whole.items()}
    assert all(kept_parts._read(path, path.stem.split("-")[1]) for path in whole)


def test_a_file_of_another_list_is_not_used(listed, folder):
    first, other = listed(), listed(PHRASES[1:], name="other.jsonl")
    wanted = all_of(first)
    (mine,) = folder.glob("spelled-*")
    all_of(other)
    (others,) = set(folder.glob("spelled-*")) - {mine}
    mine.write_bytes(others.read_bytes())
    assert all_of(listed()) == wanted


def refusing(*args, **kwargs):
    raise OutputError("list.npz: cannot be written (No space left on device); make room for it")


@pytest.mark.parametrize("lacking", ["folder", "room"])
def test_where_nothing_can_be_written_nothing_is_kept(listed, folder, lacking, monkeypatch):
    if lacking == "folder":
        folder.write_text("a file is in its place")
    else:
        monkeypatch.setattr(kept_parts, "written_whole", refusing)
    found = all_of(listed())
    assert found[2].phrases == CompiledList(BiasList(PHRASES), SOURCES).pronouncer.phrases
    assert folder.is_file() or not kept(folder)


def test_the_files_used_last_stay_within_the_bound(listed, folder, monkeypatch):
    def spelled(number):
        listed([*PHRASES, f"name {'abcdefgh'[number]}"], name=f"{number}.jsonl").spelled  # noqa: B018
        return kept(folder)

    (first,) = spelled(0)
    foreign = folder / "logprobs-0a.npz"
    foreign.write_bytes(b"somebody's")
    os.utime(foreign, (0, 0))
    size = (folder / first).stat().st_size
    monkeypatch.setattr(kept_parts, "MOST_BYTES", 3.5 * size)
    (second,) = spelled(1) - {first, foreign.name}
    (third,) = spelled(2) - {first, second, foreign.name}
    for seconds, name in enumerate((first, second, third), 1):
        os.utime(folder / name, (seconds, seconds))
    spelled(0)  # used again
    assert kept(folder) - spelled(3) == {second} and len(kept(folder)) == 4
    monkeypatch.setattr(kept_parts, "MOST_BYTES", size // 2)
    before = kept(folder)
    assert spelled(4) == before, "larger than all of them may be"
    assert foreign.exists()
