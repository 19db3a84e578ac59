"""Text, JSON and YAML of files that others may have written: bounded, plain values only, nothing interpolated.

What is wrong is a `ValueError` with a reason of one line; `read_text` knows the file and raises the caller's error.
"""

from __future__ import annotations

import json
import os
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from nemo_ctcbias.errors import BiasingError

MOST_BYTES = 1 << 30  # of one file; more is a mistake, or an endless device
MOST_BRACKETS = 50  # open at once in YAML, whose reader takes time with the square of their number
MOST_TOLD = 200  # characters of what a parser says, for it may repeat what it was given
_BLOCK = 1 << 20


def read_text(path: str | Path, what: str, kind: type[BiasingError], most_bytes: int = MOST_BYTES) -> str:
    """UTF-8 text, with or without a byte order mark.

    Args:
        path: a file, or a pipe that ends.
        what: the file is to be, for messages: "bias list file".
        kind: of errors.
        most_bytes: that are read at all.

    Raises:
        BiasingError: of that kind, if there is no such text.
    """
    path = Path(path)
    try:
        data = _read(path, most_bytes)
    except FileNotFoundError as error:
        raise kind(f"{path}: no such {what}; check the path") from error
    except IsADirectoryError as error:
        raise kind(f"{path}: is a directory; give the path of a {what}") from error
    except OSError as error:
        raise kind(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    except ValueError as error:
        reason = "cannot be read (no name has a zero byte)" if "\0" in str(path) else error
        raise kind(f"{path}: {reason}; a {what} is UTF-8 text") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise kind(f"{path}:{line}: is not UTF-8; save the file as UTF-8") from error


def exists(path: str | Path) -> bool:
    """Whether there is such a file or folder; not where no name can be like that, for which `Path` raises errors."""
    return os.path.exists(path)  # noqa: PTH110


def _read(path: Path, most_bytes: int) -> bytes:
    blocks, size = [], 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if not blocks and block.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise ValueError("is UTF-16")
            if not blocks and block.startswith(b"PK\3\4"):
                raise ValueError("is a spreadsheet or archive, not saved as text or CSV")
            if b"\0" in block:
                raise ValueError("is a binary file")
            size += len(block)
            if size > most_bytes:
                raise ValueError(f"is larger than {most_bytes >> 20} MB")
            blocks.append(block)
    return b"".join(blocks)


def lines_of(text: str) -> list[str]:
    """The lines of a text; U+2028, NEL and the like may stand inside one, which `str.splitlines` does not know."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def interpolation(value: Any) -> str | None:
    """The first text inside a plain value that OmegaConf would fill in, from this machine's environment for example."""
    if isinstance(value, Mapping):
        value = [*value, *value.values()]
    if isinstance(value, (list, tuple)):
        return next((found for each in value if (found := interpolation(each)) is not None), None)
    return value if isinstance(value, str) and "${" in value else None


def parse_json(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: no JSON, a key that stands twice, a number of thousands of digits, too deep a nesting.
    """
    try:
        return json.loads(text, object_pairs_hook=_once)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def parse_yaml(text: str) -> Any:
    """The value of a YAML text; what OmegaConf would interpolate, `${...}`, is text like any other.

    Raises:
        ValueError: no YAML, a key that stands twice, anchors, tags that are no plain values, too deep a nesting.
    """
    try:
        return yaml.load(text, _PlainLoader)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as error:  # of dates and numbers that are none
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"{problem[:MOST_TOLD]}{where}") from error


class _PlainLoader(yaml.SafeLoader):
    """Without anchors, by which a few lines can stand for more than any memory holds, and with each key once."""

    def fetch_flow_collection_start(self, kind: type[yaml.Token]) -> None:
        if self.flow_level >= MOST_BRACKETS:
            raise yaml.scanner.ScannerError(None, None, "it is nested too deeply", self.get_mark())
        super().fetch_flow_collection_start(kind)

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(None, None, "anchors are not read; write it out", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        try:
            _once((key, None) for key in keys)
        except (ValueError, TypeError) as error:
            raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from error
        return super().construct_mapping(node, deep)


def _once(pairs: Iterable[tuple[Hashable, Any]]) -> dict[Hashable, Any]:
    found: dict[Hashable, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {str(key)[:60]!r} stands there twice")
        found[key] = value
    return found
