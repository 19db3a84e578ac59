"""Writes the tables of measured results into the pages that show them, all from results.csv.

    python docs/results_tables.py
    python docs/results_tables.py --add strong librispeech ../results/librispeech/results.json

`--add` takes in what `nemo-ctcbias evaluate` measured on a base model and a set of recordings, in place of older
figures of the same system and lists.
In the pages, a table stands between `<!-- table: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from pathlib import Path

from nemo_ctcbias.evaluation.ablation import JOINT

DOCS = Path(__file__).parent
FIGURES = DOCS / "results.csv"
PAGES = (DOCS.parent / "README.md", DOCS / "results.md", DOCS / "comparison.md")
WHOLE = {"librispeech": 234, "commonvoice": 350}  # utterances
BASES = ("strong", "small")
KEY = ("base", "speech", "lists", "distractors", "system")
MEASURES = ("wer", "b_wer", "u_wer", "precision", "recall", "f1", "f1_low", "f1_high", "false_alarms_per_hour")

LONG = ("100", "1000", "20000")

PEERS = {
    "greedy": "no list (greedy)",
    "pyctcdecode-cached": "pyctcdecode hotwords",
    "nemo-boosting-greedy": "NeMo boosting tree, greedy",
    "nemo-boosting-beam": "NeMo boosting tree, beam",
    "nemo-ctc-ws": "NeMo CTC-WS word spotter",
    "flashlight": "flashlight word boosting",
    "lm": "LM, no list",
    "pyctcdecode-cached+lm": "pyctcdecode hotwords + LM",
    "nemo-boosting-beam+lm": "NeMo boosting tree, beam, + LM",
    "hotword+lm": "hotword + LM",
}
OURS = {  # named otherwise than by their parts
    "untrained": "**untrained** (hotword, and all that spelling tells)",
    "untrained+lm": "**untrained + boost-lm**",
    "hotword+spot+adapter+boost-lm+rescore": "**the same + rescore**",
    "hotword+spot+adapter+boost-lm+rescore+lookup": "**the same + lookup**",
    "joint": "**joint** (all that the model has)",
    "joint+g2g": "**joint + g2g** (three spellings)",
}
COMPARED = (*list(PEERS)[:6], "hotword", "hotword+verify", "adapter", "adapter+spot", "hotword+spot")
COMPARED_WITH_LM = (*list(PEERS)[6:9], "boost-lm", "hotword+boost-lm", "joint", "joint+g2g")
#: Systems in the order of every table: peers, parts alone, parts added one by one; then the same with a language model.
ORDER = (
    *list(PEERS)[:6],
    *("hotword", "adapter", "hotword+rescore", "hotword+lookup", "hotword+verify", "hotword+g2g", "hotword+adapter"),
    *("adapter+spot", "untrained", "hotword+spot", "hotword+spot+adapter"),
    *list(PEERS)[6:],
    *("boost-lm", "hotword+boost-lm", "untrained+lm", "hotword+spot+adapter+boost-lm"),
    *list(OURS)[2:],
)
Row = dict[str, str]


def read() -> list[Row]:
    """All figures, percent, as text; the distractors' number, too."""
    with FIGURES.open(encoding="utf-8", newline="") as file:
        return [dict.fromkeys(MEASURES, "") | row for row in csv.DictReader(file)]  # older files have fewer measures


def title(row: Row) -> str:
    """What a table calls the row's system."""
    system = row["system"]
    parts = system.split("+")
    alone = " (greedy)" if "adapter" in parts and "hotword" not in parts else ""
    return PEERS.get(system) or OURS.get(system) or f"**{' + '.join(parts)}**{alone}"


def partly(row: Row) -> bool:
    """Whether only some utterances were measured."""
    return int(row["utterances"]) < WHOLE[row["speech"]]


def interval(row: Row | None) -> str:
    """F1 and its 95% interval."""
    if row is None or not row["f1"]:
        return "–"
    return f"{row['f1']} ({row['f1_low']}–{row['f1_high']})" if row["f1_low"] else row["f1"]


