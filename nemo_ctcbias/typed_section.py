"""A section of a config read as the fields of a dataclass, each of its annotated type."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from nemo_ctcbias.bias_list.report import quoted
from nemo_ctcbias.errors import SettingError

MOST = 1e9  # beyond any sense, and still far from what overflows in a formula


def as_section(given: Any, where: str) -> dict[str, Any]:
    """A mapping whose keys are names.

    Raises:
        SettingError: it is none; `where` says which section.
    """
    if not isinstance(given, Mapping):
        raise SettingError(f"{where}: must be a section of settings, got {quoted(given)}")
    odd = next((key for key in given if not isinstance(key, str)), None)
    if odd is not None:
        raise SettingError(f"{where}: the key {quoted(odd)} is no name; write settings as name: value")
    return dict(given)


def typed_fields(kind: type, given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Fields of a dataclass as they were given, each of its type; sections are left out.

    Raises:
        SettingError: an unknown key or a value of the wrong kind; names the key.
    """
    given = as_section(given, where)
    known = {item.name: item for item in fields(kind)}
    unknown = [name for name in given if name not in known]
    if unknown:
        raise SettingError(f"{where}: unknown key {quoted(unknown[0])}; known: {', '.join(known)}")
    inner = getattr(kind, "SECTIONS", {})
    return {
        name: _value(known[name].type, value, f"{where}.{name}") for name, value in given.items() if name not in inner
    }


def _value(kind: str, value: Any, where: str) -> Any:
    """A value as its annotation says."""
    kind, optional = kind.removesuffix(" | None"), kind.endswith(" | None")
    if isinstance(value, str) and "${" in value:  # which OmegaConf would fill in from this machine's environment
        raise SettingError(f"{where}: nothing is interpolated here, got {quoted(value)}; write the value itself")
    if (value is None and optional) or kind == "Any":
        return value
    wanted = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "a text"}.get(kind)
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind in ("int", "float") and isinstance(value, (int, float)) and not isinstance(value, bool):
        if abs(value) <= MOST and (kind == "float" or value == int(value)):
            return float(value) if kind == "float" else int(value)
        if math.inf > abs(value) > MOST:
            wanted = f"between -{MOST:g} and {MOST:g}"
    if kind == "str" and isinstance(value, str):
        return value
    if kind == "tuple[str, ...]":
        wanted = "a list of names"
        if isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value):
            return tuple(value)
    raise SettingError(f"{where}: must be {wanted}{' or null' if optional else ''}, got {quoted(value)}")
