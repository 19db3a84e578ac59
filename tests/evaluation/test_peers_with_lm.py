"""Peers with a language model: it decides where the list says nothing, and the list still acts."""

from __future__ import annotations

import numpy as np
import pytest

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.evaluation.registry import make_system
from nemo_ctcbias.evaluation.systems import Context

pytest.importorskip("nemo.collections.asr")

SAID, HEARD = "the water", "the weter"


def prepared(name, model, **files):
    pytest.importorskip("pyctcdecode")
    system = make_system(name)
    system.prepare(Context(model, beam_width=20, **files))
    return system


def write_arpa(path, words, likely):
    """Unigrams, those of `likely` a thousand times likelier than the others (and one bigram, for KenLM's sake)."""
    lines = [f"{-1.0 if word in likely else -4.0}\t{word}\t0" for word in words]
    head = f"\\data\\\nngram 1={len(words) + 3}\nngram 2=1\n\n\\1-grams:\n-5.0\t<unk>\t0\n0\t<s>\t0\n-1.0\t</s>\t0\n"
    tail = f"\n\n\\2-grams:\n-1.0\t<s> {likely[0]}\n\n\\end\\\n"
    path.write_text(head + "\n".join(lines) + tail, encoding="utf-8")
    return path


@pytest.fixture
def item(tiny_model, spell):
    return Item({"id": "u", "text": SAID}, spell(tiny_model, HEARD, rival=SAID, gap=1.0), 1.0)


def decode(system, item, phrases, **setting):
    setting = {**system.default, **setting}
    return system.decode(item, system.build(phrases, setting), setting)


def test_nemos_beam_takes_both(tiny_model, item, tmp_path):
    from nemo.collections.asr.parts.submodules.ngram_lm import DEFAULT_TOKEN_OFFSET

    tokens = range(len(tiny_model.decoder.vocabulary))
    named = {
        text: [chr(i + DEFAULT_TOKEN_OFFSET) for i in tiny_model.tokenizer.text_to_ids(text)] for text in (SAID, HEARD)
    }
    every = [chr(i + DEFAULT_TOKEN_OFFSET) for i in tokens]
    system = prepared("nemo-boosting-beam+lm", tiny_model, token_lm=write_arpa(tmp_path / "a.arpa", every, named[SAID]))
    off = {"ngram_lm_alpha": 0.0, "beam_beta": 0.0}
    assert decode(system, item, (), **off) == HEARD
    assert decode(system, item, (), ngram_lm_alpha=1.0, beam_beta=5.0) == SAID, "the language model alone"
    assert decode(system, item, ("water",), **off) == SAID, "the list alone"
    assert decode(system, item, ("water",), boosting_tree_alpha=0.0, **off) == HEARD
    bias = system.build(("water",), system.default)
    assert system.decode(item, bias, system.default) == system.decode(item, bias, system.default), "nothing piles up"


def test_pyctcdecode_takes_both(tiny_model, item, tmp_path):
    file = write_arpa(tmp_path / "words.arpa", ["the", "water", "weter"], ["the", "weter", "water"])
    system = prepared("pyctcdecode-cached+lm", tiny_model, lm=file)
    assert decode(system, item, ()) == HEARD
    assert decode(system, item, ("water",)) == SAID
    file = write_arpa(tmp_path / "other.arpa", ["the", "water", "weter"], ["the", "water"])
    assert decode(prepared("pyctcdecode-cached+lm", tiny_model, lm=file), item, ()) == SAID


def test_look_ups_change_nothing_beside_a_language_model(tiny_model, tmp_path):
    file = write_arpa(tmp_path / "words.arpa", ["the", "water", "we", "to"], ["the", "water"])
    system = prepared("pyctcdecode-cached+lm", tiny_model, lm=file)
    logits = np.random.default_rng(5).normal(0, 3, (25, len(tiny_model.decoder.vocabulary) + 1)).astype(np.float32)
    log_probs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    words = ("the", "water", "zelda", "we")
    shipped = system._decoder.decode_beams(log_probs, beam_width=20, hotwords=words, hotword_weight=5.0)
    found = system.decode_beams(log_probs, system.build(words, {}), 5.0)
    assert [(beam[0], *beam[2:]) for beam in found] == [(beam[0], *beam[2:]) for beam in shipped]


@pytest.mark.parametrize(
    ("name", "option"), [("nemo-boosting-beam+lm", "--token-lm"), ("pyctcdecode-cached+lm", "--lm")]
)
def test_without_a_language_model_they_say_so(name, option, tiny_model):
    with pytest.raises(SettingError, match=option):
        prepared(name, tiny_model)
