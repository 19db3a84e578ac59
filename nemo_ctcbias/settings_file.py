"""Settings of biasing in a YAML file: what `nemo-ctcbias tune` writes, `transcribe` and `evaluate` read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from nemo_ctcbias.data_files import parse_yaml, read_text
from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.whole_files import written_whole

MOST_BYTES = 1 << 20  # YAML of that size takes seconds


def read_settings(path: str | Path) -> dict[str, Any]:
    """The section `biasing` of a YAML file.

    Raises:
        SettingError: no such file, no YAML, or no such section.
    """
    text = read_text(path, "file of settings, as `nemo-ctcbias tune` writes", SettingError, MOST_BYTES)
    try:
        stored = parse_yaml(text)
    except ValueError as error:
        raise SettingError(f"{path}: no YAML of settings ({error})") from error
    section = stored.get("biasing") if isinstance(stored, dict) else None
    if not isinstance(section, dict):
        raise SettingError(
            f"{path}: no section 'biasing' with settings in it; write for example biasing: {{weight: 8}}"
        )
    return section


def write_settings(path: str | Path, biasing: dict[str, Any], comment: str) -> None:
    """Write the section, below a comment of one or more lines.

    Raises:
        OutputError: the file cannot be written.
    """
    lines = "".join(f"# {line}\n" for line in comment.splitlines())
    with written_whole(path) as file:
        file.write_text(lines + yaml.safe_dump({"biasing": biasing}, sort_keys=False), encoding="utf-8")
