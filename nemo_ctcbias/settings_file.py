"""Settings of biasing in a YAML file: what `nemo-ctcbias tune` writes, `transcribe` and `evaluate` read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from nemo_ctcbias.errors import SettingError


def read_settings(path: str | Path) -> dict[str, Any]:
    """The section `biasing` of a YAML file.

    Raises:
        SettingError: no such file, no YAML, or no such section.
    """
    try:
        stored = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"{path}: cannot be read ({error.strerror}); give what `nemo-ctcbias tune` wrote") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingError(f"{path}: no YAML ({str(error).splitlines()[0]})") from error
    section = stored.get("biasing") if isinstance(stored, dict) else None
    if not isinstance(section, dict):
        raise SettingError(
            f"{path}: no section 'biasing' with settings in it; write for example biasing: {{weight: 8}}"
        )
    return section


def write_settings(path: str | Path, biasing: dict[str, Any], comment: str) -> None:
    """Write the section, below a comment of one or more lines."""
    lines = "".join(f"# {line}\n" for line in comment.splitlines())
    Path(path).write_text(lines + yaml.safe_dump({"biasing": biasing}, sort_keys=False), encoding="utf-8")
