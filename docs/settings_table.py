"""Writes settings.md: every key of a config that users can set, from the code and the files that it stands in.

python docs/settings_table.py
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nemo.collections.asr.parts.submodules.ctc_decoding import CTCBPEDecodingConfig
from omegaconf import OmegaConf
from training_files import DECODING, MEANINGS, NAMES, SHARED, commented

from nemo_ctcbias.adapter.config import ContextualAdapterConfig
from nemo_ctcbias.bias_list.sampling import SamplingOptions
from nemo_ctcbias.phones.phone_head import PhoneHeadConfig
from nemo_ctcbias.settings import Settings
from nemo_ctcbias.training.adapter_training import TrainingOptions
from nemo_ctcbias.training.phone_training import PhoneTrainingOptions

PAGE = Path(__file__).with_name("settings.md")
#: Section of a model's config, and the dataclasses whose fields are its keys.
MODEL: dict[str, tuple[type, ...]] = {
    "biasing": (Settings,),
    **{f"biasing.{name}": (kind,) for name, kind in Settings.SECTIONS.items()},
    "adapters.NAME": (ContextualAdapterConfig,),
    "phone_head": (PhoneHeadConfig,),
}
#: Sections of training configs, and the dataclasses whose fields are their keys.
TRAINING: dict[str, dict[str, type]] = {
    "contextual_adapter": {"lists": SamplingOptions, "training": TrainingOptions},
    "phone_head": {"training": PhoneTrainingOptions},
    "base_fastconformer_ctc_bpe": {},
    "base_whisper_ctc_bpe": {},
}
HEAD = """# Settings

Made by `python docs/settings_table.py` from the code and from [configs/](../configs).

First the sections of a model's config. They travel in its `.nemo`; `model.set_biasing(...)` changes `biasing`.
"""
DECODING_HEAD = """## decoding

NeMo's own section, `ctc_decoding` in its scripts. These of its keys act on lists, too:
"""
TRAINING_HEAD = """# Settings of training

The scripts take them as `key=value`. `???` has to be given.
"""
SHARED_HEAD = """## trainer, exp_manager, hydra

Keys of Lightning's `Trainer`, of NeMo's `exp_manager` and of hydra, which the files share; a dash where one does
not set it. All others that these know can be added, for example `+trainer.max_time=00:01:00:00`.
"""
ENTRY = re.compile(r"^ {4,8}([a-z_]+(?:, [a-z_]+)*): (.*)$")
YAML = {"None": "null", "True": "true", "False": "false"}


@dataclasses.dataclass(frozen=True)
class Setting:
    """Default, as it is written in YAML, and meaning of a key."""

    default: str
    meaning: str


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


def settings_of(kind: type, section: str) -> dict[str, Setting]:
    """Keys of a dataclass in the order of its docstring; fields that begin with _ are none, sections stand alone."""
    told = meanings(kind)
    fields = [field for field in dataclasses.fields(kind) if not field.name.startswith("_")]
    order = list(told)
    found: dict[str, Setting] = {}
    for field in sorted(fields, key=lambda field: order.index(field.name) if field.name in told else len(order)):
        key = f"{section}.{field.name}"
        value = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if key not in MODEL:
            found[key] = Setting(as_yaml(value), told.get(field.name) or MEANINGS[key])
    return found


def as_yaml(value: Any) -> str:
    """A default as one would write it in a config."""
    if isinstance(value, str):
        return value
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def model_settings() -> dict[str, Setting]:
    """Keys of a model's config that are ours."""
    return {
        key: setting
        for section, kinds in MODEL.items()
        for kind in kinds
        for key, setting in settings_of(kind, section).items()
    }


def sections_of(settings: Mapping[str, Setting]) -> list[str]:
    """Where keys stand, in the order of `MODEL`, each followed by those in it."""
    found = dict.fromkeys(key.rpartition(".")[0] for key in settings)
    nearest = {name: max(at for at, top in enumerate(MODEL) if f"{name}.".startswith(f"{top}.")) for name in found}
    return sorted(found, key=lambda name: (nearest[name], name.count(".")))


def decoding_settings() -> dict[str, Setting]:
    """Keys of NeMo's decoding that are read for lists, with NeMo's defaults."""
    config = OmegaConf.create({"decoding": OmegaConf.structured(CTCBPEDecodingConfig)})
    return {key: Setting(as_yaml(OmegaConf.select(config, key)), told) for key, told in DECODING.items()}


def training_settings(name: str) -> dict[str, Setting]:
    """Keys of a training config: those of its file, and of the dataclasses of its sections."""
    found: dict[str, Setting] = {}
    for key, (default, comment) in commented(name).items():
        section = key.partition(".")[0]
        if key == "defaults":  # hydra's choice of the adapter's file, `- adapter@adapter: contextual`
            found["adapter"] = Setting(default.split()[2], MEANINGS["adapter"])
        elif section in MODEL:
            found[section] = Setting("", MEANINGS[section])
        elif section in TRAINING[name]:
            found |= settings_of(TRAINING[name][section], section)
        else:
            found[key] = Setting(default, MEANINGS.get(key) or comment)
    return found


def table(columns: Mapping[str, Mapping[str, Setting]], keys: Sequence[str], cut: str = "") -> str:
    """A row a key: a column of defaults for each of `columns` (by their heading), and the meaning.

    Args:
        columns: settings by key.
        keys: which of them.
        cut: what is left out at the start of keys.
    """
    rows = [f"| key | {' | '.join(columns)} | meaning |", "|---" * (len(columns) + 2) + "|"]
    for key in keys:
        found = [settings.get(key) for settings in columns.values()]
        defaults = [(one.default and f"`{one.default}`") if one else "–" for one in found]
        meaning = next(one.meaning for one in found if one).replace("|", "\\|").removesuffix(".")
        meaning = re.sub(r"\b(None|True|False)\b", lambda word: YAML[word[0]], meaning)
        rows.append(f"| `{key.removeprefix(cut)}` | {' | '.join(defaults)} | {meaning}. |")
    return "\n".join(rows) + "\n"


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    settings = model_settings()
    for section in sections_of(settings):
        inside = [key for key in settings if key.rpartition(".")[0] == section]
        parts.append(f"## {section}\n\n{table({'default': settings}, inside, f'{section}.')}")
    decoding = decoding_settings()
    parts.append(f"{DECODING_HEAD}\n{table({'default': decoding}, list(decoding), 'decoding.')}")
    parts.append(TRAINING_HEAD)
    files = {name: training_settings(name) for name in NAMES}
    for name, settings in files.items():
        own = [key for key in settings if key.partition(".")[0] not in SHARED]
        parts.append(f"## configs/{name}.yaml\n\n{table({'default': settings}, own)}")
    every = dict.fromkeys(key for settings in files.values() for key in settings)
    shared = [key for section in SHARED for key in every if key.partition(".")[0] == section]
    parts.append(f"{SHARED_HEAD}\n{table(files, shared)}")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
