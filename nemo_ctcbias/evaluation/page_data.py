"""What the HTML report shows, as one value for JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nemo_ctcbias import __version__
from nemo_ctcbias.evaluation import runner
from nemo_ctcbias.evaluation.attended import Attended
from nemo_ctcbias.evaluation.findings import Evaluation
from nemo_ctcbias.evaluation.page_clips import clips
from nemo_ctcbias.evaluation.page_words import differences
from nemo_ctcbias.evaluation.registry import is_own
from nemo_ctcbias.evaluation.runner import Run
from nemo_ctcbias.evaluation.scoring import phrase_table
from nemo_ctcbias.evaluation.table import show_setting

UTTERANCE_ROWS = 20_000  # utterances times systems times list sizes
PHRASE_ROWS = 300  # of each system and list size, the most wrong first
SKIPPED_ROWS = 100
WITHOUT_LIST = ("greedy", "lm")  # what may stand for the model without a list, the best first


def page_data(result: Evaluation, rows: Sequence[Mapping], details: Mapping[str, Any]) -> dict[str, Any]:
    """Everything on the page; rows of results.json, details of details.json."""
    options, items, runs = result.options, result.items, list(result.runs.items())
    shown = shown_positions([run for _, run in runs], len(items))
    return {
        "head": {
            "manifest": options.manifest.name,
            "list_kind": options.list_kind,
            "list_sizes": options.list_sizes,
            "utterances": len(items),
            "seconds": sum(item.seconds for item in items),
            "version": __version__,
            "signature": result.signature,
            "tuned_on": options.tune_on.name if options.tune_on else None,
            "skipped": details["skipped"][:SKIPPED_ROWS],
            "skipped_count": len(details["skipped"]),
            "left_out": details["left_out"],
            "notes": details["notes"],
            "tuning": _tuning(details),
        },
        "rows": _rows(rows, details),
        "paired": details["paired"],
        "runs": [_run(key, run, list(result.runs), shown) for key, run in runs],
        "start": _start(list(result.runs)),
        "utterances": _utterances([items[position] for position in shown]),
    }


def shown_positions(runs: Sequence[Run], count: int, most: int = UTTERANCE_ROWS) -> list[int]:
    """The utterances on the page, ascending; where not all fit, those that every system has decoded come first."""
    decoded = [set(run.positions) for run in runs]
    ranked = sorted(range(count), key=lambda position: -sum(position in one for one in decoded))
    return sorted(ranked[: max(most // max(len(runs), 1), 1)])


def _rows(rows: Sequence[Mapping], details: Mapping[str, Any]) -> list[dict[str, Any]]:
    more = {(one["system"], one["list_size"]): one for one in details["measured"]}
    found = []
    for row in rows:
        extra = more[row["system"], row["list_size"]]
        inserted, replaced = (extra["counts"][f"distractor_{kind}"] for kind in ("insertions", "substitutions"))
        found.append(
            {
                **row,
                "setting": show_setting(row["setting"]),
                "build_seconds_per_hour": extra["build_seconds_per_hour"],
                "distractors": [inserted, replaced],
            }
        )
    return found


def _tuning(details: Mapping[str, Any]) -> list[str]:
    return [
        f"{name}: tuning on {tuning['utterances']} utterances chose {show_setting(tuning['chosen'])} "
        f"of {len(tuning['trials'])} settings ({tuning['note']})"
        for name, tuning in details["tuning"].items()
        if tuning["trials"]
    ]


def _start(keys: Sequence[tuple[str, int]]) -> int:
    """The run looked at first: the last of our systems, with the shortest list."""
    smallest = min(size for _, size in keys)
    return max((i for i, (_, size) in enumerate(keys) if size == smallest), key=lambda i: (is_own(keys[i][0]), i))


def _run(key: tuple[str, int], run: Run, keys: Sequence[tuple[str, int]], shown: Sequence[int]) -> dict[str, Any]:
    system, size = key
    base = next((keys.index((name, size)) for name in WITHOUT_LIST if (name, size) in keys), None)
    place = {position: index for index, position in enumerate(shown)}
    phrases = [[phrase, *counts] for phrase, counts in phrase_table(run.outcomes).items()]
    return {
        "system": system,
        "list_size": size,
        "base": base,
        "decoded": len(run.positions),
        "attended": min(runner.ATTENTION_UTTERANCES, len(run.positions)) if run.attention else 0,
        "phrases": phrases[:PHRASE_ROWS],
        "phrase_count": len(phrases),
        "outcomes": {
            place[position]: _outcome(run, number) for number, position in enumerate(run.positions) if position in place
        },
    }


def _outcome(run: Run, number: int) -> dict[str, Any]:
    outcome = run.outcomes[number]
    spoken, written = outcome.hits + outcome.misses, outcome.hits + outcome.false_alarms
    row: dict[str, Any] = {
        "words": differences(outcome.reference, outcome.hypothesis, spoken, written),
        "hits": outcome.hits,
        "misses": outcome.misses,
        "false_alarms": outcome.false_alarms,
    }
    if run.hits and run.hits[number] is not None:
        row["details"] = [finite(hit) for hit in run.hits[number]]
    if run.attention and number < runner.ATTENTION_UTTERANCES:
        attention = run.attention.get(run.positions[number])
        row["attention"] = None if attention is None else quantised(attention)
    return row


def _utterances(items: Sequence[Any]) -> list[dict[str, Any]]:
    audio = clips([item.row for item in items])
    return [
        {"id": item.id, "seconds": round(item.seconds, 3), "audio": clip, "no_audio": reason}
        for item, (clip, reason) in zip(items, audio, strict=True)
    ]


def quantised(attention: Attended) -> dict[str, Any]:
    """Attention in hundredths from 0 to 99, each row of T of them a string of two digits a frame."""
    hundredths = np.clip((100 * attention.weights).round(), 0, 99).astype(int)
    return {
        "adapter": attention.adapter,
        "phrases": attention.phrases,
        "weights": ["".join(f"{value:02d}" for value in row) for row in hundredths.tolist()],
        "seconds_per_frame": attention.seconds_per_frame,
    }


def finite(value: Any) -> Any:
    """The value with numbers that JSON does not have (infinities, not-a-number) as None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: finite(one) for name, one in value.items()}
    return value


def as_json(data: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")
