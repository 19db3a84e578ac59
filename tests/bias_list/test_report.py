"""Notes: a line that says where, what, why and what to do."""

from __future__ import annotations

import logging
import tracemalloc

from nemo_ctcbias.bias_list import Note, summary
from nemo_ctcbias.bias_list.report import _warn_once, announce, printable, serious


def test_a_note_reads_as_one_line():
    note = Note("names.txt:17", "Łódź", "dropped", "has no tokens (unknown: 'Ł')", "add a spoken form")
    assert str(note) == "names.txt:17: 'Łódź' has no tokens (unknown: 'Ł'); add a spoken form"


def test_long_and_odd_phrases_stay_on_one_short_line():
    text = str(Note("a.txt:1", "x\n" + "y" * 500, "changed", "is odd", "fix it"))
    assert "\n" not in text
    assert len(text) < 120
    assert "…" in text


def test_the_report_counts_by_level():
    notes = [
        Note("a.txt:1", "Al", "warning", "is short", "list more"),
        Note("a.txt:2", "", "dropped", "is empty", "remove it"),
        Note("a.txt:9", "Bo", "warning", "is short", "list more"),
    ]
    assert summary(notes, 12) == "12 phrases; 1 dropped, 0 changed, 2 warnings"
    assert summary(notes[1:2], 1) == "1 phrase; 1 dropped, 0 changed, 0 warnings"


def test_what_is_lost_is_said_before_what_is_risky():
    levels = ("warning", "changed", "dropped", "warning", "dropped")
    notes = [Note(f"a.txt:{line}", "x", level, "is odd", "mend it") for line, level in enumerate(levels)]
    assert [note.where for note in serious(notes)] == ["a.txt:2", "a.txt:4", "a.txt:0", "a.txt:3"]


def test_what_a_terminal_shows_cannot_forge_a_row():
    assert printable("Łódź 東京 می\u200cخواهم a\u00a0b") == "Łódź 東京 می\u200cخواهم a\u00a0b"
    forged = "a\nb\x1b[31mc\u202ed\u2028e\x9bf"
    assert printable(forged) == r"a\nb\x1b[31mc\u202ed\u2028e\x9bf"


def test_the_logged_notes_of_many_lists_fill_no_memory():
    """Of a list's notes beyond the first few no text is kept."""
    _warn_once.cache_clear()
    tracemalloc.start()
    for number in range(20):
        announce(Note(f"{number}.txt:{line}", "x" * 50, "dropped", "is odd", "mend it") for line in range(2000))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    _warn_once.cache_clear()
    assert kept < 500_000  # 40,000 notes of 100 bytes are 4 MB


def test_notes_are_logged_once_and_not_without_end(caplog):
    notes = [Note(f"a.txt:{i}", "x", "dropped", "is odd", "mend it") for i in range(8)]
    notes.append(Note("a.txt:9", "y", "changed", "lost a comma", "look"))
    others = [Note(f"b.txt:{i}", "x", "dropped", "is odd", "mend it") for i in range(8)]
    rest = "3 more notes on this bias list; `nemo-ctcbias check-list` shows all"
    with caplog.at_level(logging.WARNING, "nemo_ctcbias"):  # commands that ran before silence it
        for listed in (notes, notes, others):
            announce(listed)
    messages = [record.getMessage() for record in caplog.records if record.name == "nemo_ctcbias"]
    assert messages == [*map(str, notes[:5]), rest, *map(str, others[:5]), rest]
