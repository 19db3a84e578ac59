"""The settings of biasing: the section `biasing` of a model's config, parsed once and handed down.

Everything else that a formula needs is a named constant beside it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from typing import Any, ClassVar

from nemo_ctcbias.bias_list.list_length import LIST_COST, log_excess, log_length
from nemo_ctcbias.bias_list.report import quoted
from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.lm.options import LanguageModelOptions
from nemo_ctcbias.old_settings import translated
from nemo_ctcbias.phones import detection, rescoring
from nemo_ctcbias.search.beam_search import BeamOptions
from nemo_ctcbias.search.boosting import BoostOptions
from nemo_ctcbias.typed_section import as_section, typed_fields

PRESET_NAMES = ("off", "fast", "accurate")
#: What the sounds of a list are good for, in the order in which it is done; see `PhoneticsSettings.parts`.
PHONE_PARTS = ("detection", "rescoring", "verification", "correction")
FAST_PARTS = ("detection", "verification")  # to look for what the search did not write takes longer than these
PRECISION = 0.95  # of the listed phrases that are written
AS_TUNED = 10.0  # `weight` at which everything acts as it was tuned
MOST_COUNT = 10_000  # beyond any sense, and still far from what fills the memory


@dataclass(frozen=True)
class BoostSettings:
    """Adaptive boosting in the search.

    enabled: False leaves the list to the adapters and decodes their log-probs as NeMo would.
    gap_scale, token_bonus: what a token earns for continuing a listed phrase: a share of its gap to the likeliest
        token, and a constant; see `nemo_ctcbias.BoostOptions`.
    """

    enabled: bool = True
    gap_scale: float = BoostOptions.gap_scale
    token_bonus: float = BoostOptions.token_bonus


@dataclass(frozen=True)
class BeamSettings:
    """The beam search.

    beam_width: hypotheses kept after each frame.
    """

    beam_width: int = BeamOptions.beam_width


@dataclass(frozen=True)
class LanguageModelSettings:
    """Which language model helps the search, and how much.

    path: a KenLM file, ARPA or binary; it travels in the `.nemo`. `model.set_language_model` sets it.
    always: True uses it for recordings without a list, too; False leaves these to NeMo's own decoding.
    enabled: False leaves the language model out.
    alpha: factor of its log-probs.
    beta: score of each word, so that more words are no disadvantage in themselves.
    class_weight: in-class weight of a listed word, a natural log added to log P(class | history) before alpha; None
        scores listed words as any other.
    """

    path: str | None = None
    always: bool = False
    enabled: bool = True
    alpha: float = LanguageModelOptions.alpha
    beta: float = LanguageModelOptions.beta
    class_weight: float | None = LanguageModelOptions.class_weight


@dataclass(frozen=True)
class PhoneticsSettings:
    """What is done with the sounds of listed phrases.

    lexicon: a file of pronunciations in the format of the CMU dictionary, which travels in the `.nemo`; without one
        the shipped G2P model says how all words sound.
    variants: spellings of each phrase that are listened for, its own included; 1 adds none.
    parts: which of detection, rescoring, verification and correction are done; None: all. A model without a phone head
        tells from its own spelling how it heard the list, which is enough for all but rescoring.
    detection_threshold: score that a phrase needs somewhere to be listened for at all.
    rescoring_weight: weight of how hypotheses sound, when they are ranked.
    """

    lexicon: str | None = None
    variants: int = 1
    parts: tuple[str, ...] | None = None
    detection_threshold: float = detection.THRESHOLD
    rescoring_weight: float = rescoring.WEIGHT


@dataclass(frozen=True)
class Settings:
    """How lists act.

    preset: "off" does nothing, "fast" leaves out the language model, rescoring and correction, "accurate" does all that
        the model has; None likewise. What is set for a part itself counts for more.
    bias_list: a file or a list of phrases; in a `.nemo` the list that was stored with it.
    weight: strength of everything, on pyctcdecode's scale of hotword weights; 10 as tuned, 0 off.
    alternatives: token sequences tried for each phrase.
    precision: share of the listed phrases written that shall be right, from 0 to below 1; a higher one writes fewer.
    least_confidence: what is asked of each phrase for that, from 0 (all are written) to 1 (none), as
        `nemo-ctcbias calibrate` finds it in recordings of one's own; None: what the shipped table says of `precision`.
    nbest: hypotheses returned where n-best is asked for (`decoding.beam.return_best_hypothesis=false`).
    list_cost: how much more is asked of each phrase of a list of N phrases, times ln(N / 100); 1 is the whole prior.
    adapter: whether contextual adapters that are enabled listen to the list.
    workers: processes in which `transcribe` recognises the utterances of a batch, side by side and while the encoder
        works on the next one; the results do not hang on it. None: as many as there are cores; 1: none, it is done in
        between. (On Linux; elsewhere it is always done in between.)
    """

    preset: str | None = None
    bias_list: Any = None
    weight: float = AS_TUNED
    precision: float = PRECISION
    least_confidence: float | None = None
    alternatives: int = 4
    nbest: int = 10
    list_cost: float = LIST_COST
    adapter: bool = True
    workers: int | None = None
    boost: BoostSettings = field(default_factory=BoostSettings)
    beam: BeamSettings = field(default_factory=BeamSettings)
    lm: LanguageModelSettings = field(default_factory=LanguageModelSettings)
    phonetics: PhoneticsSettings = field(default_factory=PhoneticsSettings)

    SECTIONS: ClassVar[dict[str, type]] = dict(
        boost=BoostSettings, beam=BeamSettings, lm=LanguageModelSettings, phonetics=PhoneticsSettings
    )

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> Settings:
        """Settings of a section of a config, its preset applied.

        Raises:
            SettingError: an unknown key, or a value of the wrong kind or out of range; names the key.
        """
        given = clean(given)
        preset = given.get("preset")
        if preset not in (None, *PRESET_NAMES):
            raise SettingError(f"biasing.preset: must be {', '.join(PRESET_NAMES)} or null, got {quoted(preset)}")
        found = typed_fields(cls, given, "biasing")
        for name, kind in cls.SECTIONS.items():
            found[name] = kind(**typed_fields(kind, given.get(name) or {}, f"biasing.{name}"))
        settings = cls(**found)
        settings._check()
        return settings._with_preset(given)

    def _with_preset(self, given: Mapping[str, Any]) -> Settings:
        if self.preset != "fast":
            return self
        lm, parts = self.lm, self.phonetics.parts
        if "enabled" not in (given.get("lm") or {}):
            lm = replace(lm, enabled=False)
        return replace(self, lm=lm, phonetics=replace(self.phonetics, parts=FAST_PARTS if parts is None else parts))

    def _check(self) -> None:
        """Ranges."""
        for name in ("alternatives", "nbest", "beam.beam_width", "phonetics.variants", "workers"):
            value = attrgetter(name)(self)
            if value is not None and not 1 <= value <= MOST_COUNT:
                raise SettingError(f"biasing.{name}: must be a whole number from 1 to {MOST_COUNT}, got {value!r}")
        scales = ("boost.gap_scale", "boost.token_bonus", "lm.alpha", "phonetics.rescoring_weight")
        for name in ("weight", "list_cost", *scales):
            if (value := attrgetter(name)(self)) < 0:
                more = "; 10 is the tuned strength" if name == "weight" else ""
                raise SettingError(f"biasing.{name}: must be 0 or more, got {value!r}{more}")
        if self.boost.gap_scale > 1:
            raise SettingError(f"biasing.boost.gap_scale: must lie between 0 and 1, got {self.boost.gap_scale!r}")
        if not 0 <= self.precision < 1:
            raise SettingError(f"biasing.precision: must be a share from 0 to below 1, got {self.precision!r}")
        if self.least_confidence is not None and not 0 <= self.least_confidence <= 1:
            told = f"must be from 0 to 1 or null, got {self.least_confidence!r}"
            raise SettingError(f"biasing.least_confidence: {told}")
        for part in self.phonetics.parts or ():
            if part not in PHONE_PARTS:
                known = ", ".join(PHONE_PARTS)
                raise SettingError(f"biasing.phonetics.parts: unknown part {quoted(part)}; choose from {known}")

    @property
    def enabled(self) -> bool:
        """Whether lists act at all."""
        return self.preset != "off"

    @property
    def strength(self) -> float:
        """`weight` as a factor, 1 as tuned."""
        return self.weight / AS_TUNED

    def wants(self, part: str) -> bool:
        """Whether a part of `PHONE_PARTS` is used, where the model has what it needs."""
        return self.phonetics.parts is None or part in self.phonetics.parts

    def prior(self, phrases: int) -> float:
        """What is asked of each phrase of a longer list besides, 0 up to 100 phrases."""
        return self.list_cost * log_excess(phrases)

    def detection_prior(self, phrases: int) -> float:
        """The same where a list is searched for by its sound alone: of short lists less is asked."""
        return self.list_cost * log_length(phrases)

    @property
    def language_model_options(self) -> LanguageModelOptions:
        """The language model's own."""
        return LanguageModelOptions(self.lm.alpha, self.lm.beta, self.lm.class_weight)


