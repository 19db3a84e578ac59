"""What of a list stands in a transcript: what is written and not sure enough goes, what is sure and not written comes.

Both are one question, asked of each phrase at its place (`phones.confidence`): of those that the search wrote, and of
those that were heard somewhere and which it could not write, for their letters were too far from what the model spells
("hit quarters" for headquarters).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nemo_ctcbias.compiled_list import CompiledList
from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones.common_words import CommonWords
from nemo_ctcbias.phones.confidence import (
    FLOOR,
    MOST_GAP,
    Confidence,
    Evidence,
    against,
    likeness,
    log_confidence,
    log_doubt,
)
from nemo_ctcbias.phones.hearing import HEAD, SPELLING, Heard, between
from nemo_ctcbias.phones.score import score_of
from nemo_ctcbias.search.hits import Hit
from nemo_ctcbias.search.result import BiasedBeam
from nemo_ctcbias.search.spelled_gap import spelled_gap

SLACK = 2  # frames of the encoder by which a place is widened at both ends, words being vague about them
OVERLAP = 0.5  # of a word, or of a phrase that is shorter: the phrase stands there, too
TOLD, OTHERS = 0.05, 3  # least probability of other phrases that are told of in a hit, and how many of them
LEAST = -1.5  # a score further below its prior than this speaks against a phrase whatever else speaks for it


@dataclass(frozen=True)
class Candidate:
    """A phrase that stands in a transcript, or might.

    phrase: its index in the list; first, last: half-open span of words that it stands in, or would take the place of;
    start, end: frames of the encoder, half-open; old: the words there without it; written: whether the search wrote it;
    score: the one score there, by the witness that heard it best; probability: that it is right.
    """

    phrase: int
    first: int
    last: int
    start: int
    end: int
    old: str
    written: bool
    score: float
    evidence: Evidence
    probability: float


class Candidates:
    """Finds the candidates of one recording.

    Args:
        heard: how the recording sounds, by each witness.
        prior: what is asked of the score of one phrase among many.
        common: which words are ordinary ones.
    """

    def __init__(
        self,
        listed: CompiledList,
        heard: Heard,
        prior: float,
        confidence: Confidence,
        common: CommonWords,
    ):
        self._listed, self._heard, self._prior = listed, heard, prior
        self._confidence, self._common = confidence, common
        self._places: dict[int, tuple[dict[str, float], int, int]] = {}

    def of(self, beam: BiasedBeam, acting: np.ndarray) -> list[Candidate]:
        """Phrases that stand in a hypothesis, then those that were heard and do not.

        Args:
            acting: [N], above 0 for the phrases that are listened for.
        """
        there = {phrase for phrase, _ in beam.listed()}
        missing = [phrase for phrase in np.flatnonzero(acting > 0).tolist() if phrase not in there]
        return [*self.written(beam), *self._missing(beam, missing)]

    def written(self, beam: BiasedBeam) -> Iterator[Candidate]:
        """Phrases that stand in a hypothesis."""
        for phrase, hit in beam.listed():
            if self._listed.scores.sounds[phrase]:
                scores = self._at(phrase, hit.start - SLACK, hit.end + SLACK, self._heard)
                span = hit.first_word, hit.last_word, hit.start, hit.end
                yield self._candidate(beam, phrase, span, hit.base_text, True, scores, hit.confidence)

    def _missing(self, beam: BiasedBeam, phrases: Sequence[int]) -> Iterator[Candidate]:
        if not phrases:
            return
        sure, spans = beam.confidences, np.array([span for _, span in beam[2]], dtype=np.int64).reshape(-1, 2)
        for phrase in phrases:
            scores, start, end = self._place(phrase)
            if not scores or max(scores.values()) - self._prior < LEAST:
                continue
            words = np.flatnonzero(_overlap(spans, (start, end))).tolist()
            if words:
                first, last = words[0], words[-1] + 1
                old, span = " ".join(beam.words[first:last]), (first, last, start, end)
                yield self._candidate(beam, phrase, span, old, False, scores, min(sure[first:last]))

    def _at(self, phrase: int, start: int, end: int, witnesses: Iterable[str]) -> dict[str, float]:
        """Score of a phrase in these frames by each of these witnesses."""
        scores = self._listed.scores
        return {name: scores.at(phrase, between(self._heard[name], start, end)) for name in witnesses}

    def _place(self, phrase: int) -> tuple[dict[str, float], int, int]:
        """Scores and frames of a phrase in this recording, whatever is written there: where it is heard best."""
        if phrase not in self._places:
            self._places[phrase] = self._found(phrase) if self._listed.scores.sounds[phrase] else ({}, 0, 0)
        return self._places[phrase]

    def _found(self, phrase: int) -> tuple[dict[str, float], int, int]:
        places = {name: self._listed.scores.place(phrase, heard) for name, heard in self._heard.items()}
        best = max(places, key=lambda name: places[name][0])
        score, start, end = places[best]
        others = self._at(phrase, start - SLACK, end + SLACK, self._heard.keys() - {best})
        return {best: score, **others}, start, end

    def _candidate(
        self,
        beam: BiasedBeam,
        phrase: int,
        span: tuple[int, int, int, int],
        old: str,
        written: bool,
        scores: Mapping[str, float],
        sure: float,
    ) -> Candidate:
        one = self._listed.bias_list[phrase]
        heard = {name: max(float(score), FLOOR) for name, score in scores.items()}
        alike = max(likeness(form, old) for form in one.forms)
        ordinary = bool(old) and all(self._common.known(word.strip(_MARKS)) for word in old.split())
        evidence = Evidence(
            score=heard[HEAD] if HEAD in heard else heard[SPELLING],
            against=self._against(beam, phrase, span, old) if alike < 1 else 0.0,
            prior=self._prior,
            phones=float(self._listed.scores.phones(phrase)),
            gap=self._gap(beam, phrase, span),
            likeness=alike,
            ordinary=float(ordinary),
            listed=float(bool(self._listed.search.finder.find(old))),
            letters=log_confidence(sure),
            own=log_doubt(beam.base_confidence(*span[2:])) if ordinary and alike < 1 else 0.0,
        )
        probability = self._confidence.of(evidence, written, one.weight)
        return Candidate(phrase, *span, old, written, max(heard.values()), evidence, probability)

    def _gap(self, beam: BiasedBeam, phrase: int, span: tuple[int, int, int, int]) -> float:
        """How much boost the phrase needs in its frames, per token."""
        spellings = self._listed.spelled.spellings
        tokens = spellings.tokens.take(spellings.of_phrases(np.array([phrase])))
        start, end = span[2:]
        return min(spelled_gap(beam.log_probs[max(start - SLACK, 0) : end + SLACK], tokens), MOST_GAP)

    def _against(self, beam: BiasedBeam, phrase: int, span: tuple[int, int, int, int], old: str) -> float:
        """How much better it sounds than other words do in its frames and theirs; 0 if nobody can pronounce these."""
        first, last, start, end = span
        words = [frames for _, frames in beam[2][first:last]]
        start, end = min([start, *(one for one, _ in words)]), max([end, *(one for _, one in words)])
        witness = self._heard[SPELLING] if SPELLING in self._heard else self._heard[HEAD]
        heard = between(witness, start - SLACK, end + SLACK)
        try:
            others = [phones for phones, _ in self._listed.pronouncer.text(old)]
        except PhoneticsError:
            return 0.0
        return against(self._listed.scores.at(phrase, heard), score_of(others, heard))


_MARKS = ".,;:!?\"'()[]-…¿¡«»“”„‘’"


def _overlap(words: np.ndarray, phrase: tuple[int, int]) -> np.ndarray:
    """Whether each word [W, 2] and a phrase stand in the same frames, for the most part of the shorter one."""
    starts, ends = words.T
    shorter = np.minimum(ends - starts, phrase[1] - phrase[0])
    shared = np.minimum(ends, phrase[1]) - np.maximum(starts, phrase[0])
    return shared >= OVERLAP * np.maximum(shorter, 1)


def doubtful(candidates: Iterable[Candidate], threshold: float) -> set[int]:
    """Phrases that the search wrote somewhere and that are not sure enough in any of their places."""
    written = [one for one in candidates if one.written]
    standing = {one.phrase for one in written if one.probability >= threshold}
    return {one.phrase for one in written if one.evidence.likeness < 1} - standing


def confidences(
    candidates: Sequence[Candidate], listed: CompiledList
) -> dict[tuple[int, int], tuple[float, tuple[tuple[str, float], ...]]]:
    """Of each written (phrase, first word) how sure it is, and other phrases that were heard there."""
    return {
        (one.phrase, one.first): (one.probability, _others(one, candidates, listed))
        for one in candidates
        if one.written
    }


def _others(one: Candidate, candidates: Sequence[Candidate], listed: CompiledList) -> tuple[tuple[str, float], ...]:
    """Phrases that were heard in the same words and are not written, the surest first."""
    there = [
        other
        for other in candidates
        if not other.written and other.phrase != one.phrase and other.probability >= TOLD
        if other.first < one.last and one.first < other.last
    ]
    there.sort(key=lambda other: -other.probability)
    return tuple((listed.bias_list[other.phrase].written, other.probability) for other in there[:OTHERS])


def corrected(beam: BiasedBeam, candidates: Sequence[Candidate], threshold: float, listed: CompiledList) -> BiasedBeam:
    """A hypothesis with the phrases that it lacks and that are sure, in the place of the words there; surest first."""
    taken = [(one.first, one.last) for one in candidates if one.written]
    chosen: list[Candidate] = []
    for one in sorted(candidates, key=lambda one: -one.probability):
        free = all(last <= one.first or one.last <= first for first, last in taken)
        if not one.written and one.probability >= threshold and free:
            chosen.append(one)
            taken.append((one.first, one.last))
    if not chosen:
        return beam
    frames = [frames for _, frames in beam[2]]
    chosen.sort(key=lambda one: one.first)
    hits = [_hit(one, listed, frames, _others(one, candidates, listed)) for one in chosen]
    return beam.with_lookups(hits, listed.search.ends.endings)


def _hit(
    found: Candidate,
    listed: CompiledList,
    frames: Sequence[tuple[int, int]],
    others: tuple[tuple[str, float], ...],
) -> Hit:
    return Hit(
        phrase=listed.bias_list[found.phrase].written,
        first_word=found.first,
        last_word=found.last,
        start=frames[found.first][0],
        end=frames[found.last - 1][1],
        score=found.score - found.evidence.prior,
        technique="lookup",
        base_text=found.old,
        confidence=found.probability,
        parts={"phones": found.score - found.evidence.prior},
        alternatives=others,
    )
