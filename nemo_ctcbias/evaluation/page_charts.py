"""F1 (or false alarms) and U-WER against list size as inline SVG; colours come from the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

_WIDTH, _HEIGHT = 560, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 10, 12, 48
_RADIUS = 4.5
COLOURS = 8  # classes c0 to c7 of the style sheet
SHAPES = ("circle", "square", "diamond", "up", "down")  # no common divisor with the colours: 40 different markers


def panels(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The metrics that are drawn, with their titles: where nothing listed is spoken, false alarms stand in for F1.

    Args:
        rows: of results.json.
    """
    if any(row.get("recall", 0) is not None for row in rows):
        first = {"f1": "F1 of listed words (%)"}
    else:
        first = {"false_alarms_per_hour": "False alarms an hour"}
    return {**first, "u_wer": "U-WER: all other words (%)"}


def charts(rows: Sequence[Mapping[str, Any]]) -> str:
    """One figure a metric with 95% intervals and one line a system, and a legend; hollow: measured on a subset.

    Args:
        rows: of results.json.
    """
    systems = list(dict.fromkeys(row["system"] for row in rows))
    figures = [_figure(rows, systems, metric, label) for metric, label in panels(rows).items()]
    return "".join(ET.tostring(one, encoding="unicode") for one in [*figures, _legend(systems)])


def scale(values: Sequence[float]) -> list[float]:
    """Three to seven round numbers that enclose the values."""
    low, high = min(values), max(values)
    raw = max(high - low, 1.0) / 5
    power = 10 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    first, last = math.floor(low / step), max(math.ceil(high / step), math.floor(low / step) + 1)
    return [round(number * step, 6) for number in range(first, last + 1)]


def _figure(rows: Sequence[Mapping], systems: Sequence[str], metric: str, label: str) -> ET.Element:
    known = [row for row in rows if row[metric] is not None]
    sizes = sorted({row["list_size"] for row in rows})
    figure = ET.Element("figure", {"class": "chart"})
    _add(figure, "figcaption", label)
    if not known:
        _add(figure, "p", "Nothing to draw: undefined for every system.")
        return figure
    image = {"viewBox": f"0 0 {_WIDTH} {_HEIGHT}", "role": "img", "aria-label": f"{label} against list size"}
    svg = ET.SubElement(figure, "svg", image)
    bounds = [row[f"{metric}_{end}"] for row in known for end in ("low", "high")]
    ticks = scale([value for value in [*bounds, *(row[metric] for row in known)] if value is not None])
    most = {size: max(row["utterances"] for row in rows if row["list_size"] == size) for size in sizes}

    def x(size: int, number: int) -> float:
        slot = (_WIDTH - _LEFT - _RIGHT) / len(sizes)
        # Systems stand side by side at each size, so that their intervals can be told apart.
        shift = (number - (len(systems) - 1) / 2) * min(13.0, 0.8 * slot / len(systems))
        return _LEFT + slot * (sizes.index(size) + 0.5) + shift

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (ticks[-1] - value) / (ticks[-1] - ticks[0])

    for tick in ticks:
        _add(svg, "line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y(tick), y2=y(tick), kind="grid")
        _add(svg, "text", f"{tick:g}", x=_LEFT - 8, y=y(tick) + 4, kind="tick y")
    for size in sizes:
        middle = x(size, 0) / 2 + x(size, len(systems) - 1) / 2
        _add(svg, "text", f"{size:,}", x=middle, y=_HEIGHT - _BOTTOM + 18, kind="tick")
    _add(svg, "text", "list size N", x=(_LEFT + _WIDTH - _RIGHT) / 2, y=_HEIGHT - 6, kind="tick")
    for number, system in enumerate(systems):
        group = ET.SubElement(svg, "g", {"class": f"c{number % COLOURS}"})
        points = sorted((row for row in known if row["system"] == system), key=lambda row: row["list_size"])
        path = " ".join(f"{x(row['list_size'], number):.1f},{y(row[metric]):.1f}" for row in points)
        _add(group, "polyline", points=path, kind="trend")
        for row in points:
            spot = ET.SubElement(group, "g", {"class": "spot"})
            _add(spot, "title", _words(row, metric, row["utterances"] < most[row["list_size"]]))
            at, low, high = x(row["list_size"], number), row[f"{metric}_low"], row[f"{metric}_high"]
            if low is not None:
                for left, right, top, bottom in ((0, 0, high, low), (-3, 3, high, high), (-3, 3, low, low)):
                    _add(spot, "line", x1=at + left, x2=at + right, y1=y(top), y2=y(bottom), kind="bar")
            hollow = row["utterances"] < most[row["list_size"]]
            _mark(spot, number, at, y(row[metric]), "mark hollow" if hollow else "mark")
    return figure


def _words(row: Mapping[str, Any], metric: str, partial: bool) -> str:
    """What a pointer over a mark is told."""
    interval = "" if row[f"{metric}_low"] is None else f" ({row[f'{metric}_low']:.1f}–{row[f'{metric}_high']:.1f})"
    part = ", a subset" if partial else ""
    return (
        f"{row['system']}, {row['list_size']:,} distractors: {metric.upper().replace('_', '-')} "
        f"{row[metric]:.1f}{interval}, {row['utterances']} utterances{part}"
    )


def _legend(systems: Sequence[str]) -> ET.Element:
    legend = ET.Element("ul", {"class": "legend", "aria-label": "Systems"})
    for number, system in enumerate(systems):
        entry = ET.SubElement(legend, "li", {"class": f"c{number % COLOURS}"})
        svg = ET.SubElement(
            entry, "svg", {"viewBox": "0 0 14 14", "width": "14", "height": "14", "aria-hidden": "true"}
        )
        _mark(svg, number, 7, 7, "mark")
        _add(entry, "span", system)
    return legend


def _mark(parent: ET.Element, number: int, x: float, y: float, kind: str) -> None:
    shape, r = SHAPES[number % len(SHAPES)], _RADIUS
    if shape == "circle":
        _add(parent, "circle", cx=x, cy=y, r=r, kind=kind)
        return
    corners = {
        "square": ((-r, -r), (r, -r), (r, r), (-r, r)),
        "diamond": ((0, -1.3 * r), (1.3 * r, 0), (0, 1.3 * r), (-1.3 * r, 0)),
        "up": ((0, -1.2 * r), (1.2 * r, r), (-1.2 * r, r)),
        "down": ((0, 1.2 * r), (1.2 * r, -r), (-1.2 * r, -r)),
    }[shape]
    _add(parent, "polygon", points=" ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners), kind=kind)


def _add(parent: ET.Element, tag: str, text: str | None = None, kind: str | None = None, **attributes: Any) -> None:
    given = {name: f"{value:.1f}" if isinstance(value, float) else str(value) for name, value in attributes.items()}
    ET.SubElement(parent, tag, given | ({"class": kind} if kind else {})).text = text
