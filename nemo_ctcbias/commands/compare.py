"""The texts without and with a bias list side by side, differing words marked."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from nemo_ctcbias.evaluation.counts import Counts
from nemo_ctcbias.evaluation.scoring import score

if TYPE_CHECKING:
    from nemo_ctcbias.commands.transcribe import Transcript

BOLD, PLAIN = "\x1b[1m", "\x1b[0m"


def mark(text: str, other: str, colour: bool) -> str:
    """`text` with the words marked that differ from `other`: bold on a terminal, else in brackets."""
    words, before = text.split(), other.split()
    marked = []
    for kind, _, _, first, last in difflib.SequenceMatcher(a=before, b=words, autojunk=False).get_opcodes():
        part = words[first:last]
        if kind == "equal" or not part:
            marked += part
        else:
            joined = " ".join(part)
            marked.append(f"{BOLD}{joined}{PLAIN}" if colour else f"[{joined}]")
    return " ".join(marked)


def show_comparison(without: list[Transcript], with_list: list[Transcript], listed: Sequence[str], out: TextIO) -> None:
    """Print three lines a recording (reference where known, without, with) and a summary.

    Args:
        listed: the phrases of the list, for the scores (recordings with a list of their own use that).
    """
    colour = hasattr(out, "isatty") and out.isatty()
    for base, biased in zip(without, with_list, strict=True):
        print(biased.recording.path, file=out)
        if biased.recording.reference:
            print(f"  spoken:   {biased.recording.reference}", file=out)
        print(f"  without:  {base.text}", file=out)
        print(f"  with:     {mark(biased.text, base.text, colour)}", file=out)
    changed = sum(base.text != biased.text for base, biased in zip(without, with_list, strict=True))
    print(f"{len(without)} recordings, {changed} transcripts changed by the list", file=out)
    for name, transcripts in (("without", without), ("with", with_list)):
        counts = [_score(one, listed) for one in transcripts if one.recording.reference]
        if counts:
            total = sum(counts[1:], counts[0])
            print(
                f"  {name + ' list:':13} word error rate {_percent(total.wer)}, listed phrases: "
                f"recall {_percent(total.recall)}, precision {_percent(total.precision)}",
                file=out,
            )


def _score(one: Transcript, listed: Sequence[str]) -> Counts:
    own = one.recording.bias_list
    return score(one.recording.reference, one.text, [p.written for p in own] if own else listed)


def _percent(value: float | None) -> str:
    return "     –" if value is None else f"{value:5.1f}%"
