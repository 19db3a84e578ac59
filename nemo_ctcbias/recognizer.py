"""From what a model heard and a list to words: the one place where the order of the techniques stands.

    what is listened for    keyword detection by how the list sounds (ours)
    log-probs               contextual adapter (Dingliwal et al. 2022, section on contextual adapters)
    beam search             adaptive subword boosting; unigram boosting in the language model's class (the paper's)
    n-best list             phonetic rescoring (the paper's)
    what was written        verification by its sound (ours), phonetic correction of misheard words (the paper's lookup)

The formulas are in docs/algorithms.md.  Nothing here knows NeMo: the model is what it made of a recording
(`Utterance`) and, for the adapter, a function.  Nothing is remembered from one call to the next but compiled lists and
pronunciations, so that several threads may call at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.compiled_list import CompiledList
from nemo_ctcbias.list_report import notes_on
from nemo_ctcbias.phones.common_words import CommonWords
from nemo_ctcbias.phones.correction import PhoneticCorrection, Replacement, SpokenWord
from nemo_ctcbias.phones.detection import detect
from nemo_ctcbias.phones.hearing import Hearing
from nemo_ctcbias.phones.rescoring import N_BEST, Lattices, rescore
from nemo_ctcbias.phones.spelled_phones import SpelledPhones
from nemo_ctcbias.phones.verification import Place, stands
from nemo_ctcbias.search.biased_search import BiasedSearch
from nemo_ctcbias.search.greedy import greedy_beam
from nemo_ctcbias.search.hits import Hit
from nemo_ctcbias.search.result import BiasedBeam
from nemo_ctcbias.search.word_scorer import WordLanguageModel
from nemo_ctcbias.settings import PHONE_PARTS, Settings

# What was detected can be raised more boldly: strength of an adapter where no search boosts the list besides.
ADAPTER_ALONE = 1.5


@dataclass(frozen=True)
class Utterance:
    """What a model made of one recording before any list acts.

    log_probs: [T, V + 1] natural logs, blank last, without adapters.
    phones: [T', K, 40] phone log-probs of the phone head's K heads, None without one.
    """

    log_probs: np.ndarray
    phones: np.ndarray | None = None


@dataclass(frozen=True)
class Task:
    """What is to be done with one utterance: what the adapters made of it, its list, and what that asks for.

    adapted: [T, V + 1] log-probs with the adapters; None where none acted.
    prior: what each phrase must earn in the search, for the length of the list.
    heard: phones, by each witness that may tell how the list sounds.
    nbest: hypotheses to return.
    """

    utterance: Utterance
    adapted: np.ndarray | None
    listed: CompiledList
    prior: float
    heard: Sequence[Hearing]
    nbest: int


#: Contextual adapters on a batch: (lists, which of their phrases each utterance is listened to for, strength) to the
#: log-probs [T, V + 1] of each utterance.
Adapt = Callable[[Sequence[CompiledList], Sequence[np.ndarray | None], float], Sequence[np.ndarray]]


class Recognizer:
    """Recognises utterances with lists.

    Args:
        settings: which techniques act, and how strongly.
        vocabulary: of the model.
        language_model: of words, for the search; None for none.
        common: which words are ordinary ones, which phonetic correction leaves alone where they are sure.
    """

    def __init__(
        self,
        settings: Settings,
        vocabulary: Vocabulary,
        language_model: WordLanguageModel | None = None,
        common: CommonWords | None = None,
    ):
        self.settings, self.vocabulary = settings, vocabulary
        self.common = CommonWords() if common is None else common
        self.search = BiasedSearch(
            vocabulary,
            language_model,
            settings.boost_options,
            settings.beam_options,
            settings.lm.class_weight,
        )
        self._lattices = Lattices()

    def recognize(
        self, utterances: Sequence[Utterance], lists: Sequence[CompiledList], adapt: Adapt | None = None, nbest: int = 1
    ) -> list[list[BiasedBeam]]:
        """The `nbest` hypotheses of each utterance of a batch, best first.

        Args:
            utterances: as the model heard them.
            lists: one each; an empty one leaves an utterance to the language model alone.
            adapt: contextual adapters; None without.
        """
        witnesses = [self.witnesses(one, listed) for one, listed in zip(utterances, lists, strict=True)]
        heard = [self.detected(phones, listed) for phones, listed in zip(witnesses, lists, strict=True)]
        adapted: Sequence[np.ndarray | None] = [None] * len(utterances)
        if adapt is not None and any(map(len, lists)):
            adapted = adapt(lists, heard, self.adapter_strength(heard))
        found = []
        each = zip(utterances, adapted, lists, witnesses, heard, strict=True)
        for utterance, changed, listed, phones, factors in each:
            # Detection has asked for the prior of a long list already; it is not to be asked twice.
            prior = self.settings.prior(listed.length) if factors is None else 0.0
            found.append(self._decoded(Task(utterance, changed, listed, prior, phones, nbest), factors))
        return found

    def _decoded(self, task: Task, heard: np.ndarray | None) -> list[BiasedBeam]:
        """One utterance, once it is known what to listen for and what the adapters make of it."""
        beams = self._searched(task, heard)
        if self.asks("verification", task):
            beams, heard = self._verified(beams, task, heard)
        if self.asks("correction", task):
            beams[0] = self._corrected(beams[0], task, heard)
        return beams[: task.nbest]

    def asks(self, part: str, task: Task) -> bool:
        """Whether a part of `PHONE_PARTS` that looks at what the search wrote has something to go by.

        Only a phone head can tell: what the model spells has led the search already, and cannot bear witness against
        what was written for it (measured: verified by it, as many right phrases fall as wrong ones).
        """
        heard = bool(task.heard) and task.utterance.phones is not None
        return heard and self.settings.boost.enabled and self.settings.wants(part)

    # --- before the search

    def witnesses(self, utterance: Utterance, listed: CompiledList) -> list[Hearing]:
        """Phones as the phone head hears them, else as the model's own spelling sounds; none where nobody asks."""
        if not self._acts(listed) or not any(map(self.settings.wants, PHONE_PARTS)):
            return []
        if utterance.phones is not None:
            return Hearing.by_head(utterance.phones, len(utterance.log_probs))
        if not self.settings.wants("detection") or self._spelled_phones.mute:
            return []
        return [self._spelled_phones.hear(utterance.log_probs)]

    @cached_property
    def _spelled_phones(self) -> SpelledPhones:
        return SpelledPhones(self.vocabulary)

    def detected(self, heard: Sequence[Hearing], listed: CompiledList) -> np.ndarray | None:
        """Factor on each phrase's weight [N], 0 for those that cannot be heard; None: all are listened for."""
        if not heard or not self.settings.wants("detection"):
            return None
        listed.tell(lambda: notes_on(listed, self.settings, sounds=True))
        prior = self.settings.detection_prior(listed.length)
        return detect(listed.scores, heard, self.settings.phonetics.detection_threshold, prior)

    def _acts(self, listed: CompiledList) -> bool:
        return len(listed) > 0 and self.settings.weight > 0

    def adapter_strength(self, heard: Sequence[np.ndarray | None]) -> float:
        """Factor on the adapters' own strength, for what is heard of each list."""
        alone = not self.settings.boost.enabled and any(one is not None for one in heard)
        return self.settings.strength * (ADAPTER_ALONE if alone else 1.0)

    # --- the search

    def _searched(self, task: Task, heard: np.ndarray | None) -> list[BiasedBeam]:
        """Hypotheses for what is heard of the list, ranked by how they sound as well where that can be told."""
        search, base = task.listed.search, task.utterance.log_probs
        log_probs, base = (base, None) if task.adapted is None else (task.adapted, base)
        if not self.settings.boost.enabled:
            return [greedy_beam(log_probs, search, self.vocabulary, base)]
        rescores = self.asks("rescoring", task)
        beams = self.search.beams(
            log_probs,
            search if heard is None else search.heard(heard),
            weight=self.settings.strength,
            prior=task.prior,
            base_log_probs=base,
            limit=max(task.nbest, N_BEST if rescores else 1),
        )
        return self._rescored(beams, task) if rescores else beams

    # --- after the search

    def _rescored(self, beams: Sequence[BiasedBeam], task: Task) -> list[BiasedBeam]:
        phones = task.utterance.phones
        words = [(word, start, end) for word, (start, end) in beams[0][2]]
        spans = [(start, end) for _, start, end in _scaled(words, len(phones), len(beams[0].path))]
        weight = self.settings.phonetics.rescoring_weight
        found = rescore(phones, beams, spans, task.listed.pronouncer, weight, self._lattices)
        return [one.hypothesis.rescored(one.phone_score) for one in found]

    def _verified(
        self, beams: list[BiasedBeam], task: Task, heard: np.ndarray | None
    ) -> tuple[list[BiasedBeam], np.ndarray]:
        """Beams without what does not sound right, and what of the list is still listened for.

        What is written in a phrase's place may be doubtful, too; each time less of the list is left.
        """
        heard = np.ones(len(task.listed)) if heard is None else np.array(heard)
        while True:
            found = [place for place in places(beams[0]) if heard[place.phrase]]
            standing = {place.phrase for place in found if self.stands(place, task)}
            doubtful = {place.phrase for place in found} - standing
            if not doubtful:
                return beams, heard
            heard[list(doubtful)] = 0.0
            beams = self._searched(task, heard)

    def stands(self, place: Place, task: Task) -> bool:
        """Whether what was written there sounds right."""
        threshold = self.settings.phonetics.verification_threshold
        prior = self.settings.prior(task.listed.length)
        return stands(place, task.heard, task.listed.scores, threshold, prior)

    def _corrected(self, best: BiasedBeam, task: Task, heard: np.ndarray | None) -> BiasedBeam:
        spans = [(word, start, end) for word, (start, end) in best[2]]
        return self.looked_up(best, self.corrections(spans, best.confidences, task, heard), task.listed)

    def corrections(
        self,
        spans: Sequence[tuple[str, int, int]],
        confidences: Sequence[float],
        task: Task,
        heard: np.ndarray | None,
    ) -> list[Replacement]:
        """Misheard words that give way to listed phrases.

        Args:
            spans: (word, first frame, last frame + 1) of words that follow one another.
            confidences: of these.
            heard: [N], above 0 for phrases that are listened for; None: all.
        """
        listed, phones = task.listed, task.utterance.phones
        scaled = _scaled(spans, len(phones), len(task.utterance.log_probs))
        words = [SpokenWord(*one, sure) for one, sure in zip(scaled, confidences, strict=True)]
        gain, prior = self.settings.phonetics.correction_gain, self.settings.prior(listed.length)
        correction = PhoneticCorrection(listed.pronouncer, listed.sounds, self.common.known, gain, prior)
        return correction.find(phones, words, heard)

    def looked_up(self, beam: BiasedBeam, found: Sequence[Replacement], listed: CompiledList) -> BiasedBeam:
        """A hypothesis with these phrases in place of its words."""
        frames = [frames for _, frames in beam[2]] if found else []
        return beam.with_lookups([_hit(one, listed, frames) for one in found]) if found else beam


def _scaled(spans: Iterable[tuple[str, int, int]], phone_frames: int, frames: int) -> list[tuple[str, int, int]]:
    """Spans of words in frames of the phone head, of which there are several an encoder frame."""
    scale = phone_frames / max(frames, 1)
    return [(word, round(start * scale), round(end * scale)) for word, start, end in spans]


def places(beam: BiasedBeam) -> Iterator[Place]:
    """Where the search wrote listed phrases that the model would not have written anyway."""
    for phrase, hit in beam.listed():
        if hit.base_text != " ".join(beam.words[hit.first_word : hit.last_word]):
            yield Place(phrase, hit.start, hit.end, hit.parts.get("adapter", 0.0))


def _hit(found: Replacement, listed: CompiledList, frames: Sequence[tuple[int, int]]) -> Hit:
    return Hit(
        phrase=listed.bias_list[found.phrase].written,
        first_word=found.first,
        last_word=found.last,
        start=frames[found.first][0],
        end=frames[found.last - 1][1],
        score=found.gain,
        technique="lookup",
        base_text=" ".join(found.old),
        confidence=math.exp(found.score / len(found.heard)),
        parts={"phones": found.gain},
    )
