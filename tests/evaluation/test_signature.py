"""What the signature names: the files that act, whether they were given or came with the model."""

import hashlib
from dataclasses import replace
from types import SimpleNamespace

import pytest

from nemo_ctcbias.evaluation import evaluate
from nemo_ctcbias.evaluation.evaluate import EvaluateOptions, context_of
from nemo_ctcbias.evaluation.signature import signature
from nemo_ctcbias.evaluation.systems import Context
from nemo_ctcbias.shipped import Shipped

STOCK = SimpleNamespace()
FILES = {"adapter": "adapter", "lm": "lm", "token_lm": "token-lm", "phone_head": "phones", "pronunciations": "lexicon"}


@pytest.fixture
def options(tmp_path):
    (tmp_path / "test.json").write_text("{}")
    return EvaluateOptions(manifest=tmp_path / "test.json", out=tmp_path, list_sizes=(0,))


def parts(options, context):
    return dict(part.split(":", 1) for part in signature(options, context, "abc", ()).split("|"))


def test_shipped_files_are_named_and_other_ones_make_another_signature(options, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate, "shipped_file", lambda name: tmp_path / name)
    names, own = {"adapter": "a.pt", "lm": "l.bin", "phones": "p.pt"}, Shipped("m.nemo", "l.bin", "a.pt", "p.pt")
    for name in names.values():
        (tmp_path / name).write_bytes(b"one")
    before = parts(options, context_of(STOCK, own))
    one, other = (hashlib.sha256(content).hexdigest()[:8] for content in (b"one", b"other"))
    assert {part: before[part] for part in names} == {part: f"{name}:{one}" for part, name in names.items()}
    for part, name in names.items():
        (tmp_path / name).write_bytes(b"other")
        after = parts(options, context_of(STOCK, own))
        assert after == {**before, part: f"{name}:{other}"}
        (tmp_path / name).write_bytes(b"one")
    given = tmp_path / "mine"
    given.write_bytes(b"other")
    assert parts(options, context_of(STOCK, own, adapter=given)) == {**before, "adapter": f"mine:{other}"}


@pytest.mark.parametrize("field", FILES)
def test_each_file_is_named_where_it_acts(options, tmp_path, field):
    (tmp_path / "file").write_bytes(b"x" * (1 << 21))
    without, given = (parts(options, Context(STOCK, **files)) for files in ({}, {field: tmp_path / "file"}))
    assert without[FILES[field]] == "none"
    digest = hashlib.sha256((tmp_path / "file").read_bytes()).hexdigest()[:8]
    assert given == {**without, FILES[field]: f"file:{digest}"}


def test_parts_of_the_model_itself(options, tmp_path):
    host = SimpleNamespace(get_enabled_adapters=lambda: ["names"])
    own = SimpleNamespace(context=host, has_phone_head=True)
    (tmp_path / "file").write_bytes(b"one")
    assert [parts(options, Context(own))[name] for name in ("adapter", "phones")] == ["model", "model"]
    told = parts(options, Context(own, adapter=tmp_path / "file", phone_head=tmp_path / "file"))
    assert told["adapter"] == "model", "a file does not replace the adapter of a model"
    assert told["phones"].startswith("file:"), "but the phone head"


def test_a_missing_file_is_left_to_the_system_that_needs_it(options, tmp_path):
    assert parts(options, Context(STOCK, lm=tmp_path / "gone.bin"))["lm"] == "gone.bin:absent"


def test_words_of_a_lexicon_are_named(options, tmp_path):
    (tmp_path / "words.txt").write_text("one\ntwo\n")
    digest = hashlib.sha256(b"one\ntwo\n").hexdigest()[:8]
    assert parts(replace(options, lexicon=tmp_path / "words.txt"), Context(STOCK))["words"] == f"words.txt:{digest}"


@pytest.mark.parametrize(("field", "part"), [("beam_width", "beam"), ("variants", "variants")])
def test_settings_that_change_results_are_told(options, field, part):
    assert parts(options, Context(STOCK, **{field: 17})) == {**parts(options, Context(STOCK)), part: "17"}
