"""`nemo-ctcbias tune`: the weights of biasing for a model of one's own, chosen on held-out speech."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nemo_ctcbias.commands.bias_options import report
from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.settings import overlaid
from nemo_ctcbias.settings_file import write_settings
from nemo_ctcbias.shipped import checkpoint, shipped
from nemo_ctcbias.whole_files import check_writable

if TYPE_CHECKING:
    from nemo_ctcbias.evaluation.weights import Tuned

METRICS = ("wer", "u_wer", "precision", "recall", "f1")
LEAST = 6  # utterances: four to tune on, two to measure on


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("--manifest", required=True, type=Path, help="NeMo manifest of held-out speech with transcripts; never the "
        "speech that results are reported on")  # fmt: skip
    add("--bias-list", type=Path, action="append", default=[], metavar="FILE", help="your own list, as it stands; may "
        "be given several times")  # fmt: skip
    add("--distractors", type=Path, help="or a text file of words that fill lists around the `rare_words` of each row")
    add("--out", required=True, type=Path, help="YAML file for the weights (`transcribe --settings` reads it)")
    add("--model", metavar="M", help=".nemo file or pretrained name (default: the shipped one)")
    add("--adapter", type=Path, help="its contextual adapter (default: its own, or the shipped model's)")
    add("--lm", type=Path, help="its language model (default: none, or the shipped model's)")
    add("--phone-head", type=Path, help="its phone head (default: its own, or the shipped model's)")
    add("--list-size", type=int, default=100, metavar="N", help="distractors a list (default 100)")
    add("--word-counts", type=Path, help="file of words and counts that says which words are rare")
    add("--limit", type=int, metavar="N", help="only the first N utterances")
    add("--seed", type=int, default=1, help="of the lists, and of which third is held back (default 1)")
    add("--no-progress", dest="progress", action="store_false", help="no progress bars")


def run(args: argparse.Namespace) -> int:
    """Tune, print what it brought, write the YAML."""
    from nemo_ctcbias.cli import quieten

    quieten()
    check_writable(args.out)
    tuned = tuned_weights(args)
    print(table(tuned))
    setting = tuned.setting if tuned.better else tuned.default
    verdict = verdict_on(tuned)
    write_settings(args.out, overlaid({}, setting), f"Weights of nemo-ctcbias on {args.manifest.name}: {verdict}.")
    print(f"\n{args.out}: {verdict}")
    return 0


def tuned_weights(args: argparse.Namespace) -> Tuned:
    """Encode once, then try the weights.

    Raises:
        SettingError: too little speech.
        BiasingError: of its other kinds, for files that cannot be used.
    """
    from nemo_ctcbias.evaluation.evaluate import context_of
    from nemo_ctcbias.evaluation.lists import GIVEN, ListBuilder
    from nemo_ctcbias.evaluation.logprobs import encode, load_model
    from nemo_ctcbias.evaluation.manifest import read_manifest
    from nemo_ctcbias.evaluation.registry import make_system
    from nemo_ctcbias.evaluation.weights import FEW, tune_weights

    if bool(args.bias_list) == (args.distractors is not None):
        raise SettingError("give your own list as --bias-list FILE, or --distractors FILE to draw lists from")
    if args.list_size < 0 or (args.limit is not None and args.limit < 1):
        raise SettingError("--list-size and --limit: give whole numbers, from 0 and from 1")
    rows, skipped = read_manifest(args.manifest)
    builder = ListBuilder.of_files(args.bias_list, args.distractors, args.word_counts, args.seed)
    given = builder.given
    model = load_model(checkpoint(args.model))
    items, unreadable = encode(model, rows[: args.limit], progress=args.progress)
    for one in [*skipped, *unreadable]:
        print(f"nemo-ctcbias: {one.id}: {one.reason}", file=sys.stderr)
    if len(items) < LEAST:
        raise SettingError(f"{args.manifest}: {len(items)} utterances are too few to tune on; give at least {LEAST}")
    system = make_system("joint")
    system.prepare(context_of(model, shipped(args.model), args.adapter, args.lm, args.phone_head))
    if given is not None:
        report(system.report_on(given), given.bias_list)
    lists = builder.build([item.row for item in items], "utterance" if given is None else GIVEN, args.list_size)
    tuned = tune_weights(system, items, lists, args.seed, args.progress)
    if tuned.spoken < FEW:
        told = f"only {tuned.spoken} listed phrases are spoken in what was tuned on: the weights may fit nothing else"
        print(f"nemo-ctcbias: {told}; take {FEW} or more", file=sys.stderr)
    return tuned


def verdict_on(tuned: Tuned) -> str:
    """Which weights are written, and why."""
    gain = tuned.gain()
    if tuned.setting == tuned.default:
        return "no other weight that was tried is better, so these are the defaults"
    if tuned.better:
        return "tuned"
    if gain is None or gain.high > 0:
        return "too little speech to tell whether the tuned weights are better, so these are the defaults"
    return "the tuned weights are worse than the defaults on the speech held back, so these are the defaults"


def table(tuned: Tuned) -> str:
    """What was chosen, and what it brings on the speech held back."""
    from nemo_ctcbias.evaluation.counts import Counts

    lines = ["| setting | default | tuned |", "|---|---|---|"]
    lines += [f"| {key} | {tuned.default[key]:g} | {value:g} |" for key, value in tuned.setting.items()]
    lines += ["", "| on the third held back | WER | U-WER | precision | recall | F1 |", "|---|---|---|---|---|---|"]
    for name, counts in (("default", tuned.before), ("tuned", tuned.after)):
        rates = [sum(counts, Counts()).rate(metric) for metric in METRICS]
        lines.append(f"| {name} | " + " | ".join("–" if rate is None else f"{rate:.1f}" for rate in rates) + " |")
    gains = [tuned.gain(metric) for metric in METRICS]
    shown = ["–" if one is None else f"{one.value:+.1f} [{one.low:+.1f}, {one.high:+.1f}]" for one in gains]
    lines.append(f"| difference, 95% interval | {' | '.join(shown)} |")
    return "\n".join(lines)
