"""Where listed phrases stand in a transcript, and the transcript in its written form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from nemo_ctcbias.bias_list import SpelledList
from nemo_ctcbias.bias_list.casing import SENTENCE_END, recased
from nemo_ctcbias.bias_list.endings import APOSTROPHES
from nemo_ctcbias.bias_list.word_ends import WordEnds

INDEXED = 4  # letters by which it is told how long a form may be that begins with them


@dataclass(frozen=True)
class Hit:
    """A listed phrase in a transcript.

    phrase: the written form; first_word, last_word: half-open span of words in the transcript;
    start, end: frames, or seconds where the model's frame rate is known; score: by how much the list lifted it, a
    log-prob (0 or below if it won by the audio alone); technique: what lifted it most, "hotword" or "adapter", "lm"
    where the language model's class alone did, "base" where nothing did, "lookup" where it replaced words that it
    sounds like; base_text: what greedy decoding without any list wrote in this stretch of audio; confidence: the
    probability, from 0 to 1, that the phrase was said here (`phones.confidence`); where nobody can tell how it sounds,
    that of its least likely token at that token's best frame.

    parts: what made it win, as log-probs: "acoustic" is the base model's along the alignment, the rest is what each
    technique that acted added: "adapter" to these, "hotword" the boosting that was kept, "lm" the language model with
    the list's words in its class over the one without.  Of a lookup: "phones", its score by its sound against the prior
    of one phrase among many; `base_text` are the words that it replaced.

    alternatives: other listed phrases that might stand there, as those that sound the same, and how sure each would be;
    the surest first.
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
    alternatives: tuple[tuple[str, float], ...] = ()

    def in_seconds(self, seconds_per_frame: float) -> Hit:
        """The same hit with times in seconds."""
        start, end = (round(frame * seconds_per_frame, 3) for frame in (self.start, self.end))
        return replace(self, start=start, end=end)

    def as_dict(self) -> dict:
        """Fields for JSON."""
        others = {"alternatives": {phrase: round(sure, 3) for phrase, sure in self.alternatives}}
        return {
            "phrase": self.phrase,
            "start": self.start,
            "end": self.end,
            "score": round(self.score, 3),
            "technique": self.technique,
            "base_text": self.base_text,
            "confidence": round(self.confidence, 3),
            "parts": {name: round(value, 3) for name, value in self.parts.items()},
            **(others if self.alternatives else {}),
        }


class Find(NamedTuple):
    """A listed phrase in a text: characters [start, end), its index in the list, and what to write there.

    lacking: what to write behind the apostrophe that follows, besides.
    """

    start: int
    end: int
    phrase: int
    written: str
    lacking: str = ""


class PhraseFinder:
    """Finds listed phrases in a text: leftmost, longest first, never overlapping.

    Args:
        spelled: the list in the tokens of a model.
        cased: whether the model writes both cases, so that its capitals mean something.
    """

    def __init__(self, spelled: SpelledList, ends: WordEnds, cased: bool):
        self._ends, self._cased, self._list = ends, cased, spelled.bias_list
        spellings = spelled.spellings
        weights = np.array([phrase.weight for phrase in spelled.bias_list], dtype=np.float64)
        # A suppressed phrase that is said all the same is no hit.
        places = np.flatnonzero(weights[spellings.phrase] > 0)
        numbers, first = np.unique(spellings.form[places], return_index=True)
        self._numbers, self._phrases = spellings.numbers, np.full(len(spellings.forms), -1, dtype=np.int32)
        self._phrases[numbers] = spellings.phrase[places[first]]
        forms = sorted([spellings.forms[number] for number in numbers.tolist()], key=len)
        self._longest = {form[:INDEXED]: len(form) for form in forms}  # of those with these first letters

    def find(self, text: str) -> list[Find]:
        """The phrases in a text of words with single spaces between them, in order."""
        found: list[Find] = []
        at, end = 0, 0
        for word in text.split(" "):
            whole = word.isalpha() and word.isascii() and not self._ends.anywhere
            for start in (at,) if whole else self._starts(text, at, at + len(word)):
                fitting = self._fitting(text, start) if start >= end else None
                if fitting is not None:
                    index, end = fitting
                    written, lacking = self.written(text, start, end, index), self._lacking(text, start, end)
                    found.append(Find(start, end, index, written, lacking))
            at += len(word) + 1
        return found

    def _starts(self, text: str, first: int, last: int) -> list[int]:
        """Where in a word phrases may begin."""
        return [first, *(place for place in range(first + 1, last) if self._ends.may_begin(text, place))]

    def _fitting(self, text: str, at: int) -> tuple[int, int] | None:
        """The phrase of the longest form that stands in the text here, and where it ends."""
        longest = self._longest.get(text[at : at + INDEXED], INDEXED - 1)  # most words begin no form
        for end in range(min(at + longest, len(text)), at, -1):
            number = self._numbers.get(text[at:end], -1)
            if number >= 0 and self._phrases[number] >= 0 and self._ends.may_end(text, at, end):
                return int(self._phrases[number]), end
        return None

    def _lacking(self, text: str, start: int, end: int) -> str:
        """What is to be written behind an apostrophe that stands alone behind a phrase."""
        mark, letter = text[end : end + 1], text[end + 1 : end + 2]
        alone = mark in APOSTROPHES and not letter.isalnum()
        return self._ends.endings.lacking(text[start:end]) if alone else ""

    def written(self, text: str, start: int, end: int, index: int) -> str:
        """What is written in place of characters [start, end) where they are phrase `index`."""
        phrase = self._list[index]
        if not self._cased:
            return phrase.written
        before = text[:start].rstrip(" \"'“‘«([-")
        starts_sentence = not before or before[-1] in SENTENCE_END
        return recased(phrase.written, text[start:end], starts_sentence, chosen=phrase.display is not None)


def write(text: str, finds: Sequence[Find]) -> str:
    """The text with each of the phrases in its written form; what stands around them stays, but for what it lacks."""
    for one in sorted(finds, reverse=True):
        behind = one.end + (1 if one.lacking else 0)
        text = text[: one.start] + one.written + text[one.end : behind] + one.lacking + text[behind:]
    return text


def written_words(text: str, finds: Sequence[Find]) -> list[tuple[int, int, str]]:
    """(first, last + 1, new text) of the words that phrases stand in; those in the same words are one."""
    spans: list[tuple[int, int, list[Find]]] = []
    for one in sorted(finds):
        first, last = words_of(text, one.start, one.end)
        if spans and first < spans[-1][1]:
            first, _, shared = spans.pop()
            spans.append((first, last, [*shared, one]))
        else:
            spans.append((first, last, [one]))
    result = []
    for first, last, inside in spans:
        start = len(" ".join(text.split(" ")[:first])) + (first > 0)
        words = " ".join(text.split(" ")[first:last])
        moved = [one._replace(start=one.start - start, end=one.end - start) for one in inside]
        result.append((first, last, write(words, moved)))
    return result


def words_of(text: str, start: int, end: int) -> tuple[int, int]:
    """The words [first, last + 1) that characters [start, end) stand in."""
    first = text.count(" ", 0, start)
    return first, first + text.count(" ", start, end) + 1
