"""Whatever a file holds, it is read or refused in one line: no other exception, no endless time, no memory."""

import io
import json
import tarfile

import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias.audio import load_audio
from nemo_ctcbias.bias_list import BiasList, Vocabulary, spell
from nemo_ctcbias.bias_list.report import printable
from nemo_ctcbias.commands.recordings import recordings_of_manifest
from nemo_ctcbias.data_files import parse_json, parse_yaml
from nemo_ctcbias.evaluation.manifest import read_manifest
from nemo_ctcbias.evaluation.rare_words import read_phrases, read_word_counts
from nemo_ctcbias.lm.alphabet import vocabulary_of_file
from nemo_ctcbias.lm.kenlm_file import most_common_of, open_kenlm, words_of
from nemo_ctcbias.lm.text import read_lines
from nemo_ctcbias.phones import Lexicon, Pronouncer
from nemo_ctcbias.settings import Settings
from nemo_ctcbias.settings_file import read_settings

fuzz = settings.get_profile("fuzz")
VOCABULARY = Vocabulary(["<unk>", "▁", "▁the", *"abcdefghijklmnopqrstuvwxyz'"])


ODD = ["\n", "\r\n", "\t", " ", "\0", "\u2028", "\x85", "\ufeff", "\x1b[2J", "\u202e", "${oc.env:HOME}"]
ODD += ["9" * 400, "9" * 5000, *"1e307 -0 NaN .inf 1e-400 0x1F 1:30 2020-13-45".split()]
SIGNS = "{}[]:,\"'&*!|>#%@`-?\\.0123456789eE+~"


def mixed(*words):
    """Bytes of files that begin well: known words and signs between anything else."""
    part = st.sampled_from(words) | st.sampled_from([*words, *ODD]) | st.text(SIGNS, max_size=6) | st.text(max_size=8)
    text = st.lists(part, max_size=20).map("".join)
    deep = st.sampled_from(["[" * 1500, "{" * 1500, '{"a":' * 1500, "(" * 1500])
    whole = st.integers(0, 20).flatmap(lambda turn: deep if turn == 20 else text)
    whole = whole.map(lambda one: one.encode("utf-8", errors="surrogatepass"))
    return whole | st.binary(max_size=60) | st.tuples(whole, st.binary(max_size=4), whole).map(b"".join)


FIELDS = ['"text"', '"weight"', '"spoken"', '"display"', '"pronunciations"', '"type"', '{"text": "Anna"', "}", "]", "["]
LISTS = mixed(*FIELDS, "Anna", "Łódź", "東京", "R2D2", "a_b_c", "Anna\t1.5\n", '"S ER SH AH"', "# ", ", ", ": ")
KEYS = '"audio_filepath" "text" "offset" "duration" "rare_words" "bias_list" "id" "names.txt" null } ] ['.split()
MANIFESTS = mixed(*KEYS, '{"audio_filepath": "a.wav", "text": "hello"', ", ", ": ")
SETTINGS = mixed(
    "biasing:", " weight: 8", "\n  boost:", " {gap_scale: 0.5}", *"lm: path: beam_width &a *a !!set".split()
)
LEXICONS = mixed("word", " W ER D", "(2)", ";;;", " # ", "S ER1 SH AH0", "\n")
HEAD = ["\\data\\\n", "ngram 1=3\n", "ngram 2=1\n", "\n\\1-grams:\n", "\\2-grams:\n", "\\end\\\n"]
ARPA = mixed(*HEAD, "".join(HEAD), "-1\t<unk>\t0\n", "0\t<s>\t0\n", "-1\t</s>\n", "-0.3\t<s> the\n", "-1\tthe\t0\n")


@settings(fuzz)
@given(LISTS, st.sampled_from(["a.txt", "a.jsonl"]))
def test_bias_lists(file, taken, near, content, name):
    for one in near(content):
        listed = taken(BiasList.load, file(name, one))
        if listed is not None:
            used(listed)


def used(listed):
    spelled = spell(listed, VOCABULARY)
    told = {note.where for note in spelled.notes}
    found = {one.phrase for one in spelled.spellings}
    for index in range(len(listed)):
        assert index in found or listed.where(index) in told, "no phrase is lost silently"
    Pronouncer(listed)
    for note in spelled.notes:
        assert "\n" not in str(note)


@settings(fuzz)
@given(LISTS)
def test_a_saved_list_is_the_list(file, taken, near, content):
    for one in near(content):
        listed = taken(BiasList.load, file("a.jsonl", one))
        if listed is not None:
            path = file("b.jsonl", b"")
            listed.save(path)
            assert BiasList.load(path) == listed


