import stat

import pytest
from arpa import random_ngrams


@pytest.fixture(scope="session")
def make_model(tmp_path_factory):
    """A model of random n-grams and the n-grams themselves; files are made once."""
    pytest.importorskip("kenlm", reason="only kenlm scores words")
    from nemo_ctcbias.lm.kenlm_file import open_kenlm
    from nemo_ctcbias.lm.word_model import WordModel

    folder, made = tmp_path_factory.mktemp("arpa"), {}

    def make(seed, words=("the", "ran", "new", "<boost>"), order=3, spell=lambda word: word, **settings):
        key = (seed, words, order, tuple(map(spell, words)))
        if key not in made:
            ngrams = random_ngrams(seed, words, order)
            path = folder / f"{len(made)}.arpa"
            path.write_text(ngrams.text(spell))
            made[key] = ngrams, open_kenlm(path)
        ngrams, model = made[key]
        known = [spell(word) for word in words if word != "<boost>"]
        return WordModel(model, known, **settings), ngrams

    return make


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Makes a shell script that stands for a KenLM program."""

    def make(name, script):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\n" + script + "\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("KENLM_BIN", str(path.parent))
        return path

    return make
