"""What the decoder returns: a hypothesis with its text, word frames and hits, aligned when first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from nemo_ctcbias.lm.boost_class import BoostClass
from nemo_ctcbias.search.alignment import align, greedy_path, token_spans, word_spans
from nemo_ctcbias.search.beam_search import Hypothesis
from nemo_ctcbias.search.compiled_bias import CompiledBias
from nemo_ctcbias.search.hits import Hit, write


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
    def of(cls, hypothesis: Hypothesis, timing: Timing, compiled: CompiledBias, weight: float, text: str) -> BiasedBeam:
        """A hypothesis written out, listed phrases in their written form.

        Args:
            compiled: the list.
            weight: of the boosting.
            text: of the hypothesis, as the vocabulary decodes it.
        """
        words = text.split()
        finds = [(*find, weight * compiled.weights[find[2]]) for find in compiled.finder.find(words)]
        text = write(words, [(first, last, written) for first, last, _, written, _ in finds])
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
        kept = [find for find in self._finds if taken.isdisjoint(range(find[0], find[1]))]
        spans = [(first, last, written) for first, last, _, written, _ in kept]
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
    def hits(self) -> list[Hit]:
        """Listed phrases in this hypothesis, times in frames."""
        return sorted([*(hit for _, hit in self.listed()), *self._looked_up], key=lambda hit: hit.first_word)

    def listed(self) -> Iterator[tuple[int, Hit]]:
        """The phrases that the words hold, each with its index in the list, and what made it win."""
        if not self._finds:
            return
        timing, sure, owner = self._timing, self.confidences, _word_of_token(self.tokens, self._timing.pieces)
        in_class = self._boost_class[0].gains(self.words, self._boost_class[1]) if self._boost_class else None
        for first, last, phrase, written, weight in self._finds:
            start, end = timing.words()[first][1], timing.words()[last - 1][2]
            credit = sum(one for one, word in zip(self._credits, owner, strict=True) if first <= word < last)
            lifted = {"hotword": weight * credit} if weight * credit else {}
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


class Timing(Sequence):
    """Word frames [(word, (first frame, last frame + 1))], aligned when first asked for.

    Args:
        log_probs: [T, V + 1] that were decoded.
        tokens: of the hypothesis.
        pieces: texts of the tokens.
        base_log_probs: [T, V + 1] of the model without adapters; None where none acted.
    """

    def __init__(
        self,
        log_probs: np.ndarray,
        tokens: tuple[int, ...],
        pieces: Sequence[str],
        base_log_probs: np.ndarray | None = None,
    ):
        self._log_probs, self._tokens, self.pieces = log_probs, tokens, pieces
        self._base = log_probs if base_log_probs is None else base_log_probs
        self._path: np.ndarray | None = None
        self._heard: list[tuple[str, int, int]] | None = None

    @cached_property
    def adapted(self) -> bool:
        """Whether adapters changed the log-probs; an untrained one does not, and what is left is rounding."""
        return self._base is not self._log_probs and not np.allclose(self._base, self._log_probs, atol=1e-3)

    @property
    def path(self) -> np.ndarray:
        """Frame labels [T] of the likeliest alignment."""
        if self._path is None:
            self._path = align(self._log_probs, self._tokens)
        return self._path

    def words(self) -> list[tuple[str, int, int]]:
        """(word, first frame, last frame + 1) in order."""
        return word_spans(token_spans(self.path, self._log_probs.shape[1] - 1), self.pieces)

    def confidences(self) -> list[float]:
        """Of each word, from 0 to 1; see `BiasedBeam.confidences`."""
        spans = token_spans(self.path, self._log_probs.shape[1] - 1)
        owner = _word_of_token([token for token, _, _ in spans], self.pieces)
        least = [1.0] * (owner[-1] + 1 if owner else 0)
        for word, (token, start, end) in zip(owner, spans, strict=True):
            if self.pieces[token].strip(" ▁"):
                least[word] = min(least[word], float(np.exp(self._log_probs[start:end, token].max())))
        return least[: len(self.words())]

    def acoustic(self, start: int, end: int, base: bool = False) -> float:
        """Log-prob of the alignment in these frames; of the model without adapters if `base`."""
        frames = np.arange(start, end)
        return float((self._base if base else self._log_probs)[frames, self.path[start:end]].sum())

    def base_text(self, start: int, end: int) -> str:
        """The words that greedy decoding of the model without adapters writes in these frames, or partly in them."""
        if self._heard is None:
            blank = self._base.shape[1] - 1
            self._heard = word_spans(token_spans(greedy_path(self._base), blank), self.pieces)
        return " ".join(word for word, first, last in self._heard if min(last, end) > max(first, start))

    def __len__(self) -> int:
        return len(self.words())

    def __getitem__(self, index):
        return self._frames()[index]

    def __iter__(self):
        return iter(self._frames())

    def __eq__(self, other: object) -> bool:
        return self._frames() == list(other) if isinstance(other, Sequence) else NotImplemented

    def __repr__(self) -> str:
        return repr(self._frames())

    def _frames(self) -> list[tuple[str, tuple[int, int]]]:
        return [(word, (start, end)) for word, start, end in self.words()]


def _technique(lifted: Mapping[str, float]) -> str:
    """What made the phrase win; the class in the language model only undoes what that takes from unknown words."""
    acoustic = max(("hotword", "adapter"), key=lambda name: lifted.get(name, 0.0))
    return next((name for name in (acoustic, "lm") if lifted.get(name, 0.0) > 0), "base")


def _word_of_token(tokens: Sequence[int], pieces: Sequence[str]) -> list[int]:
    """Index of the word that each token belongs to (a bare word start belongs to the word it opens)."""
    owner, word, fresh = [], -1, True
    for token in tokens:
        piece = pieces[token].replace("▁", " ")
        fresh = fresh or piece.startswith(" ")
        if piece.strip(" ") and fresh:
            word, fresh = word + 1, False
        owner.append(word + 1 if fresh else word)
    return owner
