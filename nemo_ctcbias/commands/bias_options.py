"""`--bias-list FILE` and `--bias PHRASE`, as several commands take them, and what is said of them."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any

from nemo_ctcbias.bias_list import BiasList, Note, Phrase
from nemo_ctcbias.bias_list.report import in_short, serious
from nemo_ctcbias.commands.recordings import is_file
from nemo_ctcbias.errors import SettingError

SHOWN_NOTES = 5
WEIGHTED = re.compile(r"(.*[^\d:]):(-?\d+(?:\.\d+)?)")  # a colon between digits is part of the phrase


def add_bias_options(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    parser.add_argument("--bias-list", metavar="FILE", action="append", default=[], help="phrases: a text file "
                        "with one a line, CSV, TSV or JSON; may be given several times")  # fmt: skip
    parser.add_argument("--bias", metavar="PHRASE", nargs="+", action="extend", default=[],
                        help="more phrases; a weight may follow, as in Okonkwo:1.5")  # fmt: skip


def bias_list_of(args: argparse.Namespace) -> BiasList | None:
    """Phrases of files and command line together; None where neither is given (a stored list then acts).

    Raises:
        SettingError: a file among the phrases.
        BiasListError: a list that cannot be read.
    """
    taken = next((phrase for phrase in args.bias if is_file(phrase)), None)
    if taken is not None:
        raise SettingError(f"--bias took the file {taken} for a phrase; name recordings before --bias, or after --")
    lists = [BiasList.load(file) for file in args.bias_list]
    if args.bias:
        lists.append(BiasList(map(weighted, args.bias), source="--bias"))
    return BiasList.joined(lists) if lists else None


def weighted(text: str) -> Phrase | str:
    """A phrase of the command line.

    >>> weighted("Okonkwo:1.5").weight, weighted("Matthew 5:3")
    (1.5, 'Matthew 5:3')
    """
    found = WEIGHTED.fullmatch(text)
    return Phrase(found[1], float(found[2])) if found else text


def set_list(model: Any, bias_list: BiasList | None) -> None:
    """Let a model use a list, if one was given, and report on it."""
    if bias_list is not None:
        report(model.set_bias_list(bias_list), bias_list)


def report(notes: Sequence[Note], bias_list: BiasList) -> None:
    """What the model cannot use of a list, on standard error: the first few, and how much it is."""
    first = serious(notes)[:SHOWN_NOTES]
    for note in first:
        print(f"nemo-ctcbias: {note}", file=sys.stderr)
    if first:
        print(f"nemo-ctcbias: {in_short(bias_list.source, notes, len(bias_list))}", file=sys.stderr)
