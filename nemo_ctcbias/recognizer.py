"""From what a model heard and a list to words: the one place where the order of the techniques stands.

    what the model says     as unsure as a list needs it (temperature, ours)
    what is listened for    keyword detection by how the list sounds (ours)
    log-probs               contextual adapter (Dingliwal et al. 2022, section on contextual adapters)
    beam search             adaptive subword boosting; unigram boosting in the language model's class (the paper's)
    n-best list             phonetic rescoring (the paper's)
    what was written        one confidence of each phrase that is written, or heard and not written: what is not sure
                            enough goes (verification, ours), what is sure comes (correction, the paper's lookup)

The formulas are in docs/algorithms.md.  Nothing here knows NeMo: the model is what it made of a recording
(`Utterance`) and, for the adapter, a function.  Nothing is remembered from one call to the next but compiled lists and
pronunciations, so that several threads may call at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.compiled_list import CompiledList
from nemo_ctcbias.decision import Candidate, Candidates, confidences, corrected, doubtful
from nemo_ctcbias.list_report import notes_on
from nemo_ctcbias.phones.common_words import CommonWords
from nemo_ctcbias.phones.confidence import shipped_confidence
from nemo_ctcbias.phones.detection import detect
from nemo_ctcbias.phones.hearing import HEAD, SPELLING, Heard, Hearing
from nemo_ctcbias.phones.rescoring import N_BEST, Lattices, rescore
from nemo_ctcbias.phones.spelled_phones import SpelledPhones
from nemo_ctcbias.search.beam_search import BeamOptions
from nemo_ctcbias.search.biased_search import BiasedSearch
from nemo_ctcbias.search.boosting import BoostOptions
from nemo_ctcbias.search.greedy import greedy_beam
from nemo_ctcbias.search.result import BiasedBeam
from nemo_ctcbias.search.temperature import temperature, tempered
from nemo_ctcbias.search.word_scorer import WordLanguageModel
from nemo_ctcbias.settings import PHONE_PARTS, Settings

# What was detected can be raised more boldly: strength of an adapter where no search boosts the list besides.
ADAPTER_ALONE = 1.5
# What a model without a phone head can do by its own spelling: how a whole hypothesis sounds it cannot tell, for it
# wrote the best one.
SPELLED_PARTS = ("detection", "verification", "correction")
DECIDED_PARTS = ("verification", "correction")  # which ask how sure each phrase is


@dataclass(frozen=True)
class Utterance:
    """What a model made of one recording before any list acts.

    log_probs: [T, V + 1] natural logs, blank last, without adapters, at the temperature.
    phones: [T', K, 40] phone log-probs of the phone head's K heads, None without one.
    temperature: what the model's own log-probs are divided by, see `search.temperature`.
    """

    log_probs: np.ndarray
    phones: np.ndarray | None = None
    temperature: float = 1.0

    @classmethod
    def of(cls, log_probs: np.ndarray, phones: np.ndarray | None = None) -> Utterance:
        """Of log-probs as the model gives them."""
        at = temperature(log_probs)
        return cls(tempered(log_probs, at), phones, at)


@dataclass(frozen=True)
class Task:
    """What is to be done with one utterance: what the adapters made of it, its list, and what that asks for.

    adapted: [T, V + 1] log-probs with the adapters, at the utterance's temperature; None where none acted.
    prior: what each phrase must earn in the search, for the length of the list.
    heard: phones, by each witness that can tell how the list sounds.
    nbest: hypotheses to return.
    """

    utterance: Utterance
    adapted: np.ndarray | None
    listed: CompiledList
    prior: float
    heard: Heard
    nbest: int


class Listened(NamedTuple):
    """What is heard of an utterance before the search: by each witness, and the factors of `Recognizer.detected`."""

    witnesses: Heard
    factors: np.ndarray | None


#: Contextual adapters on a batch: (lists, which of their phrases each utterance is listened to for, strength) to the
#: log-probs [T, V + 1] of each utterance.
Adapt = Callable[[Sequence[CompiledList], Sequence[np.ndarray | None], float], Sequence[np.ndarray]]


class Recognizer:
    """Recognises utterances with lists.

    Args:
        settings: which techniques act, and how strongly.
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
        boost = BoostOptions(gap_scale=settings.boost.gap_scale, token_bonus=settings.boost.token_bonus)
        beam = BeamOptions(beam_width=settings.beam.beam_width)
        self.search = BiasedSearch(vocabulary, language_model, boost, beam, settings.lm.class_weight)
        self._lattices = Lattices()

    def recognize(
        self, utterances: Sequence[Utterance], lists: Sequence[CompiledList], adapt: Adapt | None = None, nbest: int = 1
    ) -> list[list[BiasedBeam]]:
        """The `nbest` hypotheses of each utterance of a batch, best first.

        Args:
            lists: one each; an empty one leaves an utterance to the language model alone.
        """
        heard = [self.listened(one, listed) for one, listed in zip(utterances, lists, strict=True)]
        adapted = self.adapted(utterances, lists, heard, adapt)
        each = zip(utterances, lists, heard, adapted, strict=True)
        return [self.decoded(*one, nbest) for one in each]

    def listened(self, utterance: Utterance, listed: CompiledList) -> Listened:
        """What is heard of one utterance before adapters and search."""
        witnesses = self.witnesses(utterance, listed)
        return Listened(witnesses, self.detected(witnesses, listed))

    def adapted(
        self,
        utterances: Sequence[Utterance],
        lists: Sequence[CompiledList],
        heard: Sequence[Listened],
        adapt: Adapt | None,
    ) -> Sequence[np.ndarray | None]:
        """What the adapters make of a batch of which it is known what is heard; None where none act."""
        if adapt is None or not any(map(len, lists)):
            return [None] * len(utterances)
        factors = [one.factors for one in heard]
        found = adapt(lists, factors, self.adapter_strength(factors))
        return [tempered(one, utterance.temperature) for one, utterance in zip(found, utterances, strict=True)]

    def decoded(
        self, utterance: Utterance, listed: CompiledList, heard: Listened, adapted: np.ndarray | None, nbest: int
    ) -> list[BiasedBeam]:
        """Hypotheses of one utterance, of which it is known what is heard and what the adapters make of it."""
        factors = heard.factors
        # Detection has asked for the prior of a long list already; it is not to be asked twice.
        prior = self.settings.prior(listed.length) if factors is None else 0.0
        task = Task(utterance, adapted, listed, prior, heard.witnesses, nbest)
        beams = self._searched(task, factors)
        if any(self.asks(part, task) for part in DECIDED_PARTS):
            beams = self._decided(beams, task, np.ones(len(listed)) if factors is None else np.array(factors))
        return [one.with_base_case() for one in beams[:nbest]]

    def prepare(self, listed: CompiledList) -> None:
        """Make what the list will be asked for, as far as that is known before anything is heard."""
        if self._acts(listed):
            search = listed.search
            if self.settings.wants("detection"):
                listed.scores  # noqa: B018
            else:
                search.trie  # noqa: B018

    def asks(self, part: str, task: Task) -> bool:
        """Whether a part of `PHONE_PARTS` that looks at what the search wrote has something to go by."""
        return bool(task.heard) and self.settings.boost.enabled and self.settings.wants(part)

    def decides(self, phones: bool) -> bool:
        """Whether it is asked how sure each phrase is, and can be told, with a phone head (`phones`) or without."""
        asks = self.settings.boost.enabled and any(map(self.settings.wants, DECIDED_PARTS))
        return asks and (phones or not self._spelled_phones.mute)

    def heard_by(self, phones: bool) -> str:
        """The witnesses of how phrases sound, as `shipped_confidence` names them.

        Args:
            phones: whether there is a phone head.
        """
        return "+".join([HEAD] * phones + [SPELLING] * (not self._spelled_phones.mute))

    # --- before the search

    def witnesses(self, utterance: Utterance, listed: CompiledList) -> Heard:
        """Phones as the phone head hears them, and as the model's own spelling sounds; none where nobody asks."""
        heard: Heard = {}
        if not self._acts(listed) or not any(map(self.settings.wants, PHONE_PARTS)):
            return heard
        if utterance.phones is not None:
            heard[HEAD] = Hearing.by_head(utterance.phones, len(utterance.log_probs))
        if any(map(self.settings.wants, SPELLED_PARTS)) and not self._spelled_phones.mute:
            heard[SPELLING] = [self._spelled_phones.hear(utterance.log_probs)]
        return heard

    @cached_property
    def _spelled_phones(self) -> SpelledPhones:
        return SpelledPhones(self.vocabulary)

    def detected(self, heard: Heard, listed: CompiledList) -> np.ndarray | None:
        """Factor on each phrase's weight [N], 0 for those that no witness heard; None: all are listened for."""
        if not heard or not self.settings.wants("detection"):
            return None
        listed.tell(lambda: notes_on(listed, self.settings, sounds=True))
        prior = self.settings.detection_prior(listed.length)
        threshold = self.settings.phonetics.detection_threshold
        found = [detect(listed.scores, witness, threshold, prior) for witness in heard.values()]
        return np.maximum.reduce(found)

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
        rescores = self.asks("rescoring", task) and task.utterance.phones is not None
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
        scale = len(phones) / max(len(beams[0].path), 1)  # phone frames, of which there are several an encoder frame
        spans = [(round(start * scale), round(end * scale)) for _, (start, end) in beams[0][2]]
        weight = self.settings.phonetics.rescoring_weight
        found = rescore(phones, beams, spans, task.listed.pronouncer, weight, self._lattices)
        return [beam.rescored(phone_score) for beam, phone_score in found]

    def _decided(self, beams: list[BiasedBeam], task: Task, acting: np.ndarray) -> list[BiasedBeam]:
        """Beams without what is not sure enough, the best one with what is sure and was not written.

        What is written in a phrase's place may be doubtful, too; each time less of the list is left.

        Args:
            acting: [N] factors on the phrases' weights, 0 for those that are not listened for.
        """
        candidates, threshold = self.candidates(task)
        # What stands there without being listened for, the model or the language model writes by itself.
        while self.settings.wants("verification") and (
            gone := [phrase for phrase in doubtful(candidates.written(beams[0]), threshold) if acting[phrase] > 0]
        ):
            acting[gone] = 0.0
            beams = self._searched(task, acting)
        found = self.found(candidates, beams[0], acting)
        beams[0] = beams[0].with_confidences(confidences(found, task.listed))
        if self.settings.wants("correction"):
            beams[0] = corrected(beams[0], found, threshold, task.listed)
        return beams

    def found(self, candidates: Candidates, beam: BiasedBeam, acting: np.ndarray) -> list[Candidate]:
        """What stands in a hypothesis, and what else was heard, which takes longer than verification itself.

        The latter only where it may come into the text, and where all is to be told that was heard (in calibration).
        """
        tells = self.settings.wants("correction") or self.settings.least_confidence == 0.0
        return candidates.of(beam, acting) if tells else list(candidates.written(beam))

    def candidates(self, task: Task) -> tuple[Candidates, float]:
        """Finds what was written, or heard and not written, and the probability that is asked of it."""
        confidence, prior = shipped_confidence("+".join(task.heard)), self.settings.detection_prior(task.listed.length)
        candidates = Candidates(task.listed, task.heard, prior, confidence, self.common)
        asked = self.settings.least_confidence
        return candidates, confidence.threshold(self.settings.precision) if asked is None else asked
