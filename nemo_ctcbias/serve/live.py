"""Live speech: words as soon as they stand, in utterances that end where somebody pauses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.commands.transcripts import Word
from nemo_ctcbias.search.hits import Hit

PAUSE = 0.7  # seconds between two words that end an utterance
LONGEST = 30.0  # seconds of an utterance without pauses


@dataclass
class Utterance:
    """Words that stand, and the listed phrases among them; times in seconds of the session."""

    words: list[Word] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The words as one string."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True)
class News:
    """What is new.

    Attributes:
        words: that stand from now on, with the number of the utterance that each belongs to.
        ended: utterances that have ended, with their numbers.
        partial: what follows the words, which may still change.
    """

    words: tuple[tuple[int, str], ...]
    ended: tuple[tuple[int, Utterance], ...]
    partial: str


class LiveSpeech:
    """One speaker.  The model's stream finds the words; here they become utterances.

    Args:
        stream: begins a stream of the model with a list.
    """

    def __init__(self, stream: Callable[[BiasList], Any], bias_list: BiasList):
        self._begin, self._list = stream, bias_list
        self._stream, self._offset = stream(bias_list), 0.0
        self._open, self._number = Utterance(), 1

    @property
    def seconds(self) -> float:
        """How much was heard."""
        return self._offset + self._stream.seconds

    def relist(self, bias_list: BiasList) -> None:
        """Listen for other phrases from now on."""
        self._stream.set_bias_list(bias_list)
        self._list = bias_list

    def feed(self, samples: npt.NDArray[np.int16], rate: int) -> News:
        """The next samples."""
        update = self._stream.feed(samples, rate)
        words, ended = self._take(update.words, update.hits)
        silent = not update.partial and self._open.words and self.seconds - self._open.words[-1].end >= PAUSE
        return News(tuple(words), (*ended, *(self._ended() if silent else ())), update.partial)

    def commit(self) -> News:
        """What was said so far ends here."""
        update = self._stream.finish()
        words, ended = self._take(update.words, update.hits)
        ended += self._ended()
        self.clear()
        return News(tuple(words), tuple(ended), "")

    def clear(self) -> None:
        """Forget what has not ended."""
        self._offset = self.seconds
        self._stream, self._open = self._begin(self._list), Utterance()

    def _take(
        self, words: Sequence[Any], hits: Sequence[Hit]
    ) -> tuple[list[tuple[int, str]], list[tuple[int, Utterance]]]:
        """Put words where they belong; (those taken, what ended meanwhile)."""
        taken, ended = [], []
        left = [replace(hit, start=self._later(hit.start), end=self._later(hit.end)) for hit in hits]
        for one in words:
            word = Word(one.text, self._later(one.start), self._later(one.end))
            if (before := self._open.words) and (
                round(word.start - before[-1].end, 3) >= PAUSE or word.end - before[0].start > LONGEST
            ):
                ended += self._ended()
            self._open.words.append(word)
            taken.append((self._number, word.text))
            while left and left[0].start < word.end:
                self._open.hits.append(left.pop(0))
        self._open.hits += left
        return taken, ended

    def _ended(self) -> tuple[tuple[int, Utterance], ...]:
        found, number = self._open, self._number
        self._open, self._number = Utterance(), number + bool(found.words)
        return ((number, found),) if found.words else ()

    def _later(self, seconds: float) -> float:
        return round(seconds + self._offset, 3)
