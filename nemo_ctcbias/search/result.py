"""What the search returns: a hypothesis with its text, word frames and hits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nemo_ctcbias.lm.boost_class import BoostClass
from nemo_ctcbias.search.beam_search import Hypothesis
from nemo_ctcbias.search.hits import Hit, write
from nemo_ctcbias.search.search_list import SearchList
from nemo_ctcbias.search.timing import Timing, word_of_token


class Find(NamedTuple):
    """A listed phrase among the words [first, last): index, written form, weight of its boost, what it gave back."""

    first: int
    last: int
    phrase: int
    written: str
    weight: float
    cost: float


class BiasedBeam(tuple):
    """pyctcdecode's output beam (text, lm_state, text_frames, logit_score, lm_score) with more attributes.

    tokens: token ids; words: recognised words (spoken forms); boost: boost kept; hits: listed phrases found;
    phone_score: what phonetic rescoring gave it.
    `logit_score` is the acoustic log-prob, `lm_score` the total score, as in pyctcdecode.
    """

    def __new__(cls, text: str, hypothesis: Hypothesis, words: list[str], timing: Timing, finds: list) -> BiasedBeam:
        """Five fields as pyctcdecode's, the rest as attributes."""
        beam = super().__new__(cls, (text, hypothesis.lm_state, timing, hypothesis.acoustic, hypothesis.score))
        beam.text, beam.words, beam.tokens, beam.score = text, words, hypothesis.tokens, hypothesis.score
        beam.acoustic, beam.lm, beam.boost = hypothesis.acoustic, hypothesis.lm, hypothesis.boost
        beam._timing, beam._finds, beam._credits = timing, finds, hypothesis.credits
        beam.phone_score, beam._looked_up, beam._boost_class = 0.0, (), None
        return beam

    @classmethod
    def of(
        cls, hypothesis: Hypothesis, timing: Timing, listed: SearchList, text: str, weight: float, cost: float = 0.0
    ) -> BiasedBeam:
        """A hypothesis written out, listed phrases in their written form.

        Args:
            listed: the list.
            text: of the hypothesis, as the vocabulary decodes it.
            weight: of the boosting.
            cost: what a complete phrase gave back of its credit.
        """
        words = text.split()
        finds = [
            Find(
                *find,
                weight * listed.weights[find[2]],
                cost + listed.costs.get(" ".join(words[find[0] : find[1]]), 0.0),
            )
            for find in listed.finder.find(words)
        ]
        text = write(words, [(find.first, find.last, find.written) for find in finds])
        return cls(text, hypothesis, words, timing, finds)

    def in_class(self, boost_class: BoostClass, start_state: Any = None) -> BiasedBeam:
        """The same hypothesis, its hits knowing the language model's class that scored them."""
        return self._changed(self.text, self.score, _boost_class=(boost_class, start_state))

    def rescored(self, phone_score: float) -> BiasedBeam:
        """The same hypothesis with a phone score, which its total score includes."""
        return self._changed(self.text, self.score + phone_score, phone_score=phone_score)

    def with_lookups(self, lookups: Sequence[Hit]) -> BiasedBeam:
        """The same hypothesis written with these phrases in place of the words that they span."""
        taken = {word for hit in lookups for word in range(hit.first_word, hit.last_word)}
        kept = [find for find in self._finds if taken.isdisjoint(range(find.first, find.last))]
        spans = [(find.first, find.last, find.written) for find in kept]
        spans += [(hit.first_word, hit.last_word, hit.phrase) for hit in lookups]
        return self._changed(write(self.words, sorted(spans)), self.score, _finds=kept, _looked_up=tuple(lookups))

    def _changed(self, text: str, score: float, **attributes: object) -> BiasedBeam:
        beam = super().__new__(type(self), (text, *self[1:4], score))
        beam.__dict__.update(self.__dict__, text=text, score=score, **attributes)
        return beam

    @property
    def path(self) -> np.ndarray:
        """Most likely frame labels [T] that collapse to the tokens."""
        return self._timing.path

    @property
    def log_probs(self) -> np.ndarray:
        """What was decoded, float [T, V + 1]."""
        return self._timing.log_probs

    @property
    def hits(self) -> list[Hit]:
        """Listed phrases in this hypothesis, times in frames."""
        return sorted([*(hit for _, hit in self.listed()), *self._looked_up], key=lambda hit: hit.first_word)

    def listed(self) -> Iterator[tuple[int, Hit]]:
        """The phrases that the words hold, each with its index in the list, and what made it win."""
        if not self._finds:
            return
        timing, sure, owner = self._timing, self.confidences, word_of_token(self.tokens, self._timing.pieces)
        in_class = self._boost_class[0].gains(self.words, self._boost_class[1]) if self._boost_class else None
        for first, last, phrase, written, weight, cost in self._finds:
            start, end = timing.words()[first][1], timing.words()[last - 1][2]
            credit = sum(one for one, word in zip(self._credits, owner, strict=True) if first <= word < last)
            kept = weight * max(0.0, credit - cost)
            lifted = {"hotword": kept} if kept else {}
            if timing.adapted:
                lifted["adapter"] = timing.acoustic(start, end) - timing.acoustic(start, end, base=True)
            if in_class is not None:
                lifted["lm"] = sum(in_class[first:last])
            hit = Hit(
                phrase=written,
                first_word=first,
                last_word=last,
                start=start,
                end=end,
                score=sum(lifted.values()),
                technique=_technique(lifted),
                base_text=timing.base_text(start, end),
                confidence=min(sure[first:last]),
                parts={"acoustic": timing.acoustic(start, end, base=True), **lifted},
            )
            yield phrase, hit

    @property
    def confidences(self) -> list[float]:
        """Of each word: the probability that the model gave its least likely token, at that token's best frame."""
        return self._timing.confidences()


def _technique(lifted: Mapping[str, float]) -> str:
    """What made the phrase win; the class in the language model only undoes what that takes from unknown words."""
    acoustic = max(("hotword", "adapter"), key=lambda name: lifted.get(name, 0.0))
    return next((name for name in (acoustic, "lm") if lifted.get(name, 0.0) > 0), "base")
