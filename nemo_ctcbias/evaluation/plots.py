"""Plot of F1 (or false alarms) and U-WER against list size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # no display is needed to write a file
from matplotlib import pyplot as plt

from nemo_ctcbias.evaluation.page_charts import panels

_MARKERS = "osD^vPX*<>"


def plot(rows: Sequence[Mapping[str, Any]], path: str | Path, systems: Sequence[str] | None = None) -> None:
    """Draw both metrics, one line a system, with 95% intervals where there are any; hollow: only a subset was measured.

    Args:
        systems: which, in this order; None: all, as they come.
    """
    systems = list(systems or dict.fromkeys(row["system"] for row in rows))
    sizes = sorted({row["list_size"] for row in rows})
    partial = len({row["utterances"] for row in rows}) > 1
    most = max(row["utterances"] for row in rows)
    shown = panels(rows)
    figure, axes = plt.subplots(1, len(shown), figsize=(11, 4.2), constrained_layout=True)
    for axis, (metric, label) in zip(axes, shown.items(), strict=True):
        for number, system in enumerate(systems):
            points = [row for row in rows if row["system"] == system and row[metric] is not None]
            # Systems stand side by side at each size, so that their intervals can be told apart.
            shift = 0.05 * (number - (len(systems) - 1) / 2)
            if points:
                x = [sizes.index(row["list_size"]) + shift for row in points]
                _draw(axis, points, x, metric, system, _MARKERS[number % len(_MARKERS)], most)
        axis.set_xticks(range(len(sizes)), [f"{size:,}" for size in sizes])
        axis.set_xlim(-0.7, len(sizes) - 0.3)
        axis.set_xlabel("list size N" + (" (hollow: measured on a subset)" if partial else ""))
        axis.set_ylabel(label)
        axis.grid(axis="y", alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    handles, names = axes[-1].get_legend_handles_labels()
    if handles:
        figure.legend(handles, names, loc="outside upper center", ncols=4, frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _draw(
    axis: Any, points: Sequence[Mapping], x: Sequence[float], metric: str, system: str, marker: str, most: int
) -> None:
    """One system's line with its intervals."""
    y = [row[metric] for row in points]
    # Too few utterances, or lists of which nothing is spoken, leave a value without an interval.
    ends = [[_end(row, metric, side) for row in points] for side in ("low", "high")]
    spread = [[abs(y[i] - end[i]) for i in range(len(y))] for end in ends]
    lines = axis.errorbar(x, y, yerr=spread, marker=marker, markersize=5, linewidth=1, capsize=2, label=system)
    part = [i for i, row in enumerate(points) if row["utterances"] < most]
    hollow = {"color": lines[0].get_color(), "markerfacecolor": "white", "zorder": 3}
    axis.plot([x[i] for i in part], [y[i] for i in part], marker, **hollow)


def _end(row: Mapping[str, Any], metric: str, side: str) -> float:
    end = row[f"{metric}_{side}"]
    return row[metric] if end is None else end
