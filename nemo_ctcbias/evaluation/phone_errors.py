"""Phone errors of what was heard, word by word; of a word's pronunciations the nearest one counts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from nemo_ctcbias.phones.phones import Pronunciation, phone_ids

Slot = Sequence[Pronunciation]  # the pronunciations of a word
_FAR = 10**6


@dataclass
class PhoneErrors:
    """Errors, phones and words, added up over utterances."""

    errors: int = 0
    phones: int = 0
    words: int = 0

    def add(self, slots: Sequence[Slot], heard: Pronunciation, only: Collection[int] | None = None) -> None:
        """Add the words of an utterance, or only those of these numbers."""
        for word, (errors, phones) in enumerate(slot_errors(slots, heard)):
            if only is None or word in only:
                self.errors, self.phones, self.words = self.errors + errors, self.phones + phones, self.words + 1

    @property
    def rate(self) -> float:
        """Errors a phone; 0 without phones."""
        return self.errors / self.phones if self.phones else 0.0


def slot_errors(slots: Sequence[Slot], heard: Pronunciation) -> list[tuple[int, int]]:
    """(substitutions, insertions and deletions; phones) of each word, in an alignment with the fewest errors in all.

    Args:
        slots: pronunciations of each word spoken; phones heard between two words are insertions at one of them.
        heard: phones in order.
    """
    ids = phone_ids(heard)
    width = len(ids) + 1
    reached = np.full(width, _FAR)  # fewest errors of the words so far against the first 0, 1, ... phones heard
    reached[0] = 0
    steps = []
    for slot in slots:
        # The number of errors and the place where this word began, in one number: the smallest has the fewest errors.
        began = reached * width + np.arange(width)
        ends = np.array([_said(began, phone_ids(pronunciation), ids) for pronunciation in slot])
        errors, origin = np.divmod(ends.min(axis=0), width)
        phones = np.array([len(pronunciation) for pronunciation in slot])[ends.argmin(axis=0)]
        steps.append((errors - reached[origin], phones, origin))
        reached = errors
    found, at = [], len(ids)
    for errors, phones, origin in reversed(steps):
        found.append((int(errors[at]), int(phones[at])))
        at = origin[at]
    return found[::-1]


def _said(began: np.ndarray, pronunciation: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """The numbers behind the pronunciation, an error counting the length of `began` [len(heard) + 1]."""
    error = len(began)
    ramp = np.arange(error) * error
    row = np.minimum.accumulate(began - ramp) + ramp  # phones heard too much, the cheapest way along the row
    for phone in pronunciation:
        below = row + error
        below[1:] = np.minimum(below[1:], row[:-1] + error * (heard != phone))
        row = np.minimum.accumulate(below - ramp) + ramp
    return row
