"""Phonetic correction: misheard words replaced by listed phrases that sound like them (Dingliwal et al. 2022: lookup).

Phones are often right where the spelling of a rare word is wrong.  Where the phones heard in the span of one to four
words are the pronunciation of a listed phrase, and the words there are unknown or unsure, the phrase takes their place.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from nemo_ctcbias.phones.alignment import HeardPhones, forward_scores, hearings, word_cuts
from nemo_ctcbias.phones.edit_distance import DistanceTable
from nemo_ctcbias.phones.lattice import Lattice
from nemo_ctcbias.phones.phones import Pronunciation
from nemo_ctcbias.phones.pronouncer import Pronouncer

# A phrase must sound by so much (a log-prob) better than the words that it replaces; where exactly its pronunciation
# was heard, 0 is enough, for an unknown word may be another spelling of it. Default of `phonetics.correction_gain`.
GAIN = 2.0
CONFIDENCE = 0.5  # a word of the vocabulary is only replaced if its confidence is below this
DISTANCE = 0.2  # the most that the phones heard may differ from the pronunciation, as a share of its length
MIN_PHONES = 5  # shorter pronunciations are met by chance
MAX_WORDS = 4  # longest span that is replaced
# Phones by which the boundaries of a span may be off, subword models being vague about them; where they are, the phones
# must be exactly the pronunciation.
SLACK = 1


@dataclass(frozen=True)
class SpokenWord:
    """A word of a transcript: first frame, last frame + 1 (as of the phone log-probs), and confidence from 0 to 1."""

    text: str
    start: int
    end: int
    confidence: float


@dataclass(frozen=True)
class Replacement:
    """Words [first, last) of the transcript give way to a listed phrase.

    phrase: its index in the list; form: its words as the model would spell them; heard: the phones of the span;
    distance: weighted edit distance of what was heard to the pronunciation; score, old_score: log-probs of the
    phrase's and of the old words' phones in frames [start, end) (old_score is None if they cannot be pronounced).
    """

    first: int
    last: int
    old: tuple[str, ...]
    phrase: int
    form: str
    start: int
    end: int
    heard: Pronunciation
    distance: float
    score: float
    old_score: float | None

    @property
    def gain(self) -> float:
        """By how much the phrase sounds better than the old words."""
        return self.score - self.old_score if self.old_score is not None else 0.0


class PronunciationIndex:
    """Listed phrases (those with a positive weight) by how they sound; `words` are those of all phrases."""

    def __init__(self, pronouncer: Pronouncer):
        of: dict[Pronunciation, list[int]] = defaultdict(list)
        for index, (phrase, alternatives) in enumerate(zip(pronouncer.bias_list, pronouncer.phrases, strict=True)):
            for pronunciation, _ in alternatives if phrase.weight > 0 else ():
                of[pronunciation].append(index)
        self._of = dict(of)
        self._pronunciations = list(self._of)
        owners = [(row, phrase) for row, one in enumerate(self._pronunciations) for phrase in self._of[one]]
        self._rows, self._phrases = np.array(owners, dtype=np.int64).reshape(-1, 2).T
        self._table = DistanceTable(self._pronunciations)
        forms = [form for phrase in pronouncer.bias_list for form in phrase.forms]
        self.words = frozenset(word for form in forms for word in form.lower().split())

    def rows(self, heard: np.ndarray) -> np.ndarray:
        """Which pronunciations belong to phrases with a positive factor in `heard` [N]: `among` of `near`."""
        return np.unique(self._rows[heard[self._phrases] > 0])

    def near(
        self, phones: Pronunciation, ends: Sequence[int], distance: float, among: np.ndarray | None = None
    ) -> dict[int, list[tuple[int, float]]]:
        """For each end, phrases with a pronunciation that is at most `distance` times its length from the first `end`
        phones, and how far; only the pronunciations `among` count, None: all.
        """
        found = {}
        for end, rows in self._table.within(phones, ends, distance, among).items():
            nearest: dict[int, float] = {}
            for row, far in rows:
                for phrase in self._of[self._pronunciations[row]]:
                    nearest[phrase] = min(far, nearest.get(phrase, np.inf))
            found[end] = sorted(nearest.items())
        return found


class PhoneticCorrection:
    """Finds the replacements in transcripts.

    Args:
        pronouncer: made with the bias list.
        index: of the phrases by how they sound, made of the same.
        in_vocabulary: whether a word is an ordinary one; listed words count as such.
        gain: by how much a phrase must sound better than the words there.
        prior: what it must gain besides for being one of a long list.
    """

    def __init__(
        self,
        pronouncer: Pronouncer,
        index: PronunciationIndex,
        in_vocabulary: Callable[[str], bool],
        gain: float = GAIN,
        prior: float = 0.0,
    ):
        self.pronouncer, self.index, self.gain, self.prior = pronouncer, index, gain, prior
        self._in_vocabulary = in_vocabulary

    def find(
        self, log_probs: np.ndarray, words: Sequence[SpokenWord], heard: np.ndarray | None = None
    ) -> list[Replacement]:
        """Replacements in order; they never overlap.

        Args:
            log_probs: [T, 40] phone log-probs, blank last, or [T, K, 40] of K heads, whose last counts.
            words: the best hypothesis.
            heard: [N], above 0 for phrases that may take a word's place; None: all.

        Raises:
            PhoneticsError: log-probs of another shape.
        """
        log_probs = hearings(log_probs)[-1]
        doubtful = [self._doubtful(word) for word in words]
        if not any(doubtful):
            return []
        found = self._candidates(log_probs, words, doubtful, None if heard is None else self.index.rows(heard))
        chosen: list[Replacement] = []
        # The best first: closest, then the longest pronunciation, then what sounds better than the words there.
        for candidate in sorted(found, key=lambda c: (c.distance / len(c.heard), -len(c.heard), -c.gain, c.first)):
            if all(candidate.last <= other.first or other.last <= candidate.first for other in chosen):
                chosen.append(candidate)
        return sorted(chosen, key=lambda replacement: replacement.first)

    def _doubtful(self, word: SpokenWord) -> bool:
        known = word.text.lower() in self.index.words or self._in_vocabulary(word.text)
        return not known or word.confidence < CONFIDENCE

    def _candidates(
        self,
        log_probs: np.ndarray,
        words: Sequence[SpokenWord],
        doubtful: list[bool],
        among: np.ndarray | None,
    ) -> Iterator[Replacement]:
        heard = HeardPhones.of(log_probs)
        cuts = word_cuts([(word.start, word.end) for word in words], len(log_probs))
        edges = [list(self._edges(heard, cut, len(log_probs))) for cut in cuts]
        for first in range(len(words)):
            lasts = list(self._lasts(doubtful, first))
            for before, start, early in edges[first] if lasts else ():
                ends = {after - before for last in lasts for after, _, _ in edges[last]}
                ends = [end for end in ends if end >= MIN_PHONES]
                near = self.index.near(heard.phones[before:], ends, DISTANCE, among)
                for last in lasts:
                    for after, end, late in edges[last]:
                        place, phones = (first, last, start, end), heard.phones[before:after]
                        found = near.get(after - before, [])
                        if early or late:
                            found = [(phrase, distance) for phrase, distance in found if not distance]
                        yield from self._candidate(log_probs, words, place, phones, found)

    def _lasts(self, doubtful: list[bool], first: int) -> Iterator[int]:
        """Ends of the spans of doubtful words from `first` on."""
        for last in range(first, min(first + MAX_WORDS, len(doubtful))):
            if not doubtful[last]:
                return
            yield last + 1

    def _edges(self, heard: HeardPhones, cut: int, frames: int) -> Iterator[tuple[int, int, bool]]:
        """(phones before, frame, whether it is off) of each place where the boundary `cut` of words may really be."""
        before = bisect_left(heard.middles, cut)
        slack = 0 if cut in (0, frames) else SLACK
        middles = (0.0, *heard.middles, float(frames))  # phone k is at k + 1
        for phones in range(max(before - slack, 0), min(before + slack, len(heard.phones)) + 1):
            between = int(middles[phones] + middles[phones + 1] + 1) // 2
            yield phones, cut if phones == before else between, phones != before

    def _match(self, near: list[tuple[int, float]], old: tuple[str, ...]) -> tuple[int, str, float] | None:
        """The nearest phrase, its form and distance; of several equally near the one spelt most like the old words."""
        matches = []
        for index, distance in near:
            phrase = self.pronouncer.bias_list[index]
            if any(form.lower().split() == [word.lower() for word in old] for form in phrase.forms):
                return None  # it is written already
            form = max(phrase.forms, key=lambda form: _likeness(form, old))
            matches.append((round(distance, 9), -phrase.weight, -_likeness(form, old), index, form))
        if not matches:
            return None
        distance, _, _, index, form = min(matches)
        return index, form, distance

    def _candidate(
        self,
        log_probs: np.ndarray,
        words: Sequence[SpokenWord],
        place: tuple[int, int, int, int],
        heard: Pronunciation,
        near: list[tuple[int, float]],
    ) -> Iterator[Replacement]:
        """The replacement at (first word, last word + 1, first frame, last frame + 1), if there is one to make."""
        first, last, start, end = place
        old = tuple(word.text for word in words[first:last])
        match = self._match(near, old)
        if match is None:
            return
        index, form, distance = match
        lattices = [Lattice.of([self.pronouncer.phrases[index]])]
        slots = self.pronouncer.slots(old)
        if slots is not None:
            lattices.append(Lattice.of(slots))
        score, *old_scores = forward_scores(log_probs[start:end], lattices).tolist()
        old_score = old_scores[0] if old_scores else None
        needed = (self.gain if distance else min(self.gain, 0.0)) + self.prior
        fits = score > -np.inf and (old_score is None or score - old_score >= needed)
        if fits:  # else the old words sound better
            yield Replacement(first, last, old, index, form, start, end, heard, distance, score, old_score)


def _likeness(form: str, words: tuple[str, ...]) -> float:
    return SequenceMatcher(None, form.lower().replace(" ", ""), "".join(words).lower(), autojunk=False).ratio()
