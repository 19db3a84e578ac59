"""What a model makes of a request's list: which phrases are used, which are not and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nemo_ctcbias.bias_list import BiasList, Note
from nemo_ctcbias.bias_list.report import LEVELS


@dataclass(frozen=True)
class ListUse:
    """What became of a list.

    Attributes:
        used: texts of the phrases that are listened for.
        notes: on the others, and on these where they are used otherwise than listed or at a risk.
        phrases: how many were listed.
    """

    used: tuple[str, ...]
    notes: tuple[Note, ...]
    phrases: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON: `used`, and the notes by their levels."""
        found: dict[str, Any] = {"phrases": self.phrases, "used": list(self.used)}
        for level in LEVELS:
            found[level] = [
                {"phrase": note.phrase, "where": note.where, "reason": note.reason, "remedy": note.remedy}
                for note in self.notes
                if note.level == level
            ]
        return found

    def counts(self) -> dict[str, int]:
        """How many phrases were listed and used, and how many notes there are of each level."""
        of_level = {level: sum(note.level == level for note in self.notes) for level in LEVELS}
        return {"phrases": self.phrases, "used": len(self.used), **of_level}


def use_of(model: Any, bias_list: BiasList) -> ListUse:
    """What a biased model makes of a list.

    The model keeps what it has made of equal lists, and its notes say where the first of them was given, and what had
    been left out there.  Here they are about this list: they say where its own phrases were given.
    """
    kept = model.lists.of(bias_list)
    index_of = {kept.bias_list.where(index): index for index in range(len(bias_list))}
    foreign = set(kept.bias_list.notes)
    notes = list(bias_list.notes)
    for note in model.report_on(kept):
        if note not in foreign and note.where in index_of:
            own = bias_list.where(index_of[note.where])
            notes.append(Note(own, note.phrase, note.level, note.reason, note.remedy))
    gone = {note.where for note in notes if note.level == "dropped"}
    used = tuple(
        phrase.text
        for index, phrase in enumerate(bias_list)
        if phrase.weight != 0 and bias_list.where(index) not in gone
    )
    return ListUse(used, tuple(notes), len(bias_list))
