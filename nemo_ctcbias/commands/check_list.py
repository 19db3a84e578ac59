"""`nemo-ctcbias check-list`: what a model cannot use of a bias list, and why."""

from __future__ import annotations

import argparse

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.commands.loading import load_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("list", metavar="LIST", help="phrases, one a line, or .jsonl")
    parser.add_argument("--model", metavar="M", help=".nemo file or pretrained name (default: the shipped one)")


def run(args: argparse.Namespace) -> int:
    """Print a line for each phrase dropped, changed or doubtful, and a summary; 1 if any was dropped."""
    bias_list = BiasList.load(args.list)
    model = load_model(args.model, "cpu")
    notes = [*model.check_bias_list(bias_list), *model.check_pronunciations(bias_list)]
    for note in notes:
        print(f"{note.level}: {note}")
    counts = {level: sum(note.level == level for note in notes) for level in ("dropped", "changed", "warning")}
    print(
        f"{args.list}: {len(bias_list)} phrases; {counts['dropped']} dropped, {counts['changed']} changed, "
        f"{counts['warning']} warnings"
    )
    return 1 if counts["dropped"] else 0
