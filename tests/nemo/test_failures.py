"""What fails changes nothing, and says in one line why."""

import contextlib
import datetime
from functools import partial

import pytest
import torch
from omegaconf import OmegaConf

from nemo_ctcbias import from_ctc
from nemo_ctcbias.errors import BiasingError, BiasListError, ModelError, PhoneticsError, SettingError

ADAPTER = {"dim": 16, "heads": 2, "query_context": 3}
HEAD = {"hidden": 8, "context": 3}


@pytest.fixture(scope="module")
def files(base_nemo, tmp_path_factory):
    """An adapter and a phone head for the tiny model."""
    folder = tmp_path_factory.mktemp("parts")
    torch.manual_seed(0)
    model = from_ctc(base_nemo)
    model.add_adapter("names", ADAPTER)
    model.add_phone_head(HEAD)
    model.save_adapters(str(folder / "names.pt"))
    model.save_phone_head(folder / "head.pt")
    return folder


@pytest.fixture(scope="module")
def model(base_nemo, eager):
    model = from_ctc(base_nemo).eval()
    model.set_biasing(**eager)
    model.set_bias_list(["saoirse"])
    return model


def state(model):
    """All that a setter may change."""
    parts = {name: id(part) for name, part in model.named_modules()}
    adapters = model.context.get_enabled_adapters() if model.context.is_adapter_available() else None
    return (
        OmegaConf.to_yaml(model.cfg),
        model.settings,
        model.bias_list,
        parts,
        adapters,
        model.decoding,
        set(vars(model)),
    )


def text(model, audio, **options):
    (found,) = model.transcribe([audio[0].numpy()], verbose=False, **options)
    return found.text


@contextlib.contextmanager
def unchanged(model, audio):
    before, said = state(model), text(model, audio)
    yield
    assert state(model) == before
    assert text(model, audio) == said


def test_settings_and_lists(model, audio, tmp_path):
    pytest.importorskip("kenlm", reason="a broken language model is among them")
    (tmp_path / "bad.dict").write_text("fox QQ\n")
    (tmp_path / "bad.arpa").write_text("\\data\\\n")
    decoding = OmegaConf.merge(
        model.cfg.decoding, {"strategy": "pyctcdecode", "beam": {"pyctcdecode_cfg": {"hotwords": [["a"]]}}}
    )
    failing = [
        (SettingError, partial(model.set_biasing, weight=-1)),
        (SettingError, partial(model.set_biasing, weight=datetime.date(2020, 1, 1))),
        (SettingError, partial(model.set_biasing, weight="${oc.env:HOME}")),
        (SettingError, partial(model.set_biasing, boost=[1])),
        (SettingError, partial(model.set_biasing, bias_list="${x}")),
        (SettingError, partial(model.set_biasing, lm={"path": "${x}"})),
        (PhoneticsError, partial(model.set_biasing, phonetics={"lexicon": "missing"})),
        (PhoneticsError, partial(model.set_biasing, phonetics={"lexicon": str(tmp_path / "bad.dict")})),
        (PhoneticsError, partial(model.set_phonetics, lexicon="missing")),
        (SettingError, partial(model.set_language_model, "missing")),
        (SettingError, partial(model.set_language_model, str(tmp_path / "bad.arpa"))),
        (SettingError, partial(model.set_preset, "quick")),
        (BiasListError, partial(model.set_bias_list, "missing")),
        (BiasListError, partial(model.change_decoding_strategy, decoding)),
        (BiasListError, partial(text, model, audio, bias_list="missing")),
        (BiasListError, partial(text, model, audio, bias_lists=[["fox"]], bias_list="missing")),
        (BiasListError, partial(text, model, audio, bias_lists=["missing"])),
    ]
    with unchanged(model, audio):
        for kind, fails in failing:
            before = state(model)
            with pytest.raises(kind) as told:
                fails()
            assert "\n" not in str(told.value), fails
            assert state(model) == before, fails


def test_a_pronunciation_that_is_none_is_told_and_left_out(base_nemo, audio, eager):
    model = from_ctc(base_nemo).eval()
    model.set_biasing(**eager)
    model.add_phone_head(HEAD)
    model.set_phonetics(parts=["detection"])
    model.set_bias_list([{"text": "saoirse", "pronunciations": ["XX YY"]}])
    assert isinstance(text(model, audio), str)
    (note,) = (note for note in model.check_bias_list(model.bias_list) if "XX YY" in str(note))
    assert "unknown phone 'XX'" in str(note)


