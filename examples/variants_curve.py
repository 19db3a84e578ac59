"""F1 of listed words against the number of spellings listened for: a picture, and a table in Markdown.

    python examples/variants_curve.py dev.json --distractors words.txt --out results/variants

Every phrase of a list is listened for as it is written and in the likeliest other spellings of its sound (the part
`g2g` of `nemo-ctcbias evaluate`); with 1 only as it is written, as by a system without `g2g`. Each count is one
evaluation, as by `nemo-ctcbias evaluate --variants`, in a folder of its own below `--out`, beside `variants.png` and
`variants.md`. Manifests need transcripts and `rare_words`. For a checkpoint of yours, give `--model`, and what it has
of `--phone-head` (for `spot`) and `--lm` (whose words are no variants of any other).
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import matplotlib

from nemo_ctcbias.errors import BiasingError, SettingError
from nemo_ctcbias.evaluation.evaluate import EvaluateOptions, evaluate
from nemo_ctcbias.evaluation.registry import make_system

matplotlib.use("Agg")  # no display is needed to write a file
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

LINES = {"f1": ("-", 1.8), "recall": ("--", 0.9), "precision": (":", 1.1)}  # style and width
MARKERS = "osD^vPX"
SHOWN = ("precision", "recall", "f1", "f1_low", "f1_high", "wer")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifests", nargs="+", type=Path, help="test manifests, a panel of the picture each")
    parser.add_argument("--distractors", type=Path, required=True, help="text file with one word or phrase a line")
    parser.add_argument("--out", type=Path, required=True, help="folder for the picture, the table and the evaluations")
    parser.add_argument("--variants", default="1,2,3,5,10", help="counts, the phrase included (default 1,2,3,5,10)")
    parser.add_argument("--systems", default="hotword+g2g,hotword+spot+g2g", help="own ones that have the part g2g")
    parser.add_argument("--list-size", type=int, default=100, help="distractors in each list (default 100)")
    parser.add_argument("--cache", type=Path, help="folder that keeps the encoder's log-probs for the next run")
    parser.add_argument("--model", help=".nemo file or pretrained name (default: the shipped checkpoint)")
    parser.add_argument("--phone-head", type=Path, help="default: the model's own, or the shipped model's")
    parser.add_argument("--lm", type=Path, help="KenLM file (default: the shipped model's)")
    parser.add_argument("--limit", type=int, help="only the first so many utterances of each manifest")
    args = parser.parse_args()
    try:
        curves = measure(args)
    except BiasingError as error:
        print(error, file=sys.stderr)
        return 2
    draw(curves, args.out / "variants.png")
    text = table(curves)
    (args.out / "variants.md").write_text(text, encoding="utf-8")
    print(text, end="")
    return 0


def measure(args: argparse.Namespace) -> dict[str, dict[int, list[dict]]]:
    """Rows of results.json by the manifest's name and the number of variants, fewest first."""
    systems, counts = tuple(args.systems.split(",")), _counts(args.variants)
    for system in systems:
        if "g2g" not in getattr(make_system(system), "named", ()):
            raise SettingError(f"--systems: {system!r} listens for no variants; name ones with g2g, as in hotword+g2g")
    if len({path.stem for path in args.manifests}) < len(args.manifests):
        raise SettingError("manifests: two have the same name, which their folders and panels are called by")
    curves = {}
    for manifest in args.manifests:
        shared = {}  # phones and spellings are worked out once for all counts
        curves[manifest.stem] = {}
        for count in counts:
            print(f"{manifest.stem}: {count} forms of each phrase", file=sys.stderr)
            options = EvaluateOptions(
                manifest=manifest,
                out=args.out / f"{manifest.stem}-{count}",
                distractors=args.distractors,
                model=args.model,
                list_sizes=(args.list_size,),
                systems=systems,
                cache=args.cache,
                lm=args.lm,
                phone_head=args.phone_head,
                variants=count,
                limit=args.limit,
            )
            curves[manifest.stem][count] = evaluate(options, shared=shared)
    return curves


def draw(curves: dict[str, dict[int, list[dict]]], path: Path) -> None:
    """One panel a manifest, one colour a system: F1 with its 95% intervals, recall and precision as thin lines."""
    size = (1 + 5 * len(curves), 4.8)
    figure, axes = plt.subplots(1, len(curves), figsize=size, squeeze=False, sharey=True, layout="constrained")
    for axis, (name, found) in zip(axes[0], curves.items(), strict=True):
        lines = _panel(axis, found)
        axis.set_title(name)
        axis.set_xlabel("spellings listened for, the phrase itself included")
    axes[0][0].set_ylabel("listed words (%), F1 with 95% intervals")
    columns = len(lines) // len(LINES)  # one a system
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=columns, frameon=False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _panel(axis: Axes, found: dict[int, list[dict]]) -> dict[str, Any]:
    """What the legend is to show, by label."""
    counts, lines = list(found), {}
    systems = [row["system"] for row in found[counts[0]]]
    for number, system in enumerate(systems):
        rows = [row for count in counts for row in found[count] if row["system"] == system]
        # Side by side on the logarithmic axis, so that intervals can be told apart.
        x = [count * 1.02 ** (2 * number - len(systems) + 1) for count in counts]
        for metric, (style, thickness) in LINES.items():
            y = [_number(row[metric]) for row in rows]
            look = {"color": f"C{number}", "linestyle": style, "linewidth": thickness}
            if metric == "f1":
                bounds = [[_number(row[f"f1_{side}"]) for row in rows] for side in ("low", "high")]
                ends = [[abs(bound - at) for bound, at in zip(side, y, strict=True)] for side in bounds]
                marker = MARKERS[number % len(MARKERS)]
                line = axis.errorbar(x, y, yerr=ends, capsize=3, marker=marker, markersize=5, **look)
            else:
                (line,) = axis.plot(x, y, **look)
            lines[f"{system}: {metric.replace('f1', 'F1')}"] = line
    axis.set_xscale("log")
    axis.set_xticks(counts, [str(count) for count in counts])
    axis.minorticks_off()
    axis.yaxis.get_major_locator().set_params(integer=True)
    axis.grid(axis="y", alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    return lines


def table(curves: dict[str, dict[int, list[dict]]]) -> str:
    """The figures in Markdown, by manifest, system and count."""
    lines = ["| manifest | system | variants | precision | recall | F1 (95% interval) | WER |", "|---" * 7 + "|"]
    for name, found in curves.items():
        for system in dict.fromkeys(row["system"] for rows in found.values() for row in rows):
            for count, rows in found.items():
                row = next(row for row in rows if row["system"] == system)
                shown = {key: "–" if row[key] is None else f"{row[key]:.1f}" for key in SHOWN}
                f1 = shown["f1"] + (f" ({shown['f1_low']}–{shown['f1_high']})" if row["f1_low"] is not None else "")
                cells = [name, system, count, shown["precision"], shown["recall"], f1, shown["wer"]]
                lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def _counts(text: str) -> list[int]:
    try:
        counts = sorted({int(part) for part in text.split(",")})
    except ValueError:
        counts = []
    if not counts or counts[0] < 1:
        raise SettingError(f"--variants {text!r}: give whole numbers from 1, such as 1,2,5")
    return counts


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


if __name__ == "__main__":
    sys.exit(main())
