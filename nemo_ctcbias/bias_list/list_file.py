"""Files of phrases, in whichever form people have them: text, CSV and TSV, JSON lines, JSON arrays and objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nemo_ctcbias.bias_list.list_table import delimiter_of, phrase_of_row, table_rows
from nemo_ctcbias.bias_list.list_text import Change, phrases_of
from nemo_ctcbias.bias_list.phrase import FIELDS, Phrase, entries_of
from nemo_ctcbias.bias_list.report import quoted
from nemo_ctcbias.errors import BiasListError

JSON_SUFFIXES = (".jsonl", ".ndjson", ".json-lines", ".json")  # NeMo calls its own JSON-lines manifests .json
COMMENT = re.compile(r"#+(\s|$)")
_VOWEL = "(?:AA|AE|AH|AO|AW|AY|EH|ER|EY|IH|IY|OW|OY|UH|UW)[012]"
LEXICON = re.compile(rf"\S+\s+(?:[A-Z]{{1,2}}\s+)*{_VOWEL}(?:\s+[A-Z]{{1,2}}[012]?)*\s*")  # CMU's


@dataclass(frozen=True)
class Line:
    """What a line (or entry) of a file holds.

    number: of the line, or of the entry where a file has no lines of its own.
    phrases: read from it.
    change: what was done to them, and what to do if that is not what was meant.
    """

    number: int
    phrases: list[Phrase]
    change: Change = None


def read_list(path: str) -> Iterator[Line]:
    """The phrases of a file; its suffix says what it is, or how it begins.

    Text: a phrase a line, optionally a tab and a weight; blank lines and those that begin with '#' and a
    space are skipped.
    Tables: the columns are told by their names. JSON: strings or objects with the fields of `Phrase`, a line each or
    in an array; or an object of phrases and weights.

    Raises:
        BiasListError: no such file, not UTF-8 text, or something that cannot be read; names the file and the line.
    """
    lines = read_lines(path)
    first = next((line.strip() for line in lines if line.strip()), "")
    _refuse_others(path, first, lines)
    kind = kind_of(path, first)
    return _json(path, lines) if kind == "json" else _text(path, lines) if kind == "text" else _table(path, lines, kind)


def kind_of(path: str, first: str) -> str:
    """What a file is: "json", "text", or what stands between the columns of a table.

    Args:
        path: its name.
        first: its first line that is not empty.
    """
    suffix = Path(path).suffix.lower()
    return "json" if suffix in JSON_SUFFIXES or _is_json(first) else delimiter_of(first, suffix) or "text"


def _refuse_others(path: str, first: str, lines: Sequence[str]) -> None:
    if first.startswith("{") and '"audio_filepath"' in first:
        raise BiasListError(f"{path}: is a manifest of recordings, no bias list; give it as --manifest")
    filled = [line for line in lines[:50] if line.strip() and not line.startswith((";;;", "#"))]
    if len(filled) > 1 and all(map(LEXICON.fullmatch, filled)):
        raise BiasListError(f"{path}: is a pronunciation lexicon, no bias list; give it as --pronunciations")


def _is_json(first: str) -> bool:
    """Whether a file that is called otherwise holds JSON lines or an array of them."""
    if first in ("[", "{", "[{"):
        return True
    try:
        return isinstance(json.loads(first.rstrip(",")), (dict, list))
    except (ValueError, RecursionError):
        return False


def _table(path: str, lines: Sequence[str], delimiter: str) -> Iterator[Line]:
    for number, fields, unread in _placed(path)(lambda given: table_rows(given, delimiter), lines):
        phrase = _placed(f"{path}:{number}")(phrase_of_row, fields)
        change = (f"is read without {', '.join(unread)}", f"call the columns {', '.join(FIELDS)}") if unread else None
        yield Line(number, [phrase], change)


# --- text


def _text(path: str, lines: Sequence[str]) -> Iterator[Line]:
    for number, line in enumerate(lines, start=1):
        with_place = _placed(f"{path}:{number}")
        phrases, change = with_place(text_phrases, line)
        yield Line(number, phrases, change)


def text_phrases(line: str) -> tuple[list[Phrase], Change]:
    """The phrases of a line of text, and what was done to them.

    Raises:
        BiasListError: more than a phrase and its weight.
    """
    stripped = line.strip()
    if not stripped or COMMENT.match(stripped):
        return [], None
    text, *rest = line.rstrip().split("\t")
    if not rest:
        phrases, change = phrases_of(text)
        if change is None and stripped.startswith("#"):
            change = ("is read as a phrase", "write a space after # if it is a comment")
        return phrases, change
    if len(rest) > 1:
        raise BiasListError("more than one tab; write the phrase, or the phrase, one tab and a weight")
    try:
        weight = float(rest[0])
    except ValueError as error:
        raise BiasListError(
            f"{quoted(text)} has the weight {quoted(rest[0])}, which is not a number; write for example 2.0"
        ) from error
    return [Phrase(text, weight)], None


# --- JSON


def _json(path: str, lines: Sequence[str]) -> Iterator[Line]:
    filled = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    whole = _whole_json(filled)
    if whole is not None:
        for number, entry in enumerate(_placed(path)(entries_of, whole), start=1):
            yield Line(number, [_placed(f"{path}: entry {number}")(Phrase.of, entry)])
        return
    for number, line in filled:
        yield Line(number, [_placed(f"{path}:{number}")(_json_phrase, line)])


def _whole_json(filled: list[tuple[int, str]]) -> Any:
    """The array, or the object of phrases and weights, that a file holds; None for JSON lines."""
    try:
        whole = json.loads("\n".join(line for _, line in filled))
    except (ValueError, RecursionError):
        return None
    if isinstance(whole, list) or (isinstance(whole, dict) and "text" not in whole):
        return whole
    return None


def _json_phrase(line: str) -> Phrase:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        hint = 'write an object a line, for example {"text": "Fremont", "weight": 2}'
        raise BiasListError(f"is not valid JSON ({error}); {hint}") from error
    return Phrase.of(value)


# --- files


def read_lines(name: str) -> list[str]:
    """Lines of a UTF-8 file.

    Raises:
        BiasListError: it cannot be read, or is something else.
    """
    path = Path(name)
    try:
        if path.is_dir():
            raise BiasListError(f"{name}: is a directory; give the path of a text or .jsonl file")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise BiasListError(f"{name}: no such bias list file; check the path") from error
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise BiasListError(f"{name}: cannot be read ({reason}); check the path and its permissions") from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BiasListError(f"{name}: is UTF-16; save it as UTF-8")
    if data.startswith(b"PK\3\4"):
        raise BiasListError(f"{name}: is a spreadsheet or archive; save the list as CSV")
    if b"\0" in data:
        raise BiasListError(f"{name}: is a binary file; a bias list is text, CSV or JSON")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BiasListError(f"{name}:{line}: is not UTF-8; save the file as UTF-8") from error
    # Not str.splitlines: U+2028 and the like may stand inside a phrase.
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _placed(where: str):
    """Calls a function, its errors saying where."""

    def call(function, value):
        try:
            return function(value)
        except BiasListError as error:
            raise BiasListError(f"{where}: {error}") from error

    return call
