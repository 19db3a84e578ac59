"""What all dataclasses of numeric settings have in common: a check of their ranges."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from numbers import Real
from typing import Any

from nemo_ctcbias.errors import SettingError


def check_numbers(
    section: str, settings: Any, lowest: Mapping[str, float] = {}, highest: Mapping[str, float] = {}
) -> None:
    """Refuse settings that are no finite numbers, out of range, or no whole numbers where the default is one.

    Args:
        section: their place in the config, for the message.
        settings: an instance of a dataclass whose fields all have numbers for defaults.
        lowest: by field, the smallest value; 0 for the others.
        highest: by field, the largest value; none for the others.

    Raises:
        SettingError: with the setting's name.
    """
    for field in fields(settings):
        value, least, most = getattr(settings, field.name), lowest.get(field.name, 0), highest.get(field.name, math.inf)
        whole = isinstance(field.default, int)
        fits = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
        if not (fits and least <= value <= most and (value == int(value) or not whole)):
            bounds = "" if least == -math.inf else f" from {least} " + ("up" if most == math.inf else f"to {most}")
            kind = "whole number" if whole else "number"
            raise SettingError(f"{section}.{field.name}: {value!r} is out of range; give a {kind}{bounds}")