def clean(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """A section with today's names; what was renamed or is no setting any more is logged, once for all of it.

    Raises:
        SettingError: no section of settings at all.
    """
    given = as_section({} if given is None else given, "biasing")
    for name in Settings.SECTIONS:
        if given.get(name, ...) is None:
            del given[name]
        elif name in given:
            given[name] = as_section(given[name], f"biasing.{name}")
    found, remarks = translated(given)
    if remarks:
        told = f"biasing: settings of an older version: {'; '.join(remarks)}"
        logging.getLogger("nemo_ctcbias.settings").warning(told)
    if found.get("preset") is False:
        found["preset"] = "off"  # as YAML reads a bare `off`
    return found


def overlaid(section: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """A section with other settings on top, nested ones or by their dotted keys.

    >>> overlaid({"weight": 10, "lm": {"alpha": 0.5}}, {"lm.beta": 1.0, "lm": {"alpha": 0.4}})
    {'weight': 10, 'lm': {'alpha': 0.4, 'beta': 1.0}}
    """
    found = {name: dict(value) if isinstance(value, Mapping) else value for name, value in section.items()}
    for key, value in more.items():
        section_of, _, last = key.rpartition(".")
        if section_of:
            found.setdefault(section_of, {})[last] = value
        elif isinstance(value, Mapping):
            found[key] = {**value, **{k: v for k, v in found.get(key, {}).items() if k not in value}}
        else:
            found[key] = value
    return found


def setting_names() -> Iterator[str]:
    """All keys of the section, dotted."""
    for item in fields(Settings):
        inner = Settings.SECTIONS.get(item.name)
        yield from [item.name] if inner is None else (f"{item.name}.{each.name}" for each in fields(inner))


def changed(settings: Settings) -> dict[str, Any]:
    """What differs from the defaults, by dotted key."""
    usual, acting = ({name: attrgetter(name)(one) for name in setting_names()} for one in (Settings(), settings))
    return {name: value for name, value in acting.items() if value != usual[name]}
