"""Write an evaluation: results.json (the contract), details, lines of utterances and phrases, table, page and plot."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nemo_ctcbias.evaluation.bootstrap import intervals, paired_difference
from nemo_ctcbias.evaluation.counts import METRICS
from nemo_ctcbias.evaluation.findings import Evaluation
from nemo_ctcbias.evaluation.html_page import html_page
from nemo_ctcbias.evaluation.registry import is_own
from nemo_ctcbias.evaluation.runner import Run
from nemo_ctcbias.evaluation.scoring import phrase_table
from nemo_ctcbias.evaluation.table import markdown
from nemo_ctcbias.whole_files import make_folder, written_whole

Rows = list[dict[str, Any]]


def write(result: Evaluation) -> Rows:
    """Write all files into `result.options.out`, each whole, and return the rows of results.json.

    Raises:
        OutputError: a file cannot be written.
    """
    out = make_folder(result.options.out)
    rows = result_rows(result)
    details = result_details(result)
    _write_json(out / "results.json", rows)
    _write_json(out / "details.json", details)
    _write_lines(out / "utterances.jsonl", utterance_rows(result))
    _write_lines(out / "phrases.jsonl", phrase_rows(result))
    _write(out / "table.md", markdown(rows, details))
    _write(out / "report.html", html_page(result, rows, details))
    try:
        from nemo_ctcbias.evaluation.plots import plot
    except ImportError:
        print("plot.png is not drawn: pip install 'nemo-ctcbias[plot]'")
    else:
        with written_whole(out / "plot.png") as partial:
            plot(rows, partial)
    return rows


def result_rows(result: Evaluation) -> Rows:
    """One row a system and list size; the keys are a contract. None where a metric is undefined."""
    options = result.options
    rows = []
    for (system, size), run in result.runs.items():
        total, hours = run.total, run.audio_seconds / 3600
        row: dict[str, Any] = {
            "system": system,
            "list_kind": options.list_kind,
            "list_size": size,
            "utterances": len(run.positions),
            "audio_hours": hours,
        }
        bounds = intervals(run.counts, options.seed, options.resamples)
        for metric in METRICS:
            row[metric] = total.rate(metric)
            row[f"{metric}_low"], row[f"{metric}_high"] = bounds[metric] or (None, None)
        row["decode_seconds_per_hour"] = run.decode_seconds / hours
        row["setting"] = run.setting
        rows.append(row)
    return rows


def result_details(result: Evaluation) -> dict[str, Any]:
    """What the table says beyond the contract: counts, building times, tuning, gaps, skips, paired differences."""
    measured = [
        {
            "system": system,
            "list_size": size,
            "build_seconds_per_hour": 3600 * run.build_seconds / run.audio_seconds,
            "counts": asdict(run.total),
        }
        for (system, size), run in result.runs.items()
    ]
    known = {*result.runs, *((system, size) for system, size, _ in result.left_out)}
    wanted = [(system, size) for size in result.options.list_sizes for system in result.options.systems]
    missing = [key for key in wanted if key not in known and (key[0], None) not in known]
    left_out = [*result.left_out, *((*key, "not measured yet, or the evaluation was cut short") for key in missing)]
    return {
        "signature": result.signature,
        "measured": measured,
        "tuning": {name: asdict(tuning) for name, tuning in result.tunings.items()},
        "tuned_on": str(result.options.tune_on) if result.options.tune_on else None,
        "left_out": [{"system": s, "list_size": n, "reason": r} for s, n, r in left_out],
        "notes": [{"system": s, "list_size": n, "note": r} for s, n, r in result.notes],
        "skipped": [{"manifest": name, **asdict(skip)} for name, skip in result.skipped],
        "paired": paired_rows(result),
    }


def paired_rows(result: Evaluation) -> Rows:
    """Differences between the compared system and each other one, on the utterances that both decoded."""
    options = result.options
    own = [name for name in options.systems if is_own(name)]
    subject = options.compare_to or (own[-1] if own else "greedy")
    rows = []
    for (system, size), other in result.runs.items():
        first = result.runs.get((subject, size))
        if first is None or system == subject:
            continue
        common = set(first.positions) & set(other.positions)
        left, right = _counts_at(first, common), _counts_at(other, common)
        row: dict[str, Any] = {"system": subject, "other": system, "list_size": size, "utterances": len(common)}
        for metric in ("f1", "wer", "b_wer", "u_wer"):
            difference = paired_difference(left, right, metric, options.seed, options.resamples)
            row[metric] = asdict(difference) if difference else None
        rows.append(row)
    return rows


def utterance_rows(result: Evaluation) -> Rows:
    """One row an utterance, system and list size."""
    rows = []
    for (system, size), run in result.runs.items():
        for position, text, outcome in zip(run.positions, run.hypotheses, run.outcomes, strict=True):
            counts = outcome.counts
            rows.append(
                {
                    "id": result.items[position].id,
                    "system": system,
                    "list_size": size,
                    "reference": outcome.reference,
                    "hypothesis": text,
                    "hits": outcome.hits,
                    "misses": outcome.misses,
                    "false_alarms": outcome.false_alarms,
                    "invented": outcome.invented,
                    "words": counts.words,
                    "biased_errors": counts.biased_errors,
                    "unbiased_errors": counts.unbiased_errors,
                    "seconds": counts.milliseconds / 1000,
                }
            )
    return rows


def phrase_rows(result: Evaluation) -> Rows:
    """One row a phrase that was spoken or written, system and list size; most wrong first."""
    return [
        {"system": system, "list_size": size, "phrase": phrase, "hits": hits, "misses": misses, "false_alarms": alarms}
        for (system, size), run in result.runs.items()
        for phrase, (hits, misses, alarms) in phrase_table(run.outcomes).items()
    ]


def _counts_at(run: Run, positions: set[int]) -> list:
    return [counts for position, counts in zip(run.positions, run.counts, strict=True) if position in positions]


def _write_json(path: Path, value: Any) -> None:
    _write(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def _write_lines(path: Path, rows: Rows) -> None:
    _write(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _write(path: Path, text: str) -> None:
    with written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