@settings(fuzz)
@given(MANIFESTS)
def test_manifests(file, taken, near, content):
    file("names.txt", b"Anna\n")
    for one in near(content):
        path = file("m.json", one)
        rows = taken(recordings_of_manifest, str(path))
        assert rows is None or all(isinstance(row.offset, (int, float)) for row in rows)
        taken(read_manifest, path)
        taken(lambda path=path: list(read_lines(path)))


@settings(fuzz)
@given(SETTINGS)
def test_files_of_settings(file, taken, near, content):
    for one in near(content):
        section = taken(read_settings, file("a.yaml", one))
        if section is not None:
            taken(Settings.of, section)


NUMBERS = st.booleans() | st.integers() | st.floats() | st.dates()
PLAIN = st.none() | NUMBERS | st.text(max_size=6) | st.binary(max_size=3)
NAMES = """weight boost lm path beam beam_width phonetics parts lexicon preset bias_list nbest hotword spotting enabled
    threshold adapter alternatives list_cost gap_scale""".split()
KEY = st.sampled_from(NAMES) | st.integers()
NESTED = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=4), max_leaves=8
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(fuzz)
@given(st.dictionaries(st.sampled_from(NAMES) | st.integers() | st.text(max_size=3), NESTED, max_size=5) | NESTED)
def test_settings(taken, section):
    found = taken(Settings.of, section)
    assert found is None or found.beam.beam_width >= 1


@settings(fuzz)
@given(LEXICONS)
def test_lexicons_and_words(file, taken, near, content):
    for one in near(content):
        path = file("a.dict", one)
        lexicon = taken(Lexicon.load, path)
        assert lexicon is None or all(all(phones) for phones in lexicon.values())
        taken(read_phrases, path)
        taken(read_word_counts, path)


@settings(fuzz)
@given(ARPA)
def test_heads_of_language_models(file, taken, near, content):
    for one in near(content):
        path = file("a.arpa", one.replace(b"mmap", b""))  # binaries: tests/lm/test_kenlm_trial.py
        taken(open_kenlm, path)
        taken(words_of, path)
        taken(most_common_of, path, 3)


@settings(fuzz)
@given(mixed("decoder:", "\n  vocabulary:", " [a, b]", "\n  - a"), st.integers(0, 2000), st.integers(0, 255))
def test_vocabularies_of_archives(file, taken, near, config, place, byte):
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        member = tarfile.TarInfo("./model_config.yaml")
        member.size = len(config)
        archive.addfile(member, io.BytesIO(config))
    content = bytearray(held.getvalue())
    content[place % len(content)] = byte
    for one in near(bytes(content)):
        taken(vocabulary_of_file, file("a.nemo", one))


@pytest.fixture(scope="module")
def sounds():
    found = {}
    for kind, subtype in (("WAV", "PCM_16"), ("WAV", "FLOAT"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS")):
        held = io.BytesIO()
        soundfile.write(held, [0.1, -0.1, 0.2] * 800, 48000, format=kind, subtype=subtype)
        found[f"{kind}/{subtype}"] = held.getvalue()
    return found


@settings(fuzz)
@given(st.data(), st.integers(0, 4), st.sampled_from([None, 0.01, 1e308]), st.sampled_from([0.0, 0.02, 1e308]))
def test_recordings(file, taken, near, sounds, data, kind, duration, offset):
    content = bytearray(list(sounds.values())[kind])
    for place in data.draw(st.lists(st.integers(0, 200) | st.integers(0, len(content) - 1), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    content = bytes(content[: data.draw(st.integers(0, len(content)))])
    for one in near(content):
        samples = taken(load_audio, file("a.wav", one), 16000, offset, duration)
        assert samples is None or (len(samples) and abs(samples).max() < 1e10)


@settings(fuzz)
@given(JSON)
def test_json_is_read_as_it_is_written(value):
    assert parse_json(json.dumps(value)) == value
    assert parse_json(json.dumps(value, ensure_ascii=False)) == value


@settings(fuzz)
@given(SETTINGS)
def test_yaml_is_a_value_or_a_line(near, content):
    for one in near(content):
        try:
            parse_yaml(one.decode("utf-8", errors="replace"))
        except ValueError as error:
            assert "\n" not in str(error) and str(error)


@settings(fuzz)
@given(st.text())
def test_what_is_shown_is_one_line(text):
    shown = printable(text)
    assert shown.splitlines() in ([], [shown]) and "\x1b" not in shown
