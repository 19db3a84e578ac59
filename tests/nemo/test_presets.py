import pytest

from nemo_ctcbias import from_ctc
from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.nemo.config import BiasingConfig, language_model_options, phonetics_options
from nemo_ctcbias.nemo.presets import PRESETS, effective


def merged(**given):
    return effective(BiasingConfig.merge(given))


def test_without_a_preset_everything_stays():
    biasing = BiasingConfig.merge({"weight": 3})
    assert effective(biasing) is biasing


def test_off_is_off_and_a_bare_off_of_yaml_too():
    assert not merged(preset="off").enabled
    assert not merged(preset=False).enabled
    assert merged(preset="fast").enabled and not merged(preset="fast", enabled=False).enabled


def test_fast_leaves_out_what_takes_time():
    biasing = merged(preset="fast", lm={"path": "a.arpa", "alpha": 0.3})
    assert biasing.lm.path == "a.arpa" and biasing.lm.enabled is False
    assert language_model_options(biasing).alpha == 0.3
    options = phonetics_options(biasing)
    assert options.rescore is False and options.look_up is False
    options = phonetics_options(merged(preset="accurate"))
    assert options.rescore is None and options.look_up is None


@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_set_itself_goes_first(preset):
    biasing = merged(preset=preset, lm={"enabled": True}, phonetics={"lookup": {"enabled": True, "distance": 0.1}})
    options = phonetics_options(biasing)
    assert biasing.lm.enabled and options.look_up is True and options.lookup.distance == 0.1


@pytest.mark.parametrize("wrong", ["quick", 3, True])
def test_no_such_preset(wrong):
    with pytest.raises(SettingError, match=r"biasing\.preset: must be off, fast, accurate or null"):
        BiasingConfig.merge({"preset": wrong})


@pytest.fixture
def model(base_nemo):
    return from_ctc(base_nemo).eval()


def test_on_a_model(model, audio):
    """So strong a boost that random noise is heard as listed phrases."""
    clip = audio[0].numpy()
    loud = {"gap_scale": 0.9, "token_bonus": 6.0, "max_gap": 100.0, "max_blank": 1.0, "first_token": 0.9}
    model.set_biasing(boost={**loud, "list_cost": 0.0})
    model.set_bias_list(["saoirse", "new york", "okonkwo"])
    default = model.transcribe([clip])[0].text
    base = model.transcribe([clip], bias_list=None)[0].text
    model.set_preset("off")
    assert model.transcribe([clip])[0].text == base != default
    model.set_preset("accurate")
    assert model.transcribe([clip])[0].text == default
    with pytest.raises(SettingError, match=r"biasing\.preset"):
        model.set_preset("slow")
    assert model._cfg.biasing.preset == "accurate"


def test_changing_settings(model):
    model.set_biasing(weight=8, boost={"token_bonus": 1.0})
    model.set_biasing(boost={"max_gap": 5.0})
    assert model.biasing.weight == 8 and model.biasing.boost == {"token_bonus": 1.0, "max_gap": 5.0}
    assert model.make_hotword_decoder().boost.token_bonus == 1.0
    for wrong, reason in (
        ({"strength": 1}, "biasing: .*strength"),
        ({"boost": {"bonus": 1}}, "biasing.boost: unknown key 'bonus'"),
        ({"bias_list": ["a"]}, "set with model.set_bias_list"),
        ({"lm": {"path": "a"}}, "set with model.set_language_model"),
    ):
        with pytest.raises(SettingError, match=reason):
            model.set_biasing(**wrong)
