"""The one report on a list: all that a model cannot use of it or would change, wherever the list is given."""

from __future__ import annotations

from nemo_ctcbias.bias_list import Note
from nemo_ctcbias.compiled_list import CompiledList
from nemo_ctcbias.phones.detection import too_short
from nemo_ctcbias.settings import Settings


def notes_on(listed: CompiledList, settings: Settings, hears: bool) -> tuple[Note, ...]:
    """What of a list cannot be spelled, pronounced or heard, and why.

    Args:
        listed: compiled for the model.
        settings: that it is used with.
        hears: whether a phone head listens for the list.

    Raises:
        PhoneticsError: a pronunciation in the list that cannot be read.
    """
    notes = list(listed.spelled.notes)
    if len(listed) and (hears or settings.phonetics.variants > 1):
        notes += listed.pronouncer.notes
    if len(listed) and hears and settings.weight > 0 and settings.wants("detection"):
        gone = {note.where for note in notes if note.level == "dropped"}
        prior = settings.detection_prior(len(listed))
        short = too_short(listed.scores, settings.phonetics.detection_threshold, prior)
        notes += [note for note in short if note.where not in gone]
    return tuple(notes)
