"""A training that is started again goes on with the run that it was, and with no other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from nemo_ctcbias.errors import SettingError

#: What makes a run what it is; another length, device or file to write to makes it no other.
RUN = (
    *("model", "adapter_name", "adapter", "start_from", "phone_head", "lexicon", "data", "lists", "training"),
    *("tokenizer_text", "vocab_size", "init_from_nemo_model", "trunk_lr"),
)


def going_on(cfg: DictConfig, folder: Path) -> None:
    """Refuse to go on with a run that was something else; what it is is written down when it begins.

    Raises:
        SettingError: what differs, and how to begin anew.
    """
    parts = {key: cfg[key] for key in RUN if key in cfg}
    this = OmegaConf.to_container(OmegaConf.create(parts), resolve=True)
    this["contents"] = [hashlib.sha256(Path(one).read_bytes()).hexdigest()[:16] for one in files_of(cfg.data)]
    written = folder / "checkpoints" / "run.json"  # NeMo moves away what else lies in its folder
    written.parent.mkdir(exist_ok=True)
    if not written.is_file():
        written.write_text(json.dumps(this, indent=1), encoding="utf-8")
        return
    before = json.loads(written.read_text(encoding="utf-8"))
    flat = [dict(_leaves(one)) for one in (before, json.loads(json.dumps(this)))]
    differs = [key for key in sorted({*flat[0], *flat[1]}) if flat[0].get(key) != flat[1].get(key)]
    if differs:
        shown = "; ".join(f"{key} was {flat[0].get(key)!r}, is {flat[1].get(key)!r}" for key in differs)
        told = f"{folder}: the run there was another one ({shown})"
        raise SettingError(f"{told}; name a new one with exp_manager.name=...")


def files_of(data: DictConfig) -> list[str]:
    """The files that say what is trained on: manifests, or the headers of folders of features."""
    features = data.get("features") or []
    folders = [features] if isinstance(features, str) else features
    manifests = (data.get("manifest") or "").split(",")
    return [one for one in manifests if one] + [f"{folder}/index.json" for folder in folders]


def _leaves(node: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