def chosen(rows: Iterable[Row], **wanted: str | Sequence[str]) -> list[Row]:
    """Those with these values, in the tables' order of sizes and systems."""
    found = [
        row
        for row in rows
        if all(row[k] in ((value,) if isinstance(value, str) else value) for k, value in wanted.items())
    ]
    return sorted(found, key=lambda row: (int(row["distractors"]), ORDER.index(row["system"])))


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Of Markdown."""
    first, *others = (f"| {' | '.join(line)} |" for line in (head, *lines))
    return "\n".join((first, f"|{'---|' * len(head)}", *others))


def full(rows: Iterable[Row]) -> str:
    """Every figure of some rows."""
    rows = list(rows)
    head = ["system", "N", "WER", "B-WER", "U-WER", "precision", "recall", "F1 (95% interval)"]
    alarms = [_alarms(row) for row in rows]
    head += ["FA/h"] if any(alarms) else []
    lines = []
    for row, alarm in zip(rows, alarms, strict=True):
        name = title(row) + (f" ({row['utterances']} utterances)" if partly(row) else "")
        size = f"{int(row['distractors']):,}"
        line = (name, size, *(row[measure] or "–" for measure in MEASURES[:5]), interval(row))
        lines.append((*line, alarm or "–") if any(alarms) else line)
    return table(head, lines)


def _alarms(row: Row | None) -> str:
    """Listed phrases an hour that the list alone made up."""
    return row["false_alarms_per_hour"] if row else ""


def short(rows: Iterable[Row]) -> str:
    """Lists of a few."""
    head = ("system", "N", "WER", "precision", "recall", "F1 (95% interval)")
    return table(
        head,
        ((title(row), row["distractors"], row["wer"], row["precision"], row["recall"], interval(row)) for row in rows),
    )


def kinds(rows: Sequence[Row]) -> str:
    """Lists of other kinds, a row a system."""
    head = ["system", "session: WER", "session: F1", "irrelevant: WER", "close: WER", "close: F1 (95% interval)"]
    unspoken = sorted({row["distractors"] for row in rows if row["lists"] == "unspoken"}, key=int)
    head += [f"unspoken {int(size):,}: FA/h" for size in unspoken]
    lines = []
    for one in _by_system(rows):
        session, irrelevant, close = (one.get((kind, "100")) for kind in ("session", "irrelevant", "close"))
        wers = [row["wer"] if row else "–" for row in (session, irrelevant, close)]
        alarms = [_alarms(one.get(("unspoken", size))) or "–" for size in unspoken]
        lines.append((_title(one), wers[0], interval(session), wers[1], wers[2], interval(close), *alarms))
    return table(head, lines)


def summary(rows: Sequence[Row]) -> str:
    """The usual lists of one base, a row a system: both sets of recordings, 100 distractors and 1,000."""
    measures = ("wer", "precision", "f1")
    head = ["system"]
    for speech in ("books", "voices"):
        head += [f"{speech}: WER", "precision", "F1", "F1 of 1,000"]
    lines = []
    for system in ORDER:
        mine = {(row["speech"], row["distractors"]): row for row in rows if row["system"] == system}
        if {(speech, "100") for speech in WHOLE} <= set(mine):
            cells = []
            for speech in WHOLE:
                cells += [mine[speech, "100"][measure] for measure in measures]
                cells.append(mine[speech, "1000"]["f1"] if (speech, "1000") in mine else "–")
            lines.append((title(mine["librispeech", "100"]), *cells))
    return table(head, lines)


def _by_system(rows: Sequence[Row]) -> list[dict[tuple[str, str], Row]]:
    """For each system, its rows by kind and length of lists."""
    there = {row["system"] for row in rows}
    return [
        {(row["lists"], row["distractors"]): row for row in rows if row["system"] == system}
        for system in ORDER
        if system in there
    ]


def _title(one: dict[tuple[str, str], Row]) -> str:
    return title(next(iter(one.values())))


def _tables() -> dict[str, Callable[[], str]]:
    rows = read()
    tables: dict[str, Callable[[], str]] = {}
    for base in BASES:
        usual = [row for row in rows if row["base"] == base and row["lists"] == "utterance"]
        tables[f"{base}, both"] = lambda usual=usual: summary(usual)
    for base, speech in product(BASES, WHOLE):
        mine = [row for row in rows if (row["base"], row["speech"]) == (base, speech)]
        usual = [row for row in mine if row["lists"] == "utterance"]
        tables |= {
            f"{base}, {speech}, 100": lambda usual=usual: full(chosen(usual, distractors="100")),
            f"{base}, {speech}, 1,000": lambda usual=usual: full(chosen(usual, distractors="1000")),
            f"{base}, {speech}, 20,000": lambda usual=usual: full(chosen(usual, distractors="20000")),
            f"{base}, {speech}, peers": lambda usual=usual: full(chosen(usual, distractors=LONG, system=COMPARED)),
            f"{base}, {speech}, peers with LM": lambda usual=usual: full(
                chosen(usual, distractors=LONG, system=COMPARED_WITH_LM)
            ),
            f"{base}, {speech}, short": lambda usual=usual: short(chosen(usual, distractors=("5", "20"))),
            f"{base}, {speech}, kinds": lambda mine=mine: kinds([row for row in mine if row["lists"] != "utterance"]),
        }
    return tables


def page(path: Path) -> str:
    """The text of a page with its tables as the figures are now.

    Raises:
        KeyError: the page names a table that there is not.
    """
    tables = _tables()
    return re.sub(
        r"(<!-- table: (.+?) -->\n).*?(?=<!-- end -->)",
        lambda found: f"{found[1]}\n{tables[found[2]]()}\n\n",
        path.read_text(encoding="utf-8"),
        flags=re.S,
    )


def add(base: str, speech: str, measured: Iterable[dict]) -> None:
    """Put rows of results.json in place of older ones, or behind them.

    Raises:
        SystemExit: no table shows such a base or such recordings.
    """
    if base not in BASES or speech not in WHOLE:
        raise SystemExit(f"--add {base} {speech}: bases are {', '.join(BASES)}, recordings {', '.join(WHOLE)}")
    kept = {tuple(row[k] for k in KEY): row for row in read()}
    for one in measured:
        parts = set(one["system"].split("+"))
        joint = {frozenset(JOINT): "joint", frozenset((*JOINT, "g2g")): "joint+g2g"}
        system = joint.get(frozenset(parts), one["system"])
        figures = {m: "" if one.get(m) is None else f"{one[m]:.1f}" for m in MEASURES}
        row = {
            "base": base,
            "speech": speech,
            "lists": one["list_kind"],
            "distractors": str(one["list_size"]),
            "system": system,
        }
        row |= {"utterances": str(one["utterances"]), **figures}
        kept[tuple(row[k] for k in KEY)] = row
    with FIGURES.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, (*KEY, "utterances", *MEASURES), lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--add", nargs=3, metavar=("BASE", "SPEECH", "FILE"), help="results.json to take in first")
    arguments = parser.parse_args()
    if arguments.add:
        add(*arguments.add[:2], json.loads(Path(arguments.add[2]).read_text(encoding="utf-8")))
    for path in PAGES:
        path.write_text(page(path), encoding="utf-8")