# --- files of weights


def written(path, stored):
    torch.save(stored, path)
    return path


def test_adapters_that_cannot_be(model, audio, files, tmp_path):
    def stored(**config):
        found = torch.load(files / "names.pt", weights_only=True)
        found["__cfg__"]["names"].update(config)
        return found

    whole = stored()
    broken = {
        "no mapping": [1, 2],
        "no config": {"a": 1},
        "config a list": {**whole, "__cfg__": []},
        "config a number": {**whole, "__cfg__": 3},
        "keys that are no names": {**whole, "__cfg__": {3: 4}},
        "an adapter's config a list": {**whole, "__cfg__": {**whole["__cfg__"], "names": [1]}},
        "an adapter's config a number": {**whole, "__cfg__": {**whole["__cfg__"], "names": 1}},
        "no weights": {"__cfg__": whole["__cfg__"]},
        "weights of no kind": {**whole, "context:names": 3},
        "weights of another shape": stored(dim=32),
        "weights of other parts": stored(token_attention=False),
        "interpolation": stored(types=["${oc.env:HOME}"]),
        "a target that is none": stored(_target_="os.system"),
        "a target of another kind": stored(_target_="nemo_ctcbias.errors.BiasingError"),
        "a target that is no text": stored(_target_=3),
        "a strategy that is none": stored(adapter_strategy={"_target_": "os.system"}),
        "far too large": stored(dim=10**12),
        "another base": stored(base={"width": 3}),
        "a base that is none": stored(base=[]),
    }
    with unchanged(model, audio):
        for name, content in broken.items():
            before = state(model)
            with pytest.raises((ModelError, SettingError), match=r"broken\.pt: ") as told:
                model.load_adapters(str(written(tmp_path / "broken.pt", content)))
            assert "\n" not in str(told.value), name
            assert state(model) == before, name


def test_a_good_adapter_loads_after_a_bad_one_and_once(base_nemo, files, tmp_path):
    model = from_ctc(base_nemo)
    stored = torch.load(files / "names.pt", weights_only=True)
    stored["__cfg__"]["names"]["dim"] = 32
    with pytest.raises(ModelError):
        model.load_adapters(str(written(tmp_path / "bad.pt", stored)))
    model.load_adapters(str(files / "names.pt"))
    before = state(model)
    with pytest.raises(ModelError, match=r"names\.pt: the model has an adapter 'names' already"):
        model.load_adapters(str(files / "names.pt"))
    assert state(model) == before and model.context.get_enabled_adapters() == ["names"]


def test_heads_that_cannot_be(model, audio, files, tmp_path):
    def stored(**config):
        found = torch.load(files / "head.pt", weights_only=True)
        found["config"].update(config)
        return found

    whole = stored()
    broken = {
        "no mapping": 3,
        "no config": {"weights": whole["weights"]},
        "no weights": {"config": whole["config"]},
        "weights a list": {**whole, "weights": [1]},
        "weights without names": {**whole, "weights": {1: 2}},
        "dropout": stored(dropout="x"),
        "phones": stored(phones=5),
        "phones that are none": stored(phones=[1]),
        "base": stored(base=[]),
        "base of texts": stored(base={"width": "x"}),
        "layers": stored(layers="x"),
        "hidden": stored(hidden=10**12),
        "another shape": stored(hidden=9),
        "a key without a name": {**whole, "config": {3: 4}},
    }
    with unchanged(model, audio):
        for name, content in broken.items():
            before = state(model)
            with pytest.raises(BiasingError, match=r"broken\.pt") as told:
                model.load_phone_head(written(tmp_path / "broken.pt", content))
            assert "\n" not in str(told.value), name
            assert state(model) == before, name


@pytest.mark.parametrize("name", ["head.pt", "names.pt"])
def test_a_bit_that_flipped_on_the_way(base_nemo, files, tmp_path, name):
    content = (files / name).read_bytes()
    first = torch.load(files / name, weights_only=True)
    weights = first["weights"].values() if name == "head.pt" else first["context:names"][0].values()
    largest = max(weights, key=torch.numel).numpy().tobytes()
    place = content.index(largest) + len(largest) // 2
    (tmp_path / name).write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
    model = from_ctc(base_nemo)
    with pytest.raises(ModelError, match=r"is damaged \(the checksum of .* does not fit\); copy it again"):
        model.load_phone_head(tmp_path / name) if name == "head.pt" else model.load_adapters(str(tmp_path / name))
