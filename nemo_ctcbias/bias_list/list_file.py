"""Files of phrases, in whichever form people have them: text, CSV and TSV, JSON lines, JSON arrays and objects."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from nemo_ctcbias.bias_list.list_table import delimiter_of, phrase_of_row, table_rows
from nemo_ctcbias.bias_list.list_text import Change, phrases_of
from nemo_ctcbias.bias_list.phrase import FIELDS, Phrase, entries_of
from nemo_ctcbias.bias_list.report import quoted
from nemo_ctcbias.data_files import lines_of, parse_json
from nemo_ctcbias.errors import BiasListError

JSON_SUFFIXES = (".jsonl", ".ndjson", ".json-lines", ".json")  # NeMo calls its own JSON-lines manifests .json
COMMENT = re.compile(r"#+(\s|$)")
_VOWEL = "(?:AA|AE|AH|AO|AW|AY|EH|ER|EY|IH|IY|OW|OY|UH|UW)[012]"
LEXICON = re.compile(rf"\S+\s+(?:[A-Z]{{1,2}}\s+)*{_VOWEL}(?:\s+[A-Z]{{1,2}}[012]?)*\s*")  # CMU's


Placed = Callable[[str], Callable[[Callable[[Any], Any], Any], Any]]


class Line(NamedTuple):
    """What a line (or entry) of a file holds.

    number: of the line, or of the entry where a file has no lines of its own.
    phrases: read from it.
    change: what was done to them, and what to do if that is not what was meant.
    """

    number: int
    phrases: list[Phrase]
    change: Change = None


def read_list(text: str, path: str, shown: bool = True) -> Iterator[Line]:
    """The phrases of a file's text; its suffix says what it is, or how it begins.

    Text: a phrase a line, optionally a tab and a weight; blank lines and those that begin with '#' and a
    space are skipped.
    Tables: the columns are told by their names. JSON: strings or objects with the fields of `Phrase`, a line each or
    in an array; or an object of phrases and weights.

    Args:
        text: what stands in the file.
        path: of the file, or a name that messages call the text by.
        shown: whether messages may show what stands in it.

    Raises:
        BiasListError: something that cannot be read; names the file and the line.
    """
    lines = lines_of(text)
    first = next((line.strip() for line in lines if line.strip()), "")
    _refuse_others(path, first, lines)
    kind = kind_of(path, first)
    placed = partial(_placed, shown=shown)
    if kind == "json":
        return _json(path, lines, placed)
    return _text(path, lines, placed) if kind == "text" else _table(path, lines, kind, placed)


def kind_of(path: str, first: str) -> str:
    """What a file with this first line is: "json", "text", or what stands between the columns of a table."""
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


def _table(path: str, lines: Sequence[str], delimiter: str, placed: Placed) -> Iterator[Line]:
    for number, cells, unread in placed(path)(lambda given: table_rows(given, delimiter), lines):
        phrase = placed(f"{path}:{number}")(phrase_of_row, cells)
        change = (f"is read without {', '.join(unread)}", f"call the columns {', '.join(FIELDS)}") if unread else None
        yield Line(number, [phrase], change)


# --- text


def _text(path: str, lines: Sequence[str], placed: Placed) -> Iterator[Line]:
    for number, line in enumerate(lines, start=1):
        phrases, change = placed(f"{path}:{number}")(text_phrases, line)
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


def _json(path: str, lines: Sequence[str], placed: Placed) -> Iterator[Line]:
    filled = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    text = "\n".join(line for _, line in filled)
    if _is_whole(text):
        for number, entry in enumerate(entries_of(placed(path)(_json_value, text)), start=1):
            yield Line(number, [placed(f"{path}: entry {number}")(Phrase.of, entry)])
        return
    for number, line in filled:
        yield Line(number, [placed(f"{path}:{number}")(lambda row: Phrase.of(_json_value(row)), line)])


def _is_whole(text: str) -> bool:
    """Whether a file holds one array, or one object of phrases and weights; else it is JSON lines."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(whole, list) or (isinstance(whole, dict) and "text" not in whole)


def _json_value(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError as error:
        hint = 'write an object a line, for example {"text": "Fremont", "weight": 2}'
        raise BiasListError(f"is not valid JSON ({error}); {hint}") from error


def _placed(where: str, shown: bool) -> Callable[[Callable[[Any], Any], Any], Any]:
    """Calls a function, its errors saying where, and what unless that must not be shown."""

    def call(function: Callable[[Any], Any], value: Any) -> Any:
        try:
            return function(value)
        except BiasListError as error:
            reason = error if shown else "is no line of a bias list; `nemo-ctcbias check-list` says why"
            raise BiasListError(f"{where}: {reason}") from error

    return call


def text_line(phrase: Phrase) -> str:
    """A phrase as a line of a text file.

    Raises:
        BiasListError: it would not be read as the same phrase.
    """
    # A weight after a tab also keeps trailing tabs out of the question; 1.0 is the default and stays unwritten.
    # With one, commas and underscores are read as they stand.
    line = phrase.text
    if phrase.weight != 1.0 or _reads_differently(line, phrase):
        line = f"{phrase.text}\t{phrase.weight!r}"
    if any(c in line for c in "\0\r\n") or line.startswith("\ufeff") or _reads_differently(line, phrase):
        lost = {
            "has a spoken or display form": phrase.spoken or phrase.display,
            "has pronunciations that are lost": phrase.pronunciations,
            "has a type that is lost": phrase.type,
        }
        holds = next((told for told, value in lost.items() if value), "would be read differently")
        raise BiasListError(f"{quoted(phrase.text)} {holds} in the text format; save the list as .jsonl")
    return line


def _reads_differently(line: str, phrase: Phrase) -> bool:
    try:
        return text_phrases(line) != ([phrase], None)
    except BiasListError:
        return True


def json_line(phrase: Phrase) -> str:
    """A phrase as a line of a file of JSON lines, without what is usual."""
    usual = {item.name: item.default for item in fields(Phrase)}
    given = {name: getattr(phrase, name) for name in FIELDS}
    return json.dumps({name: value for name, value in given.items() if value != usual[name]}, ensure_ascii=False)
