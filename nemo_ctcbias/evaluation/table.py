"""The Markdown table of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_COLUMNS = {
    "wer": "WER",
    "b_wer": "B-WER",
    "u_wer": "U-WER",
    "precision": "P",
    "recall": "R",
    "f1": "F1",
    "false_alarms_per_hour": "FA/h",
}


def markdown(rows: Sequence[Mapping[str, Any]], details: Mapping[str, Any]) -> str:
    """Table of all systems with 95% intervals, paired differences, tuning, gaps, skips and the signature.

    Rows are those of results.json, details those of details.json.
    """
    parts = [_main_table(rows, details), _explanation(details)]
    if details["paired"]:
        parts.append(_paired_table(details["paired"]))
    parts.append(_remarks(details))
    parts.append(f"Signature: `{details['signature']}`")
    return "\n\n".join(part for part in parts if part) + "\n"


def _main_table(rows: Sequence[Mapping[str, Any]], details: Mapping[str, Any]) -> str:
    extra = {(one["system"], one["list_size"]): one for one in details["measured"]}
    head = ["system", "lists", "N", "utts", *_COLUMNS.values(), "distractors", "decode s/h", "build s/h", "setting"]
    lines = [_line(head), _line(["---"] * len(head))]
    for row in rows:
        more = extra[row["system"], row["list_size"]]
        counts = more["counts"]
        cells = [row["system"], row["list_kind"], row["list_size"], row["utterances"]]
        cells += [_with_interval(row, metric) for metric in _COLUMNS]
        cells.append(f"{counts['distractor_insertions']} + {counts['distractor_substitutions']}")
        cells += [f"{row['decode_seconds_per_hour']:.1f}", f"{more['build_seconds_per_hour']:.1f}"]
        cells.append(show_setting(row["setting"]))
        lines.append(_line(cells))
    for gap in details["left_out"]:
        size = "all" if gap["list_size"] is None else gap["list_size"]
        cells = [gap["system"], "", size, "0", *["–"] * (len(_COLUMNS) + 3), f"left out: {gap['reason']}"]
        lines.append(_line(cells))
    return "\n".join(lines)


def _explanation(details: Mapping[str, Any]) -> str:
    tuned = f"chosen on {details['tuned_on']}" if details["tuned_on"] else "each system's default (no --tune-on)"
    return (
        "Percent with 95% bootstrap intervals over utterances. B-WER: words of the utterance's list (inserted listed "
        "words count, distractors too), U-WER: all others. P, R, F1: listed phrases at their aligned position. FA/h: "
        "false alarms per hour of audio that the model does not raise without the list. Distractors: wrongly written, "
        "inserted + in place of another word. Seconds per hour of audio, one thread: decoding, and building each "
        f"utterance's graph or tree where the system does that apart. Settings: {tuned}."
    )


def _paired_table(paired: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        f"Paired differences, {paired[0]['system']} minus the other (95% interval; two-sided bootstrap p):",
        "",
        _line(["other", "N", "utts", "F1", "WER", "B-WER", "U-WER"]),
        _line(["---"] * 7),
    ]
    for row in paired:
        cells = [row["other"], row["list_size"], row["utterances"]]
        cells += [_difference(row[metric]) for metric in ("f1", "wer", "b_wer", "u_wer")]
        lines.append(_line(cells))
    return "\n".join(lines)


def _remarks(details: Mapping[str, Any]) -> str:
    lines = [f"- {one['system']}, N = {one['list_size']}: {one['note']}." for one in details["notes"]]
    for name, tuning in details["tuning"].items():
        if tuning["trials"]:
            chosen = f"{show_setting(tuning['chosen'])} of {len(tuning['trials'])} settings"
            lines.append(f"- {name}: tuning on {tuning['utterances']} utterances chose {chosen} ({tuning['note']}).")
    if details["skipped"]:
        first = details["skipped"][0]
        where = f"{first['id']} of {first['manifest']}"
        count = len(details["skipped"])
        lines.append(f"- {count} utterance{'' if count == 1 else 's'} skipped; first: {where}: {first['reason']}.")
    return "\n".join(lines)


def show_setting(setting: Mapping[str, Any]) -> str:
    """A setting in a table cell.

    >>> show_setting({"hotword_weight": 10.0})
    'hotword_weight=10'
    """
    return ", ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in setting.items()
    )


def _with_interval(row: Mapping[str, Any], metric: str) -> str:
    if row[metric] is None:
        return "–"
    if row[f"{metric}_low"] is None:
        return f"{row[metric]:.1f} (one utterance)"
    return f"{row[metric]:.1f} ({row[f'{metric}_low']:.1f}–{row[f'{metric}_high']:.1f})"


def _difference(value: Mapping[str, float] | None) -> str:
    if value is None:
        return "–"
    return f"{value['value']:+.2f} ({value['low']:+.2f} to {value['high']:+.2f}), p = {value['p_value']:.3f}"


def _line(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
