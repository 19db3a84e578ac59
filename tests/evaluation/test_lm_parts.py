"""The parts `lm` and `boost-lm` of our own systems."""

import pytest

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.evaluation.registry import make_system
from nemo_ctcbias.evaluation.systems import Context

pytest.importorskip("nemo.collections.asr")
pytest.importorskip("kenlm", reason="only kenlm scores words")

KNOWN = {"the": -1.0, "weter": -4.0, "<boost>": -1.0}


@pytest.fixture
def arpa(tmp_path):
    path = tmp_path / "a.arpa"
    lines = ["\\data\\", "ngram 1=6", "ngram 2=1", "", "\\1-grams:", "-5\t<unk>\t0", "0\t<s>\t0", "-1\t</s>"]
    lines += [f"{chance}\t{word}\t0" for word, chance in KNOWN.items()]
    path.write_text("\n".join([*lines, "", "\\2-grams:", "-0.5\t<s> the", "", "\\end\\", ""]))
    return path


def decode(name, model, arpa, item, phrases):
    system = make_system(name)
    system.prepare(Context(model, beam_width=20, lm=arpa))
    return system.decode(item, system.build(phrases, system.default), system.default)


def test_a_listed_word_comes_through_the_class_alone(tiny_model, spell, arpa):
    item = Item({"id": "u", "text": "the water"}, spell(tiny_model, "the weter", rival="the water", gap=1.0), 1.0)
    assert decode("lm", tiny_model, arpa, item, ("water",)) == "the weter"
    assert decode("boost-lm", tiny_model, arpa, item, ()) == "the weter"
    assert decode("boost-lm", tiny_model, arpa, item, ("water",)) == "the water"
    assert decode("hotword+boost-lm", tiny_model, arpa, item, ("water",)) == "the water"


def test_parts_settings(tiny_model, arpa):
    systems = {name: make_system(name) for name in ("lm", "boost-lm", "hotword+lm", "hotword+boost-lm")}
    for system in systems.values():
        system.prepare(Context(tiny_model, lm=arpa))
    assert systems["lm"].grid == systems["boost-lm"].grid == ({},)
    assert systems["hotword+lm"].grid == systems["hotword+boost-lm"].grid == make_grid(tiny_model)
    settings = {name: system.settings for name, system in systems.items()}
    assert settings["lm"].lm.class_weight is settings["hotword+lm"].lm.class_weight is None
    assert settings["boost-lm"].boost.token_bonus == 0 < settings["hotword+boost-lm"].boost.token_bonus


def make_grid(model):
    system = make_system("hotword")
    system.prepare(Context(model))
    return system.grid


def test_without_a_file_the_option_is_named(tiny_model):
    for name in ("lm", "hotword+boost-lm"):
        with pytest.raises(SettingError, match="give --lm FILE"):
            make_system(name).prepare(Context(tiny_model))
