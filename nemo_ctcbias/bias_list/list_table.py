"""Lists in tables: CSV and TSV files whose columns are told by their names."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from typing import Any

from nemo_ctcbias.bias_list.phrase import FIELDS, Phrase
from nemo_ctcbias.bias_list.report import quoted
from nemo_ctcbias.errors import BiasListError

TABLE_SUFFIXES = (".csv", ".tsv", ".tab")
DELIMITERS = (",", "\t", ";")
#: Names of columns, and the field of a phrase that each of them is.
COLUMNS = {
    **{name: name for name in FIELDS},
    **dict.fromkeys(("phrase", "phrases", "name", "names", "word", "words", "term", "hotword", "keyword"), "text"),
    **dict.fromkeys(("boost", "score"), "weight"),
    **dict.fromkeys(("sounds_like", "spoken_forms", "alias", "aliases"), "spoken"),
    **dict.fromkeys(("display_as", "written"), "display"),
    **dict.fromkeys(("pronunciation", "phones"), "pronunciations"),
    **dict.fromkeys(("class", "category"), "type"),
}
SEVERAL = re.compile(r"\s*[;|]\s*")  # between spoken forms and pronunciations in one cell


def delimiter_of(first: str, suffix: str) -> str | None:
    """What stands between the columns of a file with this first line and suffix; None if it is plain text."""
    for delimiter in DELIMITERS:
        cells = [_column(cell) for cell in first.split(delimiter)]
        if len(cells) > 1 and "text" in map(COLUMNS.get, cells) and all(cell in COLUMNS for cell in cells):
            return delimiter
    if suffix not in TABLE_SUFFIXES:
        return None
    delimiter = max(DELIMITERS, key=first.count)
    if delimiter == "\t" and len(cells := first.split("\t")) == 2 and re.fullmatch(r"-?[\d.]+", cells[1].strip()):
        return None  # a phrase and its weight, as in text files
    return delimiter


def table_rows(lines: Sequence[str], delimiter: str) -> list[tuple[int, dict[str, str], list[str]]]:
    """(line number, cells by field of a phrase, columns that are not read, which the first row tells) of each row.

    Raises:
        BiasListError: it is not clear which column is which.
    """
    reader = csv.reader([f"{line}\n" for line in lines], delimiter=delimiter, skipinitialspace=True)
    rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    if not rows:
        return []
    header = [_column(cell) for cell in rows[0][1]]
    fields = [COLUMNS.get(cell) for cell in header]
    if "text" not in fields:
        if len(header) > 1:
            shown = ", ".join(cell.strip() for cell in rows[0][1])
            raise BiasListError(
                f"which column holds the phrases? its first line is {quoted(shown)}; call that column 'text' "
                "(others: weight, spoken, display, pronunciations, type)"
            )
        fields, header = ["text"], []
    twice = next((one for one in fields if one is not None and fields.count(one) > 1), None)
    if twice is not None:
        both = " and ".join(name for name, one in zip(header, fields, strict=True) if one == twice)
        raise BiasListError(f"columns {both} are both read as {twice!r}; rename one of them")
    unread = [name for name, one in zip(header, fields, strict=False) if one is None and name]
    found = []
    for number, row in rows[1:] if header else rows:
        cells = {name: cell.strip() for name, cell in zip(fields, row, strict=False) if name and cell.strip()}
        found.append((number, cells, unread if not found else []))
    return found


def phrase_of_row(given: dict[str, str]) -> Phrase:
    """The phrase of a row of such cells.

    Raises:
        BiasListError: no phrase, or a field that cannot be.
    """
    if "text" not in given:
        raise BiasListError("no phrase in this row; write one, or remove the row")
    fields: dict[str, Any] = dict(given)
    if "weight" in given:
        try:
            fields["weight"] = float(given["weight"].replace(",", "."))
        except ValueError as error:
            raise BiasListError(f"weight {quoted(given['weight'])} is not a number; write for example 2.0") from error
    for name in ("spoken", "pronunciations"):
        if name in given:
            fields[name] = SEVERAL.split(given[name])
    return Phrase(**fields)


def _column(cell: str) -> str:
    return cell.strip().strip('"').lower().replace(" ", "_")
