"""Errors a user can act on: each message says where, what and what to do next."""

import math
from numbers import Real
from typing import Any


class BiasingError(Exception):
    """Base of all errors raised on purpose by this package; the CLI prints them on one line."""


class BiasListError(BiasingError, ValueError):
    """A bias list that cannot be read, or an unusable bias list argument."""


class ModelError(BiasingError, ValueError):
    """A checkpoint that cannot be loaded or cannot be biased."""


class AudioError(BiasingError, ValueError):
    """A recording that is missing, unreadable or empty."""


class SettingError(BiasingError, ValueError):
    """A configuration value or option that does not exist or is out of range."""


class LanguageModelError(SettingError):
    """A language model that cannot be read, or text that none can be estimated from."""


class PhoneticsError(BiasingError, ValueError):
    """A pronunciation, lexicon or phone model that cannot be used, or a word that cannot be pronounced."""


class ManifestError(BiasingError, ValueError):
    """A manifest that cannot be used; names the file and the line."""


class MissingDependencyError(BiasingError, ImportError):
    """An optional package is needed; the message gives its install command."""


def check_range(name: str, value: Any, least: float = 0, most: float = math.inf) -> None:
    """Refuse a setting that is no finite number from `least` to `most`.

    Raises:
        SettingError: with the setting's name.
    """
    if not (isinstance(value, Real) and math.isfinite(value) and least <= value <= most):
        bounds = "" if least == -math.inf else f" from {least} " + ("up" if most == math.inf else f"to {most}")
        raise SettingError(f"{name}: {value!r} is out of range; give a number{bounds}")
