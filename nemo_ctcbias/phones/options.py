"""Settings of phonetics: the section `biasing.phonetics` of a model's config."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.phones.lookup import LookupOptions
from nemo_ctcbias.phones.rescoring import RescoringOptions
from nemo_ctcbias.phones.spotting import WHERE, SpottingOptions
from nemo_ctcbias.phones.verification import VerificationOptions

PARTS = ("spotting", "rescoring", "verification", "lookup")  # each a section with `enabled`, in the order they act


@dataclass(frozen=True)
class PhoneticsOptions:
    """What is done with the sounds of listed phrases.

    spot: whether only phrases that can be heard are listened for; None: where the model has a phone head, which it
        needs. In the config `spotting.enabled`.
    rescore: whether n-best lists are rescored by their sound; None as above. In the config `rescoring.enabled`.
    look_up: whether misheard words are replaced by phrases that sound like them; None as above. In the config
        `lookup.enabled`.
    verify: whether phrases that do not sound right where they were written are given up; None as above. In the config
        `verification.enabled`.
    variants: spellings of each phrase that are listened for, its own included; 1 adds none.
    variant_cost: times -log of a spelling's probability, what it gives back of its boost; see `SpokenVariants`.
    lexicon: a file of pronunciations in the format of the CMU dictionary; without one the shipped G2P model says how
        all words sound.
    spotting, rescoring, lookup, verification: see `SpottingOptions`, `RescoringOptions`, `LookupOptions` and
        `VerificationOptions`.
    """

    rescore: bool | None = None
    look_up: bool | None = None
    variants: int = 1
    variant_cost: float = 1.0
    lexicon: str | None = None
    rescoring: RescoringOptions = field(default_factory=RescoringOptions)
    lookup: LookupOptions = field(default_factory=LookupOptions)
    spot: bool | None = None
    spotting: SpottingOptions = field(default_factory=SpottingOptions)
    verify: bool | None = None
    verification: VerificationOptions = field(default_factory=VerificationOptions)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> PhoneticsOptions:
        """The options that a section of a config says.

        Raises:
            SettingError: an unknown key, or a value of the wrong kind or out of range.
        """
        _refuse_unknown(given, [*PARTS, "variants", "variant_cost", "lexicon"], WHERE)
        rescore, rescoring = _part(RescoringOptions, given.get("rescoring") or {}, f"{WHERE}.rescoring")
        spot, spotting = _part(SpottingOptions, given.get("spotting") or {}, f"{WHERE}.spotting")
        look_up, lookup = _part(LookupOptions, given.get("lookup") or {}, f"{WHERE}.lookup")
        verify, verification = _part(VerificationOptions, given.get("verification") or {}, f"{WHERE}.verification")
        variants, lexicon = given.get("variants", 1), given.get("lexicon")
        if isinstance(variants, bool) or not isinstance(variants, int) or variants < 1:
            raise SettingError(f"{WHERE}.variants: must be a whole number from 1 (the phrase itself), got {variants!r}")
        cost = given.get("variant_cost", 1.0)
        if isinstance(cost, bool) or not isinstance(cost, (int, float)) or not 0 <= cost < math.inf:
            raise SettingError(f"{WHERE}.variant_cost: must be a number from 0 up, got {cost!r}")
        if lexicon is not None and not isinstance(lexicon, str):
            raise SettingError(f"{WHERE}.lexicon: must be the path of a lexicon file, got {lexicon!r}")
        return cls(
            rescore=rescore,
            look_up=look_up,
            variants=variants,
            variant_cost=float(cost),
            lexicon=lexicon,
            rescoring=rescoring,
            lookup=lookup,
            spot=spot,
            spotting=spotting,
            verify=verify,
            verification=verification,
        )


def _part(kind: type, given: Mapping[str, Any], where: str) -> tuple[bool | None, Any]:
    """`enabled`, and the other settings."""
    _refuse_unknown(given, ["enabled", *(item.name for item in fields(kind))], where)
    settings = dict(given)
    enabled = settings.pop("enabled", None)
    if enabled is not None and not isinstance(enabled, bool):
        raise SettingError(f"{where}.enabled: must be true, false or null (where the model can), got {enabled!r}")
    try:
        return enabled, kind(**settings)
    except TypeError as error:
        raise SettingError(f"{where}: {error}; give numbers") from error
    except SettingError as error:
        raise SettingError(f"biasing.phonetics.{error}") from error


def _refuse_unknown(given: Mapping[str, Any], known: list[str], where: str) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise SettingError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(known)}")
