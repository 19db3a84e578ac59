"""The one report on a list: all that a model cannot use of it or would change, wherever the list is given."""

from __future__ import annotations

from nemo_ctcbias.bias_list import Note
from nemo_ctcbias.bias_list.report import counted
from nemo_ctcbias.compiled_list import CompiledList
from nemo_ctcbias.phones.detection import too_short
from nemo_ctcbias.settings import Settings

LOUD = (
    15.0  # of `biasing.weight`: from here on fewer listed words come out and more that nobody said (choosing_weights)
)


def notes_on(listed: CompiledList, settings: Settings, sounds: bool) -> tuple[Note, ...]:
    """What of a list cannot be spelled, pronounced or heard, and why.

    Args:
        listed: compiled for the model.
        sounds: whether it is asked how words sound.

    Returns:
        Notes as they may be told: of a file that a manifest named without what stands in it.
    """
    notes = list(listed.spelled.notes)
    gone = {note.where for note in notes if note.level == "dropped"}  # how these sound is of no interest any more
    heard: list[Note] = []
    if len(listed) and sounds:
        heard += listed.pronouncer.notes
    if len(listed) and sounds and settings.weight > 0 and settings.wants("detection"):
        prior = settings.detection_prior(listed.length)
        heard += too_short(listed.scores, settings.phonetics.detection_threshold, prior)
    heard = [note for note in heard if note.where not in gone]
    never = {note.where for note in heard if note.level == "dropped"}  # nor what else of these would be risky
    notes = [note for note in notes if note.level != "warning" or note.where not in never] + heard
    told = tuple(notes) if listed.bias_list.shown else counted(notes, str(listed.bias_list.source))
    return (*told, *_of_loudness(settings)) if len(listed) else told


def _of_loudness(settings: Settings) -> tuple[Note, ...]:
    if settings.weight <= LOUD:
        return ()
    reason = f"is {settings.weight:g}, with which names are written that nobody said"
    return (Note("biasing.weight", None, "warning", reason, f"use 10 for normal, at most {LOUD:g}"),)
