"""Live speech: an utterance ends where somebody pauses, and is heard again and again until then.

The model hears whole utterances, as it was trained to.  What is still open is told as a partial text, which may change;
what has ended stands.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nemo_ctcbias.audio import split_long
from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.commands.recordings import Recording
from nemo_ctcbias.commands.transcripts import Transcript

Samples = npt.NDArray[np.float32]

# Seconds.
FRAME = 0.02  # in which loudness is measured
PAUSE = 0.7  # that ends an utterance
MARGIN = 0.2  # of silence kept around one
LONGEST = 20.0  # of an utterance without pauses
PARTIAL = 0.5  # of new audio, before an open utterance is heard again
QUIET, FLOOR = 0.1, 0.002  # of the loudest frame, and of full scale: what is below is silence


@dataclass(frozen=True)
class Update:
    """What is new: utterances that have ended, and what is heard of the open one (None: nothing new)."""

    final: tuple[Transcript, ...] = ()
    partial: str | None = None


class LiveSpeech:
    """The audio of one speaker.

    Args:
        transcribe: gives the transcript of a recording.
        sample_rate: of the model, Hz.

    Attributes:
        bias_list: listened for; may be changed at any time, and acts on the open utterance, too.
    """

    def __init__(self, transcribe: Callable[[Recording, BiasList | None], Awaitable[Transcript]], sample_rate: int):
        self._transcribe, self._rate = transcribe, sample_rate
        self.bias_list: BiasList | None = None
        self._frame = round(FRAME * sample_rate)
        self._first = 0  # sample of the stream with which the open audio begins
        self._open: Samples = np.zeros(0, dtype=np.float32)
        self._heard = 0  # samples of it, when it was heard last

    async def add(self, samples: Samples, partials: bool = True) -> Update:
        """More audio, at the model's rate; without `partials` open utterances are left alone."""
        self._open = np.concatenate([self._open, samples])
        final = []
        while (cut := self._end()) is not None:
            final += await self._ended(cut)
        partial = None
        if partials and len(self._open) - self._heard >= PARTIAL * self._rate and self._speech() is not None:
            self._heard = len(self._open)
            partial = (await self._transcript(self._open, self._first)).text
        return Update(tuple(final), partial)

    async def commit(self) -> Update:
        """The open utterance ends here."""
        return Update(tuple(await self._ended(len(self._open))))

    def clear(self) -> None:
        """Forget the open utterance."""
        self._drop(len(self._open))

    def _loud(self) -> npt.NDArray[np.bool_]:
        """Which frames of the open audio are no silence."""
        whole = self._open[: len(self._open) // self._frame * self._frame].reshape(-1, self._frame)
        level = np.sqrt((whole**2).mean(axis=1))
        return level > max(FLOOR, QUIET * level.max(initial=0.0))

    def _speech(self) -> tuple[int, int] | None:
        """The first and last sample + 1 that are no silence."""
        loud = np.flatnonzero(self._loud())
        return None if not len(loud) else (int(loud[0]) * self._frame, int(loud[-1] + 1) * self._frame)

    def _end(self) -> int | None:
        """Where the open utterance ends, if it does; silence before it is dropped."""
        speech = self._speech()
        margin, pause = round(MARGIN * self._rate), round(PAUSE * self._rate)
        if speech is None:
            self._drop(max(0, len(self._open) - margin))
            return None
        if (before := speech[0] - margin) > 0:
            self._drop(before)
            speech = speech[0] - before, speech[1] - before
        gaps = np.flatnonzero(np.diff(np.flatnonzero(self._loud())) * self._frame > pause)
        if len(gaps):
            return (int(np.flatnonzero(self._loud())[gaps[0]]) + 1) * self._frame + margin
        if len(self._open) - speech[1] >= pause:
            return speech[1] + margin
        if len(self._open) >= LONGEST * self._rate:
            return len(split_long(self._open, self._rate, LONGEST)[0][1])
        return None

    async def _ended(self, cut: int) -> list[Transcript]:
        samples, first = self._open[:cut], self._first
        spoken = self._speech() is not None
        self._drop(cut)
        return [await self._transcript(samples, first)] if spoken and len(samples) else []

    def _drop(self, samples: int) -> None:
        self._open, self._first, self._heard = self._open[samples:], self._first + samples, 0

    async def _transcript(self, samples: Samples, first: int) -> Transcript:
        seconds = len(samples) / self._rate
        recording = Recording("live", offset=first / self._rate, seconds=seconds, pieces=[(0, samples)])
        return await self._transcribe(recording, self.bias_list)
