"""Settings of checkpoints and files of version 0.1 under today's names: one place, one message."""

from __future__ import annotations

from typing import Any

#: Old key -> (today's key, or None where it became a constant; its old default).
RENAMED: dict[str, tuple[str | None, Any]] = {
    "hotword": ("boost.enabled", True),
    "boost.weight": (None, 1.0),
    "boost.max_gap": (None, 8.0),
    "boost.max_blank": (None, 0.95),
    "boost.first_token": (None, 0.7),
    "boost.list_cost": ("list_cost", 1.0),
    "boost.free_list": (None, 100.0),
    "boost.suppress": (None, 2.0),
    "beam.beam_prune_logp": (None, -10.0),
    "beam.token_min_logp": (None, -5.0),
    "lm.unk_offset": (None, -10.0),
    "lm.class_list_cost": ("list_cost", 1.5),
    "lm.boost_share": (None, 0.7),
    "phonetics.variant_cost": (None, 1.0),
    "phonetics.spotting.threshold": ("phonetics.detection_threshold", 5.0),
    "phonetics.spotting.list_cost": ("list_cost", 1.3),
    "phonetics.rescoring.weight": ("phonetics.rescoring_weight", 0.4),
    "phonetics.verification.threshold": (None, 5.0),
    "phonetics.lookup.min_gain": (None, 2.0),
    "phonetics.lookup.list_cost": ("list_cost", 1.0),
    "phonetics.verification_threshold": (None, 4.0),
    "phonetics.correction_gain": (None, 2.0),
}
#: Old sections with `enabled`, all of whose other keys became constants, and the part that they are today.
PARTS = {"spotting": "detection", "rescoring": "rescoring", "verification": "verification", "lookup": "correction"}


def translated(section: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The section `biasing` with today's keys, and what was done to it, in words; old defaults go without saying."""
    found = {name: dict(value) if isinstance(value, dict) else value for name, value in section.items()}
    remarks: list[str] = []
    if found.pop("enabled", True) is False:
        found["preset"] = "off"
        remarks.append("enabled: false is preset: off now")
    phonetics = found.get("phonetics")
    if isinstance(phonetics, dict):
        off = _parts(phonetics, remarks)
        if off:
            phonetics["parts"] = [part for part in PARTS.values() if part not in off]
        for name in [name for name in PARTS if isinstance(phonetics.get(name), dict)]:
            for key, value in phonetics.pop(name).items():
                _move(found, f"phonetics.{name}.{key}", value, remarks)
    for old in RENAMED:
        *path, last = old.split(".")
        place = found
        for name in path:
            place = place.get(name) if isinstance(place, dict) else None
        if isinstance(place, dict) and last in place:
            _move(found, old, place.pop(last), remarks)
    return found, remarks


def _parts(phonetics: dict[str, Any], remarks: list[str]) -> set[str]:
    """The parts that are switched off by `enabled: false`, which is taken away."""
    off = set()
    for old, part in PARTS.items():
        section = phonetics.get(old)
        if not isinstance(section, dict):
            continue
        phonetics[old] = section = dict(section)
        if section.pop("enabled", None) is False:
            off.add(part)
            remarks.append(f"phonetics.{old}.enabled is said by phonetics.parts now")
    return off


def _move(found: dict[str, Any], old: str, value: Any, remarks: list[str]) -> None:
    new, usual = RENAMED.get(old, (None, None))
    if value == usual and old in RENAMED:
        return
    if new is None:
        remarks.append(f"{old} is no setting any more and has its tuned value")
        return
    *path, last = new.split(".")
    place = found
    for name in path:
        place = place.setdefault(name, {})
    place.setdefault(last, value)
    remarks.append(f"{old} is {new} now")
