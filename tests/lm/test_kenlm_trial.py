"""Damaged binaries of language models, which would end the process that opens them."""

import random
import subprocess

import pytest

from nemo_ctcbias.errors import LanguageModelError
from nemo_ctcbias.lm import kenlm_trial
from nemo_ctcbias.lm.kenlm_file import open_kenlm
from nemo_ctcbias.shipped import shipped_file

pytest.importorskip("kenlm", reason="only kenlm reads its files")


def test_a_binary_on_which_kenlm_crashes_is_refused_and_the_process_lives(tmp_path, monkeypatch):
    calls = []
    run = subprocess.run
    kenlm_trial._crashes.cache_clear()  # of other tests
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: calls.append(args) or run(*args, **options))
    whole = shipped_file("lm_small.bin")
    refused = 0
    for seed in (5, 6, 10):
        chosen, content = random.Random(seed), bytearray(whole.read_bytes())
        for _ in range(2000):
            content[chosen.randrange(1000, len(content))] = chosen.randrange(256)
        path = tmp_path / f"{seed}.bin"
        path.write_bytes(content)
        try:
            open_kenlm(path)
        except LanguageModelError as error:
            refused += f"{seed}.bin: is damaged (KenLM crashes on it); replace the file" in str(error)
    assert refused, "no damage made KenLM crash"
    assert len(calls) == 3
    for _ in range(2):
        assert open_kenlm(whole).order == open_kenlm(str(whole)).order
    assert len(calls) == 4, "a file is tried once"


def test_without_processes_a_binary_is_opened_as_it_is(monkeypatch):
    def none(*args, **options):
        raise OSError("no more processes")

    kenlm_trial._crashes.cache_clear()
    monkeypatch.setattr(subprocess, "run", none)
    assert open_kenlm(shipped_file("lm_small.bin")).order > 1
    kenlm_trial._crashes.cache_clear()
