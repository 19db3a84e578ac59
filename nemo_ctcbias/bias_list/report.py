"""What became of a bias list: one note for each phrase that could not be used, was changed, or may misbehave."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Level = Literal["dropped", "changed", "warning"]

SHOWN_CHARACTERS = 60  # a longer phrase is cut in a message


@dataclass(frozen=True, slots=True)
class Note:
    """One remark on one phrase; as a string, a line that says where, what, why and what to do.

    >>> print(Note("names.txt:17", "Łódź", "dropped", "has no tokens (unknown: 'Ł')", "add a spoken form"))
    names.txt:17: 'Łódź' has no tokens (unknown: 'Ł'); add a spoken form

    Attributes:
        where: "names.txt:17" or "bias list[3]".
        phrase: the phrase's text as listed.
        level: "dropped" (the phrase is not used), "changed" (it is used, but not as listed; a lost spoken form of a
            phrase that has others counts here) or "warning" (used as listed, with a risk).
        reason: what is the matter, read on after the phrase.
        remedy: what the user can do, an imperative.
    """

    where: str
    phrase: str
    level: Level
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {quoted(self.phrase)} {self.reason}; {self.remedy}"


def quoted(text: str) -> str:
    """`text` in quotes for a message, cut if long, unprintable characters escaped."""
    return repr(text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…")


def summary(notes: Iterable[Note], phrases: int) -> str:
    """How much of a list can be used.

    >>> summary([Note("a.txt:1", "Al", "warning", "is short", "list a longer phrase")], 3)
    '3 phrases; 0 dropped, 0 changed, 1 warning'
    """
    counts = Counter(note.level for note in notes)
    warnings = f"{counts['warning']} warning{'' if counts['warning'] == 1 else 's'}"
    listed = f"{phrases} phrase{'' if phrases == 1 else 's'}"
    return f"{listed}; {counts['dropped']} dropped, {counts['changed']} changed, {warnings}"


def announce(notes: Iterable[Note], most: int = 5) -> None:
    """Log what was dropped or is risky, the first `most` notes, each once a process (logger `nemo_ctcbias`)."""
    serious = [str(note) for note in notes if note.level != "changed"]
    for message in serious[:most]:
        _warn_once(message)
    if rest := tuple(serious[most:]):
        _warn_once(f"{len(rest)} more notes on this bias list; `nemo-ctcbias check-list` shows all", rest)


@lru_cache(maxsize=4096)
def _warn_once(message: str, about: tuple[str, ...] = ()) -> None:
    """The same words about something else are said again."""
    logging.getLogger("nemo_ctcbias").warning(message)
