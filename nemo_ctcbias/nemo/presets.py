"""One setting for all of biasing: `biasing.preset`."""

from __future__ import annotations

import copy

from omegaconf import DictConfig, OmegaConf

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.nemo.config import PRESET_NAMES, BiasingConfig
from nemo_ctcbias.phones.options import PARTS

#: What each says where the model's own settings say nothing. `accurate` is all that the model has.
PRESETS: dict[str, dict] = {
    "off": {"enabled": False},
    "fast": {
        "lm": {"enabled": False},
        "phonetics": {name: {"enabled": False} for name in PARTS},
    },
    "accurate": {},
}
assert tuple(PRESETS) == PRESET_NAMES


def effective(biasing: DictConfig) -> DictConfig:
    """The `biasing` section with its preset applied: what stands in `lm` and `phonetics` itself goes first.

    >>> biasing = BiasingConfig.merge({"preset": "fast", "phonetics": {"lookup": {"enabled": True}}})
    >>> phonetics = effective(biasing).phonetics
    >>> phonetics.rescoring, phonetics.lookup
    ({'enabled': False}, {'enabled': True})
    """
    if biasing.preset is None:
        return biasing
    preset = PRESETS[biasing.preset]
    parts = {name: OmegaConf.merge(preset[name], biasing[name]) for name in ("lm", "phonetics") if name in preset}
    settled = copy.deepcopy(biasing)
    OmegaConf.set_struct(settled, False)  # a restored section takes no key that it did not hold
    settled.update(parts)
    settled.enabled = biasing.enabled and preset.get("enabled", True)
    return settled


class PresetMixin:
    """The settings of a biased model, with its preset."""

    @property
    def biasing(self) -> DictConfig:
        """The `biasing` section as it acts."""
        return effective(self._cfg.biasing)

    def set_preset(self, preset: str | None) -> None:
        """Choose how much is done: "off", "fast" (adapter and boosting), "accurate" (all that the model has).

        Settings made for a part count for more, for example `set_phonetics(lookup={"enabled": True})`. None: the
        parts' own settings alone. It is saved with the model.

        Raises:
            SettingError: no such preset.
        """
        self.set_biasing(preset=preset)

    def set_biasing(self, **settings: object) -> None:
        """Change settings of the section, nested ones too: `set_biasing(weight=8, boost={"token_bonus": 1.0})`.

        Raises:
            SettingError: a setting that does not exist or is out of range, or `bias_list` (see `set_bias_list`), or
                `lm.path` (see `set_language_model`).
        """
        given = OmegaConf.create(settings)
        for key, instead in (("bias_list", "set_bias_list"), ("lm.path", "set_language_model")):
            if OmegaConf.select(given, key) is not None:
                raise SettingError(f"biasing.{key}: is set with model.{instead}(...)")
        stored = OmegaConf.to_container(self._cfg.biasing)
        self._cfg.biasing = BiasingConfig.merge(OmegaConf.merge(stored, given))
        self._settle_lexicon()
        self.change_decoding_strategy(self._cfg.decoding, verbose=False)
