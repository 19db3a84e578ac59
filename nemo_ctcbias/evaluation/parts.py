"""The parts of our own systems: what each of them sets in the section `biasing`, everything else switched off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nemo_ctcbias.errors import SettingError

#: The parts that exist; those about sounds with the name that they have among the settings.
PHONE_PARTS = {"spot": "detection", "rescore": "rescoring", "verify": "verification", "lookup": "correction"}
PARTS = ("adapter", "hotword", "lm", "boost-lm", "g2g", *PHONE_PARTS)
#: Parts that need a list to act on, or others that listen to it.
BESIDE = {
    "g2g": "adds spellings for others to listen for",
    "spot": "says what others are to listen for",
    "verify": "doubts what others wrote of a list",
}
LISTENERS = {"adapter", "hotword", "boost-lm"}
OFF: dict[str, Any] = {
    "adapter": False,
    "boost": {"enabled": False},
    "lm": {"enabled": False, "always": True},
    "phonetics": {"parts": [], "variants": 1},
}


def settings_of(parts: Sequence[str], variants: int) -> dict[str, Any]:
    """What a system with these parts sets, with so many variants of a phrase; the rest is the model's own.

    Raises:
        SettingError: a part that has nothing to act on.
    """
    has = set(parts)
    for part, does in BESIDE.items():
        others = LISTENERS - {"adapter"} if part == "verify" else LISTENERS
        if part in has and not has & others:
            raise SettingError(f"part {part!r} {does}; name it with them, as in hotword+{part}")
    found = {name: dict(value) if isinstance(value, dict) else value for name, value in OFF.items()}
    found["adapter"] = "adapter" in has
    if has - {"adapter", "spot", "g2g"}:  # else the best token of each frame is taken
        found["boost"] = {"enabled": True}
        if "hotword" not in has:
            found["boost"] |= {"gap_scale": 0.0, "token_bonus": 0.0}
    if has & {"lm", "boost-lm"}:
        found["lm"]["enabled"] = True
        if "boost-lm" not in has:
            found["lm"]["class_weight"] = None
    found["phonetics"]["parts"] = [setting for part, setting in PHONE_PARTS.items() if part in has]
    if "g2g" in has:
        found["phonetics"]["variants"] = variants
    return found


def grid_of(parts: Sequence[str], weight: float, rescoring: float) -> dict[str, tuple[float, ...]]:
    """Values that tuning tries, by key of the section `biasing`; the middle one is the default."""
    found: dict[str, tuple[float, ...]] = {}
    if "hotword" in parts:
        found["weight"] = tuple(weight * factor for factor in (0.5, 0.75, 1.0, 1.25, 1.5))
    elif "adapter" in parts:
        found["weight"] = tuple(weight * factor for factor in (0.5, 1.0, 1.5))
    if "rescore" in parts:
        found["phonetics.rescoring_weight"] = tuple(rescoring * factor for factor in (0.5, 1.0, 1.75))
    return found
