import pytest
from omegaconf import OmegaConf
from places import ROOT

from nemo_ctcbias.adapter.config import ContextualAdapterConfig, check_config
from nemo_ctcbias.errors import SettingError


def test_the_yaml_file_holds_the_defaults():
    given = OmegaConf.load(ROOT / "configs" / "adapter" / "contextual.yaml")
    assert check_config(given, 9) == check_config(ContextualAdapterConfig(), 9)
    left_out = {"base", "adapter_strategy", "enabled"}
    assert set(given) == set(ContextualAdapterConfig.__dataclass_fields__) - left_out


def test_layers_count_from_the_end():
    assert check_config({"query_layers": [-1, 0]}, 9).query_layers == [8, 0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"heads": 3}, "heads: 3 do not divide dim 128"),
        ({"dim": 0}, "dim: must be from 1 to 4096"),
        ({"query_context": 4}, "query_context: must be odd"),
        ({"query_layers": [9]}, "no layer 9; the encoder has 9, 0 to 8"),
        ({"query_layers": [2, -7]}, "names a layer twice"),
        ({"query_layers": [], "final_layer": False}, "needs at least one layer"),
        ({"dropout": 1.0}, "dropout"),
        ({"embedding": "mine"}, "'decoder' or 'own'"),
        ({"hidden": 7}, "fields are query_layers"),
        ({"dim": "wide"}, "adapter:"),
        ({"max_phrases": 0}, "max_phrases"),
        ({"dim": 10**9}, "dim: must be from 1 to 4096"),
        ({"strength": float("nan")}, "strength"),
        ({"types": ["${oc.env:HOME}"]}, "nothing is interpolated here"),
        ({"_target_": "nemo_ctcbias.phones.phone_head.PhoneHead"}, "is no contextual adapter"),
        ({3: 4}, "adapter:"),
        ([1], "a config is a mapping of its fields, got list"),
        (3, "a config is a mapping of its fields, got int"),
    ],
)
def test_one_clear_line(given, words):
    with pytest.raises(SettingError, match=words):
        check_config(given, 9)
