"""Writes settings.md: every key of a model's config that is ours, from the dataclasses and their docstrings.

python docs/settings_table.py
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

from nemo_ctcbias.adapter.config import ContextualAdapterConfig
from nemo_ctcbias.decoding.beam_search import BeamOptions
from nemo_ctcbias.decoding.boosting import BoostOptions
from nemo_ctcbias.lm.options import LanguageModelOptions
from nemo_ctcbias.models.config import BiasingConfig
from nemo_ctcbias.phonetics.lookup import LookupOptions
from nemo_ctcbias.phonetics.options import PhoneticsOptions
from nemo_ctcbias.phonetics.phone_head import PhoneHeadConfig
from nemo_ctcbias.phonetics.rescoring import RescoringOptions

PAGE = Path(__file__).with_name("settings.md")
#: Section of the config, its dataclass, and fields that are not keys there.
SECTIONS: tuple[tuple[str, type, tuple[str, ...]], ...] = (
    ("biasing", BiasingConfig, ()),
    ("biasing.boost", BoostOptions, ("weight",)),
    ("biasing.beam", BeamOptions, ()),
    ("biasing.lm", LanguageModelOptions, ()),
    ("biasing.phonetics", PhoneticsOptions, ("rescore", "look_up")),
    ("biasing.phonetics.rescoring", RescoringOptions, ()),
    ("biasing.phonetics.lookup", LookupOptions, ()),
    ("adapters.NAME", ContextualAdapterConfig, ("_target_", "enabled")),
    ("phone_head", PhoneHeadConfig, ()),
)
HEAD = """# Settings

Made from the code by `python docs/settings_table.py`. These sections stand in a model's config and
travel in its `.nemo`; `model.set_biasing(...)` changes `biasing`.
"""
ENTRY = re.compile(r"^ {4,8}([a-z_]+(?:, [a-z_]+)*): (.*)$")


def meanings(kind: type) -> dict[str, str]:
    """What the docstring says of each field: entries `name: text` or `one, other: text`, continued further right."""
    found: dict[str, str] = {}
    names: list[str] = []
    known = {field.name for field in dataclasses.fields(kind)}
    for line in inspect.getsource(kind).split('"""')[1].splitlines():
        entry = ENTRY.match(line)
        if entry and set(entry[1].split(", ")) <= known:
            names = entry[1].split(", ")
            found |= dict.fromkeys(names, entry[2])
        elif not line.strip():
            names = []
        elif names:
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return found


def default_of(field: dataclasses.Field) -> Any:
    """Default of a field; None for one that is a section of its own."""
    value = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    return None if dataclasses.is_dataclass(value) else value


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for section, kind, hidden in SECTIONS:
        told = meanings(kind)
        rows = [f"## {section}", "", "| key | default | meaning |", "|---|---|---|"]
        for field in dataclasses.fields(kind):
            if field.name not in hidden:
                meaning = told[field.name].replace("|", "\\|")
                default = str(default_of(field)).replace("True", "true").replace("False", "false")
                rows.append(f"| `{field.name}` | `{default if default != 'None' else 'null'}` | {meaning} |")
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
