"""The `biasing` section of a model's config."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.lm.options import LanguageModelOptions
from nemo_ctcbias.phones.options import PhoneticsOptions
from nemo_ctcbias.search.beam_search import BeamOptions
from nemo_ctcbias.search.boosting import BoostOptions

PRESET_NAMES = ("off", "fast", "accurate")


@dataclass(frozen=True)
class LanguageModelUse:
    """Which language model helps the search, and when: the keys of `biasing.lm` beside its weights.

    Args:
        path: a KenLM file, ARPA or binary; it travels in the `.nemo`. `model.set_language_model` sets it.
        always: True uses it for recordings without a list, too; False leaves these to NeMo's own decoding.
        enabled: False leaves the language model out.
    """

    path: str | None = None
    always: bool = False
    enabled: bool = True

    def __post_init__(self) -> None:
        if self.path is not None and not isinstance(self.path, str):
            raise SettingError(f"biasing.lm.path: must be the path of a KenLM file, got {self.path!r}")
        for name in ("always", "enabled"):
            if not isinstance(getattr(self, name), bool):
                raise SettingError(f"biasing.lm.{name}: must be true or false, got {getattr(self, name)!r}")


@dataclass
class BiasingConfig:
    """Settings of a biased model; they travel in its `.nemo`.

    Args:
        preset: "off", "fast" or "accurate", see `nemo_ctcbias.nemo.presets`; None leaves all to the other settings.
        enabled: False decodes as if there were no list.
        hotword: False leaves the list to the adapters and decodes their log-probs as NeMo would.
        bias_list: a file or a list of phrases; in a `.nemo` the list that was stored with it.
        weight: strength on pyctcdecode's scale of hotword weights; 10 as tuned, 0 off.
        alternatives: token sequences tried for each phrase.
        nbest: hypotheses returned where n-best is asked for (`decoding.beam.return_best_hypothesis=false`).
        boost: see `nemo_ctcbias.BoostOptions`.
        beam: see `nemo_ctcbias.BeamOptions`.
        lm: a language model, see `LanguageModelUse`, and its weights, `nemo_ctcbias.lm.options.LanguageModelOptions`.
        phonetics: `spotting`, `rescoring`, `verification` and `lookup` (each with `enabled`), `variants` and `lexicon`,
            which travels in the `.nemo`; see `nemo_ctcbias.phones.options.PhoneticsOptions`.
    """

    preset: Any = None
    enabled: bool = True
    hotword: bool = True
    bias_list: Any = None
    weight: float = 10.0
    alternatives: int = 4
    nbest: int = 10
    boost: dict[str, float] = field(default_factory=dict)
    beam: dict[str, float] = field(default_factory=dict)
    lm: dict[str, Any] = field(default_factory=dict)
    phonetics: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def merge(cls, given: DictConfig | dict | None) -> DictConfig:
        """Defaults overlaid by what was given.

        Raises:
            SettingError: naming an unknown key or a value of the wrong kind.
        """
        try:
            merged = OmegaConf.merge(OmegaConf.structured(cls), given or {})
        except (OmegaConfBaseException, ValueError) as error:
            known = ", ".join(item.name for item in fields(cls))
            reason = str(error).splitlines()[0]
            raise SettingError(f"biasing: {reason}; the section knows {known}") from error
        if merged.preset is False:
            merged.preset = "off"  # as YAML reads a bare `off`
        if merged.preset not in (None, *PRESET_NAMES):
            raise SettingError(f"biasing.preset: must be {', '.join(PRESET_NAMES)} or null, got {merged.preset!r}")
        if not merged.weight >= 0:
            raise SettingError(f"biasing.weight: must be 0 or more, got {merged.weight}; 10 is the tuned strength")
        boost_options(merged)
        beam_options(merged)
        language_model_options(merged)
        phonetics_options(merged)
        return merged


def _options(kind: type, section: str, given: Any) -> Any:
    known = {item.name for item in fields(kind)}
    unknown = set(given) - known
    if unknown:
        raise SettingError(f"biasing.{section}: unknown key {sorted(unknown)[0]!r}; known: {', '.join(sorted(known))}")
    whole = {"beam_width"}
    return kind(**{key: int(value) if key in whole else float(value) for key, value in given.items()})


def language_model_options(config: DictConfig) -> LanguageModelOptions:
    """The weights in `biasing.lm` as options; what stands beside them is checked."""
    use, weights = ([item.name for item in fields(kind)] for kind in (LanguageModelUse, LanguageModelOptions))
    unknown = sorted(set(config.lm) - {*use, *weights})
    if unknown:
        raise SettingError(f"biasing.lm: unknown key {unknown[0]!r}; known: {', '.join([*use, *weights])}")
    LanguageModelUse(**{name: value for name, value in config.lm.items() if name in use})
    return LanguageModelOptions(**{name: value for name, value in config.lm.items() if name in weights})


def phonetics_options(config: DictConfig) -> PhoneticsOptions:
    """`biasing.phonetics` as options."""
    return PhoneticsOptions.of(OmegaConf.to_container(config.phonetics))


def boost_options(config: DictConfig) -> BoostOptions:
    """`biasing.boost` as options."""
    return _options(BoostOptions, "boost", config.boost)


def beam_options(config: DictConfig) -> BeamOptions:
    """`biasing.beam` as options."""
    return _options(BeamOptions, "beam", config.beam)
