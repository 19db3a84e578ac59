import gzip
import logging

import pytest
from arpa import random_ngrams
from programs import needs_lmplz

from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.errors import LanguageModelError
from nemo_ctcbias.lm import lmplz
from nemo_ctcbias.lm.kenlm_file import load_language_model, mismatch, most_common_of, open_kenlm, words_of
from nemo_ctcbias.lm.options import UNK_OFFSET, LanguageModelOptions

pytest.importorskip("kenlm", reason="only kenlm reads its files")

WORDS = ("the", "ran", "new", "<boost>")
LOWER = Vocabulary([" ", *"abcdefghijklmnopqrstuvwxyz'"])


@pytest.fixture
def arpa(tmp_path):
    path = tmp_path / "a.arpa"
    path.write_text(random_ngrams(0, WORDS).text())
    return path


def test_words_and_weights_of_an_arpa_file(arpa, tmp_path):
    zipped = tmp_path / "a.arpa.gz"
    zipped.write_bytes(gzip.compress(arpa.read_bytes()))
    for path in (arpa, zipped):
        assert words_of(path) == list(WORDS)
        model = load_language_model(path, LanguageModelOptions(alpha=0.3, beta=0.2))
        assert (model.alpha, model.beta, model.unk_score_offset) == (0.3, 0.2, UNK_OFFSET)
        assert model._unigram_set == set(WORDS)
        assert model.score_partial_token("ne") == 0 > model.score_partial_token("zz")


@needs_lmplz
@pytest.mark.parametrize("bits", [None, 8])
def test_words_of_binaries(arpa, tmp_path, bits, caplog):
    path = tmp_path / "a.bin"
    lmplz.to_binary(arpa, path, bits)
    assert sorted(words_of(path)) == sorted(WORDS)
    assert load_language_model(path, vocabulary=LOWER)._unigram_set == set(WORDS)
    silent = tmp_path / "silent.bin"
    lmplz._run([str(lmplz.find("build_binary")), "-v", "trie", str(arpa), str(silent)])
    assert words_of(silent) is None
    with caplog.at_level(logging.WARNING, "nemo_ctcbias.lm"):
        load_language_model(silent)
    assert "holds no words (built with -v)" in caplog.text


@needs_lmplz
def test_the_likeliest_words_come_first(tmp_path):
    ngrams = random_ngrams(3, WORDS)
    likeliest = sorted(WORDS, key=lambda word: -ngrams.score((), word))
    path, zipped, binary = tmp_path / "a.arpa", tmp_path / "a.arpa.gz", tmp_path / "a.bin"
    path.write_text(ngrams.text())
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    lmplz.to_binary(path, binary)
    for one in (path, zipped, binary):
        assert most_common_of(one, 3) == likeliest[:3] and most_common_of(one, 10) == likeliest
        assert most_common_of(one, 0) == []
    lmplz._run([str(lmplz.find("build_binary")), "-v", "trie", str(path), str(binary)])
    assert most_common_of(binary, 3) == [], "a binary without its words"


@needs_lmplz
def test_damaged_binaries(arpa, tmp_path):
    path = tmp_path / "a.bin"
    lmplz.to_binary(arpa, path)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:100], whole.replace(b"version 5", b"version 4", 1)):
        path.write_bytes(damaged)
        with pytest.raises(LanguageModelError, match=r"a.bin: KenLM cannot read it \(.*rebuild it, with this KenLM"):
            open_kenlm(path)


def test_files_that_are_no_language_models(arpa, tmp_path):
    with pytest.raises(LanguageModelError, match=r"missing.arpa: no such language model; give a KenLM .arpa"):
        load_language_model(tmp_path / "missing.arpa")
    with pytest.raises(LanguageModelError, match="no such language model"):
        load_language_model(tmp_path)
    text = arpa.read_text()
    one = "\\data\\\nngram 1=3\n\n\\1-grams:\n-1\t<unk>\n-1\t<s>\n-1\ta\n\n\\end\\\n"
    for content in ("", "hello\n", text[: len(text) // 2], text.replace("\\end\\", ""), one, "\0" * 200):
        arpa.write_text(content)
        with pytest.raises(LanguageModelError, match=r"a.arpa: KenLM cannot read it \(.*order 2 or more") as caught:
            load_language_model(arpa)
        assert "threw" not in str(caught.value)


def test_another_alphabet_is_warned_of(tmp_path, caplog):
    path = tmp_path / "upper.arpa"
    path.write_text(random_ngrams(0, WORDS).text(lambda word: word if word[0] == "<" else word.upper()))
    with caplog.at_level(logging.WARNING, "nemo_ctcbias.lm"):
        load_language_model(path, vocabulary=LOWER, listed=["New York", "ran"])
    assert "100% of a sample of its words, such as 'NEW', are never written by this model" in caplog.text.replace(
        "'THE'", "'NEW'"
    ).replace("'RAN'", "'NEW'")
    assert "nor does it know 3 of the 3 listed words" in caplog.text
    assert mismatch(["the", "don't", "naïve"], LOWER) == mismatch([], LOWER) == ""
