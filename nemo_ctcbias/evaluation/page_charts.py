"""F1 (or false alarms) and U-WER against list size as inline SVG; colours come from the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

_WIDTH, _HEIGHT = 560, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 10, 12, 48
_RADIUS = 4.5
COLOURS = 8  # classes c0 to c7 of the style sheet
SHAPES = ("circle", "square", "diamond", "up", "down")  # no common divisor with the colours: 40 different markers


def panels(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The metrics that are drawn of rows of results.json, and titles; where nothing is spoken, false alarms, no F1."""
    if any(row.get("recall", 0) is not None for row in rows):
        first = {"f1": "F1 of listed words (%)"}
    else:
        first = {"false_alarms_per_hour": "False alarms an hour"}
    return {**first, "u_wer": "U-WER: all other words (%)"}


def charts(rows: Sequence[Mapping[str, Any]]) -> str:
    """Figures with 95% intervals, one line a system, and a legend, of rows of results.json; hollow: only a subset."""
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


class _Frame(NamedTuple):
    """Where things stand in a chart: sizes of lists along it, values up to the marks on its side."""

    sizes: Sequence[int]
    ticks: Sequence[float]
    systems: int

    def x(self, size: int, number: float) -> float:
        """Of a system, which stand side by side at each size, so that their intervals can be told apart."""
        slot = (_WIDTH - _LEFT - _RIGHT) / len(self.sizes)
        shift = (number - (self.systems - 1) / 2) * min(13.0, 0.8 * slot / self.systems)
        return _LEFT + slot * (self.sizes.index(size) + 0.5) + shift

    def y(self, value: float) -> float:
        """Of a value."""
        low, high = self.ticks[0], self.ticks[-1]
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low)


def _figure(rows: Sequence[Mapping], systems: Sequence[str], metric: str, label: str) -> ET.Element:
    known = [row for row in rows if row[metric] is not None]
    figure = ET.Element("figure", {"class": "chart"})
    _add(figure, "figcaption", label)
    if not known:
        _add(figure, "p", "Nothing to draw: undefined for every system.")
        return figure
    image = {"viewBox": f"0 0 {_WIDTH} {_HEIGHT}", "role": "img", "aria-label": f"{label} against list size"}
    svg = ET.SubElement(figure, "svg", image)
    values = [row[name] for row in known for name in (metric, f"{metric}_low", f"{metric}_high")]
    sizes = sorted({row["list_size"] for row in rows})
    frame = _Frame(sizes, scale([value for value in values if value is not None]), len(systems))
    _axes(svg, frame)
    most = {size: max(row["utterances"] for row in rows if row["list_size"] == size) for size in sizes}
    for number, system in enumerate(systems):
        group = ET.SubElement(svg, "g", {"class": f"c{number % COLOURS}"})
        points = sorted((row for row in known if row["system"] == system), key=lambda row: row["list_size"])
        path = " ".join(f"{frame.x(row['list_size'], number):.1f},{frame.y(row[metric]):.1f}" for row in points)
        _add(group, "polyline", points=path, kind="trend")
        for row in points:
            _spot(group, number, row, metric, frame, hollow=row["utterances"] < most[row["list_size"]])
    return figure


def _axes(svg: ET.Element, frame: _Frame) -> None:
    for tick in frame.ticks:
        _add(svg, "line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=frame.y(tick), y2=frame.y(tick), kind="grid")
        _add(svg, "text", f"{tick:g}", x=_LEFT - 8, y=frame.y(tick) + 4, kind="tick y")
    for size in frame.sizes:
        middle = frame.x(size, (frame.systems - 1) / 2)
        _add(svg, "text", f"{size:,}", x=middle, y=_HEIGHT - _BOTTOM + 18, kind="tick")
    _add(svg, "text", "list size N", x=(_LEFT + _WIDTH - _RIGHT) / 2, y=_HEIGHT - 6, kind="tick")


def _spot(group: ET.Element, number: int, row: Mapping, metric: str, frame: _Frame, hollow: bool) -> None:
    """A value with its interval."""
    spot = ET.SubElement(group, "g", {"class": "spot"})
    _add(spot, "title", _words(row, metric, hollow))
    at, low, high = frame.x(row["list_size"], number), row[f"{metric}_low"], row[f"{metric}_high"]
    if low is not None:
        for left, right, top, bottom in ((0, 0, high, low), (-3, 3, high, high), (-3, 3, low, low)):
            _add(spot, "line", x1=at + left, x2=at + right, y1=frame.y(top), y2=frame.y(bottom), kind="bar")
    _mark(spot, number, at, frame.y(row[metric]), "mark hollow" if hollow else "mark")


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
