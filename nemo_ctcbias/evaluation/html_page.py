"""report.html: one file that needs no network, to look at an evaluation utterance by utterance."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from importlib.resources import files
from string import Template
from typing import Any

from nemo_ctcbias.evaluation.findings import Evaluation
from nemo_ctcbias.evaluation.page_charts import charts
from nemo_ctcbias.evaluation.page_data import as_json, page_data

#: In the order in which they need each other.
SCRIPTS = ("elements.js", "page.js", "tables.js", "browser.js", "attention.js", "start.js")


def html_page(result: Evaluation, rows: Sequence[Mapping[str, Any]], details: Mapping[str, Any]) -> str:
    """The page: style, scripts, charts and data inside; rows of results.json, details of details.json."""
    return fill(page_data(result, rows, details), charts(rows))


def fill(data: Mapping[str, Any], drawings: str) -> str:
    """The page around its data and charts."""
    return Template(_file("page.html")).substitute(
        title=html.escape(f"Evaluation on {data['head']['manifest']}"),
        style=_file("page.css"),
        script="\n".join(map(_file, SCRIPTS)),
        charts=drawings,
        data=as_json(data),
    )


def _file(name: str) -> str:
    return (files("nemo_ctcbias.evaluation") / "page" / name).read_text(encoding="utf-8")
