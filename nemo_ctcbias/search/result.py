"""What the search returns: a hypothesis with its text, word frames and hits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nemo_ctcbias.bias_list.casing import in_case_of
from nemo_ctcbias.bias_list.endings import Endings
from nemo_ctcbias.lm.spoken_words import SpokenWords
from nemo_ctcbias.search.beam_search import Hypothesis
from nemo_ctcbias.search.hits import Find, Hit, words_of, write, written_words
from nemo_ctcbias.search.search_list import SearchList
from nemo_ctcbias.search.timing import Timing

#: Other phrases that might stand in a hit's place, and how sure each would be.
Others = tuple[tuple[str, float], ...]


class Kept(NamedTuple):
    """A listed phrase in the text, the weight of its boost, and what of its credit it gave back."""

    find: Find
    weight: float
    cost: float


class PackedBeam(NamedTuple):
    """A hypothesis as it is sent from one process to another: without the log-probs, which are there already."""

    text: str
    score: float
    tokens: tuple[int, ...]
    path: np.ndarray
    attributes: dict[str, Any]


class BiasedBeam(tuple):
    """pyctcdecode's output beam (text, lm_state, text_frames, logit_score, lm_score) with more attributes.

    tokens: token ids; words: recognised words (spoken forms); boost: boost kept; hits: listed phrases found;
    phone_score: what phonetic rescoring gave it.
    `logit_score` is the acoustic log-prob, `lm_score` the total score, as in pyctcdecode.
    """

    def __new__(
        cls,
        text: str,
        hypothesis: Hypothesis,
        words: list[str],
        timing: Timing,
        finds: Sequence[Kept],
    ) -> BiasedBeam:
        """Five fields as pyctcdecode's, the rest as attributes."""
        beam = super().__new__(cls, (text, hypothesis.lm_state, timing, hypothesis.acoustic, hypothesis.score))
        beam.text, beam.words, beam.tokens, beam.score = text, words, hypothesis.tokens, hypothesis.score
        beam.acoustic, beam.lm, beam.boost = hypothesis.acoustic, hypothesis.lm, hypothesis.boost
        beam._timing, beam._finds, beam._credits = timing, finds, hypothesis.credits
        beam._written = [one.find for one in finds]
        beam.phone_score, beam._looked_up, beam._boost_class = 0.0, (), None
        beam._sure, beam._listed = {}, None
        return beam

    @classmethod
    def of(
        cls, hypothesis: Hypothesis, timing: Timing, listed: SearchList, text: str, weight: float, cost: float = 0.0
    ) -> BiasedBeam:
        """A hypothesis written out, listed phrases in their written form.

        Args:
            cost: what a complete phrase gave back of its credit.
        """
        finds = [
            Kept(find, weight * listed.strengths[find.phrase], cost + listed.cost(text[find.start : find.end]))
            for find in listed.finder.find(text)
        ]
        return cls(write(text, [one.find for one in finds]), hypothesis, text.split(), timing, finds)

    def in_class(self, boost_class: SpokenWords, start_state: Any = None) -> BiasedBeam:
        """The same hypothesis, its hits knowing the language model's class that scored them."""
        return self._changed(self.text, self.score, _boost_class=(boost_class, start_state))

    def rescored(self, phone_score: float) -> BiasedBeam:
        """The same hypothesis with a phone score, which its total score includes."""
        return self._changed(self.text, self.score + phone_score, phone_score=phone_score)

    def with_confidences(self, sure: Mapping[tuple[int, int], tuple[float, Others]]) -> BiasedBeam:
        """The same hypothesis, its hits as sure as is said of (phrase, first word), and what else might stand there."""
        return self._changed(self.text, self.score, _sure=dict(sure))

    def with_lookups(self, lookups: Sequence[Hit], endings: Endings) -> BiasedBeam:
        """The same hypothesis written with these phrases in place of the words that they span.

        Punctuation stays, and a possessive ending that the phrase has not (`endings`).
        """
        text = self.spoken
        taken = [_core(text, hit, endings) for hit in lookups]
        kept = [one for one in self._finds if all(one.find.end <= a or one.find.start >= b for a, b in taken)]
        finds = [one.find for one in kept]
        finds += [Find(*span, -1, hit.phrase) for span, hit in zip(taken, lookups, strict=True)]
        return self._changed(write(text, finds), self.score, _finds=kept, _looked_up=tuple(lookups), _written=finds)

    def with_base_case(self) -> BiasedBeam:
        """The same hypothesis, in which words of no listed phrase keep the case that they have without adapters.

        These were trained to raise names, and with them capitals; whether a word is one, the model itself knows better.
        """
        if not self._timing.adapted:
            return self
        timing, end, finds = self._timing, -1, list(self._written)
        for word in self.words:
            start, end = end + 1, end + 1 + len(word)
            if any(one.start < end and start < one.end for one in self._written):
                continue
            own = in_case_of(word, timing.base_text(*timing.frames(timing.tokens_in(start, end))))
            if own != word:
                finds.append(Find(start, end, -1, own))
        return self._changed(write(self.spoken, finds), self.score, _written=finds)

    def packed(self) -> PackedBeam:
        """All that can be asked of the hypothesis, for another process; but for the state of the language model."""
        worked_out = {"_timing": None, "_boost_class": None, "_finds": (), "_listed": list(self.listed())}
        attributes = {**self.__dict__, **worked_out}
        return PackedBeam(self.text, self.score, self.tokens, self.path, attributes)

    @classmethod
    def unpacked(
        cls, packed: PackedBeam, pieces: Sequence[str], log_probs: np.ndarray, base_log_probs: np.ndarray | None = None
    ) -> BiasedBeam:
        """The hypothesis again."""
        timing = Timing(log_probs, packed.tokens, pieces, base_log_probs, packed.path)
        fields = packed.text, None, timing, packed.attributes["acoustic"], packed.score
        beam = super().__new__(cls, fields)
        beam.__dict__.update(packed.attributes, _timing=timing)
        return beam

    def _changed(self, text: str, score: float, **attributes: object) -> BiasedBeam:
        beam = super().__new__(type(self), (text, *self[1:4], score))
        beam.__dict__.update(self.__dict__, text=text, score=score, **attributes)
        return beam

    @property
    def path(self) -> np.ndarray:
        """Most likely frame labels [T] that collapse to the tokens."""
        return self._timing.path

    @property
    def spans(self) -> list[tuple[int, int, int]]:
        """(token, first frame, last frame + 1) of each of the tokens."""
        return self._timing.spans

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
        if self._listed is not None:
            yield from self._listed
        if not self._finds:
            return
        timing, text = self._timing, self.spoken
        in_class = self._boost_class[0].gains(self.words, self._boost_class[1]) if self._boost_class else None
        for find, weight, cost in self._finds:
            first, last = words_of(text, find.start, find.end)
            tokens = timing.tokens_in(find.start, find.end)
            start, end = timing.frames(tokens)
            kept = weight * max(0.0, sum(self._credits[token] for token in tokens) - cost)
            lifted = {"hotword": kept} if kept else {}
            if timing.adapted:
                lifted["adapter"] = timing.acoustic(start, end) - timing.acoustic(start, end, base=True)
            if in_class is not None:
                lifted["lm"] = sum(in_class[first:last])
            sure, others = self._sure.get((find.phrase, first)) or (timing.confidence(tokens), ())
            hit = Hit(
                phrase=find.written,
                first_word=first,
                last_word=last,
                start=start,
                end=end,
                score=sum(lifted.values()),
                technique=_technique(lifted),
                base_text=timing.base_text(start, end),
                confidence=sure,
                parts={"acoustic": timing.acoustic(start, end, base=True), **lifted},
                alternatives=others,
            )
            yield find.phrase, hit

    @property
    def spoken(self) -> str:
        """The text as the model wrote it, words with single spaces between them."""
        return " ".join(self.words)

    @property
    def written_words(self) -> list[tuple[int, int, str]]:
        """(first, last + 1, text as it is written) of the words that listed phrases stand in."""
        return written_words(self.spoken, self._written)

    def base_confidence(self, start: int, end: int) -> float:
        """Of the least likely token that the model without adapters writes in these frames, from 0 to 1."""
        return self._timing.base_confidence(start, end)

    @property
    def confidences(self) -> list[float]:
        """Of each word: the probability that the model gave its least likely token, at that token's best frame."""
        return self._timing.confidences()


def _core(text: str, hit: Hit, endings: Endings) -> tuple[int, int]:
    """Characters of the words that a phrase takes the place of, without what stays there."""
    words = text.split(" ")
    start = len(" ".join(words[: hit.first_word])) + (hit.first_word > 0)
    inside = " ".join(words[hit.first_word : hit.last_word])
    letters = [at for at, character in enumerate(inside) if character.isalnum()]
    if not letters:
        return start, start + len(inside)
    first, last = letters[0], letters[-1] + 1
    return start + first, start + last - endings.possessive_of(inside[first:last], hit.phrase)


def _technique(lifted: Mapping[str, float]) -> str:
    """What made the phrase win; the class in the language model only undoes what that takes from unknown words."""
    acoustic = max(("hotword", "adapter"), key=lambda name: lifted.get(name, 0.0))
    return next((name for name in (acoustic, "lm") if lifted.get(name, 0.0) > 0), "base")
