"""What one witness heard of a recording: phones, column after column, and where these stand in it.

A phone head (`phone_head`) hears frame by frame; the model's own spelling, pronounced (`spelled_phones`), has a column
for each of its sounds.  The score (`score`) is the same for both, and they mishear different things: a head the voices
that it was not trained on, the spelling what the model makes other words of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from nemo_ctcbias.phones.alignment import checked, hearings

HEAD, SPELLING = "head", "spelling"


@dataclass(frozen=True)
class Hearing:
    """Phones heard by one witness.

    log_probs: [C, 40] phone log-probs, blank last.
    starts: [T + 1] the first column of each of the encoder's T frames, and C.
    enter, leave: [C] what it costs a phrase to begin or to end with a column (natural logs, 0 or below): less where
        words begin and end, if the witness can tell.
    """

    log_probs: np.ndarray
    starts: np.ndarray
    enter: np.ndarray
    leave: np.ndarray

    @cached_property
    def emitted(self) -> np.ndarray:
        """The log-probs as float64 [40, C], phone after phone in memory.

        Raises:
            PhoneticsError: log-probs of another shape.
        """
        return np.ascontiguousarray(checked(self.log_probs).T)

    @classmethod
    def by_head(cls, log_probs: np.ndarray, frames: int) -> list[Hearing]:
        """Those of each of K heads, which say nothing of words.

        Args:
            log_probs: [T', 40] phone log-probs of one head, or [T', K, 40].
            frames: T of the encoder.

        Raises:
            PhoneticsError: log-probs of another shape.
        """
        columns = len(log_probs)
        starts = np.round(np.arange(frames + 1) * (columns / max(frames, 1))).astype(np.int64)
        anywhere = np.zeros(columns)
        return [cls(heard, starts, anywhere, anywhere) for heard in hearings(log_probs)]

    def between(self, start: int, end: int) -> Hearing:
        """What was heard in the encoder's frames [start, end), which may lie outside."""
        start, end = np.clip((start, max(start, end)), 0, len(self.starts) - 1)
        first, last = self.starts[start], self.starts[end]
        kept, starts = slice(first, last), self.starts[start : end + 1] - first
        return Hearing(self.log_probs[kept], starts, self.enter[kept], self.leave[kept])

    def counted_from(self, first: int) -> Hearing:
        """The same from another frame of the encoder on, which becomes frame 0; before the first there was nothing."""
        if first >= 0:
            return self.between(first, len(self.starts) - 1)
        return replace(self, starts=np.concatenate([np.zeros(-first, dtype=self.starts.dtype), self.starts]))


#: What each witness heard, by its name; a phone head of several heads is one witness.
Heard = dict[str, list[Hearing]]


def between(heard: Sequence[Hearing], start: int, end: int) -> list[Hearing]:
    """What each witness heard in the encoder's frames [start, end)."""
    return [one.between(start, end) for one in heard]
