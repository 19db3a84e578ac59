"""Write docs/settings.md from the dataclasses that hold the settings; their docstrings hold the meanings.

python docs/generate_settings.py
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Any

from nemo_ctcbias.adapter.config import ContextualAdapterConfig
from nemo_ctcbias.bias_list.sampling import SamplingOptions
from nemo_ctcbias.decoding.beam_search import BeamOptions
from nemo_ctcbias.decoding.boosting import BoostOptions
from nemo_ctcbias.lm.options import LanguageModelOptions
from nemo_ctcbias.models.adapter_training import TrainingOptions
from nemo_ctcbias.models.config import BiasingConfig
from nemo_ctcbias.models.phone_training import PhoneTrainingOptions
from nemo_ctcbias.phonetics.lookup import LookupOptions
from nemo_ctcbias.phonetics.options import PhoneticsOptions
from nemo_ctcbias.phonetics.phone_head import PhoneHeadConfig
from nemo_ctcbias.phonetics.phones import PHONES
from nemo_ctcbias.phonetics.rescoring import RescoringOptions

PAGE = Path(__file__).with_name("settings.md")
ENTRY = re.compile(r"(?P<names>\w+(?:, \w+)*): (?P<text>.+)")


@dataclass(frozen=True)
class Row:
    """A setting; `meaning` is empty where the docstring has none."""

    key: str
    type: str
    default: str
    meaning: str


@dataclass(frozen=True)
class Section:
    """Settings of one dataclass.

    Args:
        title: heading on the page.
        kind: the dataclass.
        prefix: of its keys.
        intro: what stands below the heading.
        renamed: keys in the config of fields that are named otherwise.
        beside: rows of keys that no field stands for.
        hidden: fields that are sections of their own, or no settings.
    """

    title: str
    kind: type
    prefix: str
    intro: str = ""
    renamed: tuple[tuple[str, str], ...] = ()
    beside: tuple[Row, ...] = ()
    hidden: tuple[str, ...] = ()


LM_FILE = (
    Row("biasing.lm.path", "str | None", "null", "a KenLM file, ARPA or binary; it travels in the `.nemo`"),
    Row("biasing.lm.enabled", "bool", "true", "whether it is used"),
    Row("biasing.lm.always", "bool", "false", "whether it also helps recordings without a list"),
)

SECTIONS = (
    Section(
        "biasing",
        BiasingConfig,
        "biasing",
        "In the config of a model; they travel in its `.nemo`. `model.set_biasing(weight=8)` changes them, "
        "`nemo-ctcbias transcribe --settings FILE` reads them from a YAML file.",
        hidden=("boost", "beam", "lm", "phonetics"),
    ),
    Section("biasing.boost", BoostOptions, "biasing.boost", "Adaptive boosting in the search."),
    Section("biasing.beam", BeamOptions, "biasing.beam", "Width and pruning of the search."),
    Section("biasing.lm", LanguageModelOptions, "biasing.lm", "A word language model in the search.", beside=LM_FILE),
    Section(
        "biasing.phonetics",
        PhoneticsOptions,
        "biasing.phonetics",
        "What is done with the sounds of listed phrases.",
        renamed=(("rescore", "rescoring.enabled"), ("look_up", "lookup.enabled")),
        hidden=("rescoring", "lookup"),
    ),
    Section("biasing.phonetics.rescoring", RescoringOptions, "biasing.phonetics.rescoring"),
    Section("biasing.phonetics.lookup", LookupOptions, "biasing.phonetics.lookup"),
    Section(
        "Contextual adapter",
        ContextualAdapterConfig,
        "adapter",
        "Fields of `ContextualAdapterConfig`, which `model.add_adapter(name, config)` takes; the section `adapter` of "
        "[contextual_adapter.yaml](../configs/contextual_adapter.yaml).",
        hidden=("_target_",),
    ),
    Section(
        "Phone head",
        PhoneHeadConfig,
        "phone_head",
        "Fields of `PhoneHeadConfig`, which `model.add_phone_head(config)` takes; the section `phone_head` of "
        "[phone_head.yaml](../configs/phone_head.yaml).",
    ),
    Section(
        "Training lists",
        SamplingOptions,
        "lists",
        "The section `lists` of [contextual_adapter.yaml](../configs/contextual_adapter.yaml).",
    ),
    Section(
        "Training an adapter",
        TrainingOptions,
        "training",
        "The section `training` of [contextual_adapter.yaml](../configs/contextual_adapter.yaml).",
    ),
    Section(
        "Training a phone head",
        PhoneTrainingOptions,
        "training",
        "The section `training` of [phone_head.yaml](../configs/phone_head.yaml).",
    ),
)

INTRO = """\
# Settings

Made from the code by `python docs/generate_settings.py`: do not edit it by hand. Which of them to change, and when, is
said in [Choosing weights](choosing_weights.md); what they do exactly, in [Algorithms](algorithms.md). All scores are
natural logarithms unless it says otherwise. A setting that does not exist or is out of range is refused by name.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([INTRO, *map(_section, SECTIONS)])


def rows(section: Section) -> Iterator[Row]:
    """The settings of a section, those without a field first."""
    yield from section.beside
    told, renamed = meanings(section.kind), dict(section.renamed)
    for item in fields(section.kind):
        if item.name not in section.hidden:
            key = f"{section.prefix}.{renamed.get(item.name, item.name)}"
            yield Row(key, str(getattr(item.type, "__name__", item.type)), _default(item), told[item.name])


def meanings(kind: type) -> dict[str, str]:
    """What the docstring says of each field: its entry `name: text`, else the entry that speaks of it, else nothing."""
    names = {item.name for item in fields(kind)}
    found: dict[str, str] = {}
    current, indent = [], 0
    for line in inspect.cleandoc(kind.__doc__ or "").splitlines():
        entry, depth = ENTRY.fullmatch(line.strip()), len(line) - len(line.lstrip())
        if entry and names.issuperset(entry["names"].split(", ")):
            current, indent = entry["names"].split(", "), depth
            found |= dict.fromkeys(current, entry["text"])
        elif line.strip() and current and depth > indent:
            found |= {name: f"{found[name]} {line.strip()}" for name in current}
        else:
            current = []
    for name in names - set(found):
        teller = next((other for other in found if f"`{name}`" in found[other]), None)
        found[name] = f"see `{teller}`" if teller else ""
    return {name: text.rstrip(".") for name, text in found.items()}


def _default(item: Field) -> str:
    value = item.default_factory() if item.default_factory is not MISSING else item.default
    return "the 39 phones" if value == list(PHONES) else _written(value)


def _written(value: Any) -> str:
    """As in YAML."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_written, value))}]"
    return f"{value:g}" if isinstance(value, float) and abs(value) >= 1e-3 else str(value)


def _section(section: Section) -> str:
    lines = [f"## {section.title}", "", *([section.intro, ""] if section.intro else [])]
    lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
    for row in rows(section):
        cells = (f"`{row.key}`", row.type, row.default, row.meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
