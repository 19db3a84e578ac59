"""Our own systems are measured with the settings that the model has, or that a file says."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.evaluation.ablation import joint_parts
from nemo_ctcbias.evaluation.evaluate import EvaluateOptions, context_of, evaluate
from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.evaluation.registry import make_system
from nemo_ctcbias.evaluation.systems import Context
from nemo_ctcbias.evaluation.weights import weights_of
from nemo_ctcbias.settings import PHONE_PARTS, Settings, changed, overlaid

pytest.importorskip("nemo.collections.asr")

TOLD = {
    "weight": 8.0,
    "precision": 0.9,
    "alternatives": 2,
    "boost": {"token_bonus": 1.0},
    "beam": {"beam_width": 30},
    "lm": {"alpha": 0.3, "class_weight": -1.0},
    "phonetics": {
        "variants": 3,
        "detection_threshold": 6.0,
        "rescoring_weight": 0.8,
    },
}


@pytest.fixture
def file(tmp_path):
    def write(biasing):
        path = tmp_path / "settings.yaml"
        path.write_text(yaml.safe_dump({"biasing": biasing}))
        return path

    return write


@pytest.fixture
def head(tiny_model, tmp_path):
    from nemo_ctcbias import from_ctc

    model = from_ctc(tiny_model)
    model.add_phone_head({"hidden": 4})
    model.save_phone_head(tmp_path / "head.pt")
    return tmp_path / "head.pt"


@pytest.fixture
def arpa(tmp_path):
    pytest.importorskip("kenlm", reason="only kenlm reads it")
    path = tmp_path / "a.arpa"
    head = (
        "\\data\\\nngram 1=5\nngram 2=1\n\n\\1-grams:\n-5\t<unk>\t0\n0\t<s>\t0\n-1\t</s>\n-1\tthe\t0\n-1\t<boost>\t0\n"
    )
    path.write_text(f"{head}\n\\2-grams:\n-0.5\t<s> the\n\n\\end\\\n")
    return path


def test_every_part_takes_them(tiny_model, file, head, arpa):
    context = context_of(tiny_model, lm=arpa, phone_head=head, settings=file(TOLD))
    system = make_system("hotword+boost-lm+g2g+spot+rescore+verify+lookup")
    system.prepare(context)
    expected = Settings.of(overlaid(TOLD, {"adapter": False, "lm.always": True, "phonetics.parts": PHONE_PARTS}))
    assert system.settings == expected
    recognizer = system.recognizer(())
    assert recognizer.search.language_model.alpha == 0.3 and recognizer.search.beam.beam_width == 30
    assert system.default == {"weight": 8.0, "phonetics.rescoring_weight": 0.8}
    assert sorted({setting["weight"] for setting in system.grid}) == [4.0, 6.0, 8.0, 10.0, 12.0]
    tried = system.recognizer((("phonetics.rescoring_weight", 0.1), ("lm.alpha", 0.7))).settings
    assert (tried.phonetics.rescoring_weight, tried.lm.alpha, tried.lm.beta, tried.weight) == (0.1, 0.7, 1.5, 8.0)
    listed = system.build(("kathryn",), system.default)
    assert len(listed.listened[0].forms) == 3


def test_without_any_they_are_the_defaults(tiny_model, head, arpa):
    system = make_system("hotword+boost-lm+rescore")
    system.prepare(context_of(tiny_model, lm=arpa, phone_head=head))
    assert changed(system.settings) == {"adapter": False, "lm.always": True, "phonetics.parts": ("rescoring",)}
    assert system.default == {"weight": 10.0, "phonetics.rescoring_weight": 0.4}


def test_tuning_starts_from_them(tiny_model, file, head, arpa):
    system = make_system("joint")
    system.prepare(context_of(tiny_model, lm=arpa, phone_head=head, settings=file(TOLD)))
    assert weights_of(system) == {
        "weight": 8.0,
        "precision": 0.9,
        "boost.token_bonus": 1.0,
        "lm.alpha": 0.3,
        "lm.beta": 1.5,
        "phonetics.detection_threshold": 6.0,
        "phonetics.rescoring_weight": 0.8,
    }
    system = make_system("joint")
    system.prepare(context_of(tiny_model))
    heard = "phonetics.detection_threshold"
    assert set(weights_of(system)) == {"weight", "precision", "boost.token_bonus", heard}, "what it lacks is not tuned"


def test_untrained_and_joint_without_a_part(tiny_model, head, arpa):
    context = context_of(tiny_model, lm=arpa, phone_head=head)
    parts = {}
    for name in ("untrained", "untrained+lm", "joint", "joint-boost-lm", "joint-spot-verify", "joint-adapter"):
        system = make_system(name)
        system.prepare(context)
        parts[name] = set(system.parts)
    assert parts["untrained"] == {"hotword", "spot", "verify", "lookup"}
    assert parts["untrained+lm"] == {*parts["untrained"], "boost-lm"}
    assert parts["joint"] - parts["joint-boost-lm"] == {"boost-lm"}
    assert parts["joint"] - parts["joint-spot-verify"] == {"spot", "verify"}
    assert parts["joint"] == parts["joint-adapter"], "this model has none"
    for wrong in ("joint-nothing", "untrained+nothing", "joint-"):
        with pytest.raises(SettingError, match="does not exist"):
            make_system(wrong)


def test_a_biased_model_brings_its_own_and_a_file_goes_first(tiny_model, file, arpa):
    from nemo_ctcbias import from_ctc

    model = from_ctc(tiny_model)
    model.set_language_model(arpa)
    model.set_biasing(weight=7, boost={"token_bonus": 0.5})
    own, told = context_of(model), context_of(model, settings=file({"weight": 9}))
    assert (own.biasing["weight"], told.biasing["weight"]) == (7, 9)
    assert own.biasing["boost"] == told.biasing["boost"] == {"token_bonus": 0.5}
    assert own.lm.read_bytes() == arpa.read_bytes(), "its own language model"
    model.set_biasing(lm={"enabled": False})
    assert context_of(model).lm is None


def test_a_part_switched_off_is_not_in_joint_but_by_itself(tiny_model, file, head, arpa):
    files = {"lm": arpa, "phone_head": head}
    whole = joint_parts(context_of(tiny_model, **files))
    some = context_of(tiny_model, **files, settings=file({"phonetics": {"parts": list(PHONE_PARTS[:3])}}))
    assert joint_parts(some) == tuple(part for part in whole if part != "lookup")
    fast = context_of(tiny_model, **files, settings=file({"preset": "fast"}))
    assert joint_parts(fast) == ("hotword", "spot", "verify")
    system = make_system("hotword+lookup")
    system.prepare(fast)
    assert system.settings.phonetics.parts == ("correction",) and system.settings.boost.enabled


def test_parts_may_be_added_to_joint(tiny_model, head):
    context = context_of(tiny_model, phone_head=head)
    for name, added in (("joint+g2g", ["g2g"]), ("g2g+joint", ["g2g"]), ("joint+hotword", [])):
        system = make_system(name)
        system.prepare(context)
        assert system.parts == [*joint_parts(context), *added]
        assert (system.settings.phonetics.variants == 1) == (not added)


@pytest.mark.parametrize(
    ("biasing", "message"),
    [
        ({"bias_list": ["dover"]}, r"settings\.yaml: biasing\.bias_list is not used here; lists are made"),
        ({"lm": {"path": "x.bin"}}, r"settings\.yaml: biasing\.lm\.path is not used here; give it as --lm"),
        ({"strength": 3}, "biasing: .*strength"),
        ({"phonetics": {"thresh": 3}}, "unknown key 'thresh'"),
    ],
)
def test_what_cannot_be_used_is_refused(tiny_model, file, biasing, message):
    with pytest.raises(SettingError, match=message):
        context_of(tiny_model, settings=file(biasing))


def test_a_boost_of_nothing_writes_what_the_model_hears(tiny_model, spell, file):
    item = Item({"id": "u", "text": "the water"}, spell(tiny_model, "the weter", rival="the water", gap=1.0), 1.0)

    def text(biasing):
        system = make_system("hotword")
        system.prepare(context_of(tiny_model, settings=file(biasing)))
        return system.decode(item, system.build(("water",), system.default), system.default)

    assert text({}) == text({"weight": 10}) == "the water"
    assert text({"weight": 0}) == text({"boost": {"token_bonus": 0, "gap_scale": 0}}) == "the weter"


def test_results_say_with_which(tiny_model, write_manifest, file, tmp_path):
    options = EvaluateOptions(
        manifest=Path(write_manifest("a")), out=tmp_path, list_sizes=(0,), systems=("hotword",), resamples=5
    )
    told = {}
    for name, biasing in (("usual", None), ("same", {"weight": 10}), ("other", {"weight": 3})):
        settings = file(biasing) if biasing else None
        options = replace(options, out=tmp_path / name, settings=settings, progress=False)
        evaluate(options, model=tiny_model)
        told[name] = (tmp_path / name / "details.json").read_text().split("settings:")[1].split("|")[0]
    assert told["usual"] == told["same"] == "default" != told["other"]
    assert Context(tiny_model).variants == 5
