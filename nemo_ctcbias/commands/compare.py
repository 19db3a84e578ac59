"""What a model writes by itself, with its language model, and with a list, side by side; each mark by its cause."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TextIO

from nemo_ctcbias.commands.transcripts import Transcript
from nemo_ctcbias.evaluation.counts import Counts
from nemo_ctcbias.evaluation.scoring import score

BOLD, PLAIN = "\x1b[1m", "\x1b[0m"
MODEL, LM, LIST = "model:", "with LM:", "with list:"


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


class Comparison:
    """Recordings, each transcribed in two or three ways; in each, what differs from the one before is marked.

    Args:
        listed: the phrases of the list, for the scores (recordings with a list of their own use that).
    """

    def __init__(self, listed: Sequence[str]):
        self._listed = listed
        self._ways: dict[str, list[Transcript]] = {}

    def __len__(self) -> int:
        return len(self._ways.get(MODEL, ()))

    def add(self, *ways: list[Transcript]) -> None:
        """More recordings: by the model alone, with the language model if there is one, with the list as well."""
        names = (MODEL, LIST) if len(ways) == 2 else (MODEL, LM, LIST)
        for name, transcripts in zip(names, ways, strict=True):
            self._ways.setdefault(name, []).extend(transcripts)

    def show(self, out: TextIO) -> None:
        """Print a line for each way of each recording, and a summary."""
        colour = hasattr(out, "isatty") and out.isatty()
        ways = list(self._ways)
        changed = dict.fromkeys(ways[1:], 0)
        for each in zip(*self._ways.values(), strict=True):
            print(each[0].recording.path, file=out)
            if each[0].recording.reference:
                print(f"  {'spoken:':10} {each[0].recording.reference}", file=out)
            print(f"  {MODEL:10} {each[0].text}", file=out)
            for way, before, one in zip(ways[1:], each, each[1:], strict=False):
                changed[way] += before.text != one.text
                print(f"  {way:10} {mark(one.text, before.text, colour)}", file=out)
        causes = {LM: "the language model", LIST: "the list"}
        by = " and ".join(f"{count} by {causes[way]}" for way, count in changed.items())
        print(f"{len(self)} recordings; transcripts changed: {by}", file=out)
        for way, transcripts in self._ways.items():
            counts = [self._score(one) for one in transcripts if one.recording.reference]
            if counts:
                total = sum(counts[1:], counts[0])
                print(
                    f"  {way:10} word error rate {_percent(total.wer)}, listed phrases: "
                    f"recall {_percent(total.recall)}, precision {_percent(total.precision)}",
                    file=out,
                )

    def _score(self, one: Transcript) -> Counts:
        own = one.recording.bias_list
        return score(one.recording.reference, one.text, [p.written for p in own] if own else self._listed)


def _percent(value: float | None) -> str:
    return "     –" if value is None else f"{value:5.1f}%"
