"""What became of a bias list: one note for each phrase that could not be used, was changed, or may misbehave."""

from __future__ import annotations

import logging
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Level = Literal["dropped", "changed", "warning"]

LEVELS: tuple[Level, ...] = ("dropped", "changed", "warning")
HIDDEN = ("Cc", "Cs", "Zl", "Zp")  # control characters, halves of characters, ends of lines and paragraphs
BIDIRECTIONAL = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
SHOWN_CHARACTERS = 60  # a longer phrase is cut in a message


@dataclass(frozen=True, slots=True)
class Note:
    """One remark on one phrase; as a string, a line that says where, what, why and what to do.

    >>> print(Note("names.txt:17", "Łódź", "dropped", "has no tokens (unknown: 'Ł')", "add a spoken form"))
    names.txt:17: 'Łódź' has no tokens (unknown: 'Ł'); add a spoken form

    Attributes:
        where: "names.txt:17" or "bias list[3]".
        phrase: the phrase's text as listed; None where it is not to be told.
        level: "dropped" (the phrase is not used), "changed" (it is used, but not as listed; a lost spoken form of a
            phrase that has others counts here) or "warning" (used as listed, with a risk).
        reason: what is the matter, read on after the phrase.
        remedy: what the user can do, an imperative.
    """

    where: str
    phrase: str | None
    level: Level
    reason: str
    remedy: str

    def __str__(self) -> str:
        phrase = "" if self.phrase is None else f"{quoted(self.phrase)} "
        return f"{self.where}: {phrase}{self.reason}; {self.remedy}"


def quoted(value: object) -> str:
    """A value for a message: text in quotes, unprintable characters escaped, all cut if long."""
    if isinstance(value, str):
        return repr(_cut(value))
    try:
        return _cut(repr(value))
    except ValueError:  # Python does not write numbers of thousands of digits
        return "a number of thousands of digits"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def summary(notes: Iterable[Note], phrases: int) -> str:
    """How much of a list can be used.

    >>> summary([Note("a.txt:1", "Al", "warning", "is short", "list a longer phrase")], 3)
    '3 phrases; 0 dropped, 0 changed, 1 warning'
    """
    counts = Counter(note.level for note in notes)
    warnings = f"{counts['warning']} warning{'' if counts['warning'] == 1 else 's'}"
    listed = f"{phrases} phrase{'' if phrases == 1 else 's'}"
    return f"{listed}; {counts['dropped']} dropped, {counts['changed']} changed, {warnings}"


def serious(notes: Iterable[Note]) -> list[Note]:
    """What is dropped, and then what is risky: what to say first where not all is said."""
    return sorted((note for note in notes if note.level != "changed"), key=lambda note: LEVELS.index(note.level))


def in_short(source: str | None, notes: Iterable[Note], phrases: int) -> str:
    """How much of a list can be used, and where all notes are to be had."""
    return f"{source or 'bias list'}: {summary(notes, phrases)}; `nemo-ctcbias check-list` shows all of a list"


def counted(notes: Iterable[Note], where: str) -> tuple[Note, ...]:
    """How many notes there are of each level, without what they are about.

    >>> print(*counted([Note("a.txt:1", "Al", "warning", "is short", "list a longer phrase")], "a.txt"))
    a.txt: has notes of level 'warning' on 1 of its phrases; `nemo-ctcbias check-list a.txt` shows them
    """
    counts = Counter(note.level for note in notes)
    remedy = f"`nemo-ctcbias check-list {where}` shows them"
    return tuple(
        Note(where, None, level, f"has notes of level {level!r} on {counts[level]} of its phrases", remedy)
        for level in LEVELS
        if counts[level]
    )


def printable(text: str) -> str:
    """`text` as a line of a terminal may show it: control and bidirectional characters and line ends are escaped.

    >>> printable("a\\x1b[2Jb\\u202e")
    'a\\\\x1b[2Jb\\\\u202e'
    """
    return "".join([ascii(c)[1:-1] if unicodedata.category(c) in HIDDEN or c in BIDIRECTIONAL else c for c in text])


def announce(notes: Iterable[Note], most: int = 5) -> None:
    """Log what was dropped or is risky, the first `most` notes, each once a process (logger `nemo_ctcbias`)."""
    messages = [str(note) for note in serious(notes)]
    for message in messages[:most]:
        _warn_once(message)
    if rest := tuple(messages[most:]):
        _warn_once(f"{len(rest)} more notes on this bias list; `nemo-ctcbias check-list` shows all", hash(rest))


@lru_cache(maxsize=4096)
def _warn_once(message: str, about: int = 0) -> None:
    """The same words about something else, told by its hash, are said again."""
    logging.getLogger("nemo_ctcbias").warning(message)
