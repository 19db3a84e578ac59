"""Settings and presets on a model, and what stays of compiled lists when they change."""

import pytest

from nemo_ctcbias import from_ctc
from nemo_ctcbias.errors import SettingError


@pytest.fixture
def model(base_nemo):
    return from_ctc(base_nemo).eval()


def test_presets(model, audio, eager):
    """So strong a boost that random noise is heard as listed phrases."""
    clip = audio[0].numpy()
    model.set_biasing(**eager)
    model.set_bias_list(["saoirse", "new york", "okonkwo"])
    default = model.transcribe([clip], verbose=False)[0].text
    base = model.transcribe([clip], bias_list=None, verbose=False)[0].text
    model.set_preset("off")
    assert model.transcribe([clip], verbose=False)[0].text == base != default
    model.set_preset("accurate")
    assert model.transcribe([clip], verbose=False)[0].text == default
    with pytest.raises(SettingError, match=r"biasing\.preset"):
        model.set_preset("slow")
    assert model.cfg.biasing.preset == "accurate"
    model.set_preset(None)
    assert model.settings.preset is None


def test_changing_settings(model):
    model.set_biasing(weight=8, boost={"token_bonus": 1.0})
    model.set_biasing(boost={"gap_scale": 0.25})
    assert model.settings.weight == 8 and model.cfg.biasing.boost == {"token_bonus": 1.0, "gap_scale": 0.25}
    assert model.recognizer.search.boost.token_bonus == 1.0
    for wrong, reason in (
        ({"strength": 1}, "biasing: .*strength"),
        ({"boost": {"bonus": 1}}, "biasing.boost: unknown key 'bonus'"),
        ({"bias_list": ["a"]}, "set with model.set_bias_list"),
        ({"lm": {"path": "a"}}, "set with model.set_language_model"),
    ):
        before = model.settings
        with pytest.raises(SettingError, match=reason):
            model.set_biasing(**wrong)
        assert model.settings is before


def test_lists_are_compiled_anew_only_where_that_matters(model):
    lists = model.lists
    model.set_biasing(weight=3, boost={"gap_scale": 0.25})
    model.change_decoding_strategy(None, verbose=False)
    assert model.lists is lists
    model.set_biasing(alternatives=2)
    assert model.lists is not lists
