"""`nemo-ctcbias check-list`: what a model cannot use of a bias list, and why."""

from __future__ import annotations

import argparse

from nemo_ctcbias.bias_list import BiasList, summary
from nemo_ctcbias.commands.loading import check_files, load_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("list", nargs="+", metavar="LIST", help="files of phrases: text, CSV, TSV or JSON")
    parser.add_argument("--model", metavar="M", help=".nemo file or pretrained name (default: the shipped one)")


def run(args: argparse.Namespace) -> int:
    """Print a line for each phrase dropped, changed or doubtful, and a summary; 1 if any was dropped."""
    bias_list = BiasList.joined([BiasList.load(file) for file in args.list])
    check_files(args.model)
    model = load_model(args.model)
    notes = model.check_bias_list(bias_list)
    for note in notes:
        print(f"{note.level}: {note}")
    print(f"{bias_list.source}: {summary(notes, len(bias_list))}")
    return 1 if any(note.level == "dropped" for note in notes) else 0
