"""Where listed phrases stand in a transcript, and the transcript in its written form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nemo_ctcbias.bias_list import SpelledList


@dataclass(frozen=True)
class Hit:
    """A listed phrase in a transcript.

    phrase: the written form; first_word, last_word: half-open span of words in the transcript;
    start, end: frames, or seconds where the model's frame rate is known; score: by how much the list lifted it, a
    log-prob (0 or below if it won by the audio alone); technique: what lifted it most, "hotword" or "adapter", "lm"
    where the language model's class alone did, "base" where nothing did, "lookup" where it replaced words that it
    sounds like; base_text: what greedy decoding without any list wrote in this stretch of audio; confidence: the
    probability, from 0 to 1, of its least likely token at that token's best frame (of a lookup: the geometric mean
    over its phones).

    parts: what made it win, as log-probs: "acoustic" is the base model's along the alignment, the rest is what each
    technique that acted added: "adapter" to these, "hotword" the boosting that was kept, "lm" the language model with
    the list's words in its class over the one without.  Of a lookup: "phones", by how much its phones fit better than
    those of the words that it replaced, which are `base_text`.
    """

    phrase: str
    first_word: int
    last_word: int
    start: float
    end: float
    score: float
    technique: str
    base_text: str
    confidence: float
    parts: dict[str, float]

    def in_seconds(self, seconds_per_frame: float) -> Hit:
        """The same hit with times in seconds."""
        start, end = (round(frame * seconds_per_frame, 3) for frame in (self.start, self.end))
        return replace(self, start=start, end=end)

    def as_dict(self) -> dict:
        """Fields for JSON."""
        return {
            "phrase": self.phrase,
            "start": self.start,
            "end": self.end,
            "score": round(self.score, 3),
            "technique": self.technique,
            "base_text": self.base_text,
            "confidence": round(self.confidence, 3),
            "parts": {name: round(value, 3) for name, value in self.parts.items()},
        }


class PhraseFinder:
    """Finds listed phrases in a sequence of recognised words: leftmost, longest first, never overlapping."""

    def __init__(self, spelled: SpelledList):
        self._written: dict[tuple[str, ...], tuple[int, str]] = {}
        for spelling in spelled.spellings:
            phrase = spelled.bias_list[spelling.phrase]
            if phrase.weight > 0:  # a suppressed phrase that is spoken all the same is not a hit
                self._written.setdefault(tuple(spelling.form.split()), (spelling.phrase, phrase.written))
        self._longest: dict[str, int] = {}  # number of words, by the first
        for words in self._written:
            self._longest[words[0]] = max(len(words), self._longest.get(words[0], 0))

    def find(self, words: Sequence[str]) -> list[tuple[int, int, int, str]]:
        """(first word, last word + 1, phrase index, written form) of each hit, in order."""
        found, at = [], 0
        while at < len(words):
            for count in range(min(self._longest.get(words[at], 0), len(words) - at), 0, -1):
                match = self._written.get(tuple(words[at : at + count]))
                if match:
                    found.append((at, at + count, *match))
                    at += count
                    break
            else:
                at += 1
        return found


def write(words: Sequence[str], hits: Sequence[tuple[int, int, str]]) -> str:
    """The transcript with each hit's words (first, last + 1, written form) in its written form."""
    written, at = [], 0
    for first, last, text in hits:
        written += [*words[at:first], text]
        at = last
    return " ".join([*written, *words[at:]])
