"""Our own systems are measured with the settings that the model has, or that a file says."""

import inspect
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.evaluation.ablation import joint_parts
from nemo_ctcbias.evaluation.evaluate import EvaluateOptions, context_of, evaluate
from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.evaluation.systems import Context, make_system
from nemo_ctcbias.evaluation.weights import WeightedSystem

pytest.importorskip("nemo.collections.asr")
pytest.importorskip("pyctcdecode")

TOLD = {
    "weight": 8.0,
    "alternatives": 2,
    "boost": {"token_bonus": 1.0},
    "beam": {"beam_width": 30},
    "lm": {"alpha": 0.3, "class_weight": -1.0, "boost_share": 0.6},
    "phonetics": {
        "variants": 3,
        "spotting": {"threshold": 6.0},
        "rescoring": {"weight": 0.8, "n_best": 7},
        "verification": {"threshold": 5.0, "slack": 2},
        "lookup": {"min_phones": 6},
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
    path = tmp_path / "a.arpa"
    head = (
        "\\data\\\nngram 1=5\nngram 2=1\n\n\\1-grams:\n-5\t<unk>\t0\n0\t<s>\t0\n-1\t</s>\n-1\tthe\t0\n-1\t<boost>\t0\n"
    )
    path.write_text(f"{head}\n\\2-grams:\n-0.5\t<s> the\n\n\\end\\\n")
    return path


def test_every_part_takes_them(tiny_model, file, head, arpa):
    context = context_of(tiny_model, False, lm=arpa, phone_head=head, settings=file(TOLD))
    system = make_system("hotword+boost-lm+g2g+spot+rescore+verify+lookup")
    system.prepare(context)
    decoder, recipe = system._decoder, system._recipe
    assert (decoder.alternatives, decoder.boost.token_bonus, decoder.beam.beam_width) == (2, 1.0, 30)
    assert (decoder._language_model.alpha, decoder.class_weight, decoder.boost_share) == (0.3, -1.0, 0.6)
    assert recipe.spotting.options.threshold == 6.0
    assert system.default == {"hotword_weight": 8.0, "rescoring_weight": 0.8}
    assert sorted({setting["hotword_weight"] for setting in system.grid}) == [4.0, 6.0, 8.0, 10.0, 12.0]
    for second_pass in (recipe.second_pass(None, None), recipe.second_pass(0.8, None)):
        options = second_pass.options
        assert (options.rescoring.weight, options.rescoring.n_best, options.lookup.min_phones) == (0.8, 7, 6)
        assert (options.verification.threshold, options.verification.slack) == (5.0, 2)
    tried = recipe.second_pass(0.1, 1.0).options
    assert (tried.rescoring.weight, tried.rescoring.n_best) == (0.1, 7)
    assert (tried.verification.threshold, tried.verification.slack) == (1.0, 2)
    _, listened = system.build(("kathryn",), system.default)
    assert len(listened[0].forms) == 3


def test_without_any_they_are_the_defaults(tiny_model, head, arpa):
    from nemo_ctcbias.search.hotword_decoder import HotwordBeamDecoder

    system = make_system("hotword+boost-lm+rescore")
    system.prepare(context_of(tiny_model, False, lm=arpa, phone_head=head))
    usual = {name: item.default for name, item in inspect.signature(HotwordBeamDecoder).parameters.items()}
    acting = ("boost", "beam", "alternatives", "class_weight", "class_list_cost", "boost_share")
    assert {name: getattr(system._decoder, name) for name in acting} == {name: usual[name] for name in acting}
    assert system.default == {"hotword_weight": 10.0, "rescoring_weight": 0.4}


def test_tuning_starts_from_them(tiny_model, file, head, arpa):
    system = WeightedSystem()
    system.prepare(context_of(tiny_model, False, lm=arpa, phone_head=head, settings=file(TOLD)))
    assert system.default == {
        "weight": 8.0,
        "boost.token_bonus": 1.0,
        "lm.alpha": 0.3,
        "lm.beta": 1.5,
        "phonetics.spotting.threshold": 6.0,
        "phonetics.rescoring.weight": 0.8,
        "phonetics.verification.threshold": 5.0,
    }


def test_a_biased_model_brings_its_own_and_a_file_goes_first(tiny_model, file, arpa):
    from nemo_ctcbias import from_ctc

    model = from_ctc(tiny_model)
    model.set_language_model(arpa)
    model.set_biasing(weight=7, boost={"token_bonus": 0.5})
    own, told = context_of(model, False), context_of(model, False, settings=file({"weight": 9}))
    assert (own.biasing.weight, told.biasing.weight) == (7, 9)
    assert own.biasing.boost.token_bonus == told.biasing.boost.token_bonus == 0.5
    assert own.lm.read_bytes() == arpa.read_bytes(), "its own language model"
    model.set_biasing(lm={"enabled": False})
    assert context_of(model, False).lm is None


def test_a_part_switched_off_is_not_in_joint_but_by_itself(tiny_model, file, head, arpa):
    files = {"lm": arpa, "phone_head": head}
    whole = joint_parts(context_of(tiny_model, False, **files))
    some = context_of(tiny_model, False, **files, settings=file({"phonetics": {"lookup": {"enabled": False}}}))
    assert joint_parts(some) == tuple(part for part in whole if part != "lookup")
    fast = context_of(tiny_model, False, **files, settings=file({"preset": "fast"}))
    assert joint_parts(fast) == ("hotword",)
    system = make_system("hotword+lookup")
    system.prepare(fast)
    assert system._recipe.second_pass(None, None).looks_up


def test_parts_may_be_added_to_joint(tiny_model, head):
    context = context_of(tiny_model, False, phone_head=head)
    for name, added in (("joint+g2g", ["g2g"]), ("g2g+joint", ["g2g"]), ("joint+hotword", [])):
        system = make_system(name)
        system.prepare(context)
        assert system.parts == [*joint_parts(context), *added] and (system._recipe.variants is None) == (not added)


@pytest.mark.parametrize(
    ("biasing", "message"),
    [
        ({"bias_list": ["dover"]}, r"settings\.yaml: biasing\.bias_list is not used here; lists are made"),
        ({"lm": {"path": "x.bin"}}, r"settings\.yaml: biasing\.lm\.path is not used here; give it as --lm"),
        ({"strength": 3}, "biasing: .*strength"),
        ({"phonetics": {"spotting": {"thresh": 3}}}, "unknown key 'thresh'"),
    ],
)
def test_what_cannot_be_used_is_refused(tiny_model, file, biasing, message):
    with pytest.raises(SettingError, match=message):
        context_of(tiny_model, False, settings=file(biasing))


def test_a_boost_of_nothing_writes_what_the_model_hears(tiny_model, spell, file):
    item = Item({"id": "u", "text": "the water"}, spell(tiny_model, "the weter", rival="the water", gap=1.0), 1.0)

    def text(biasing):
        system = make_system("hotword")
        system.prepare(context_of(tiny_model, False, settings=file(biasing)))
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
