"""What the decoder returns: a hypothesis with its text, word frames and hits, aligned when first asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nemo_ctcbias.decoding.alignment import align, greedy_path, token_spans, word_spans
from nemo_ctcbias.decoding.beam_search import Hypothesis
from nemo_ctcbias.decoding.hits import Hit, write


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
        beam.phone_score, beam._looked_up = 0.0, ()
        return beam

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
        return sorted([*self._timing.hits(self), *self._looked_up], key=lambda hit: hit.first_word)

    @property
    def confidences(self) -> list[float]:
        """Of each word: the probability that the model gave its least likely token, at that token's best frame."""
        return self._timing.confidences()


class Timing(Sequence):
    """Word frames [(word, (first frame, last frame + 1))], aligned when first asked for."""

    def __init__(self, log_probs: np.ndarray, tokens: tuple[int, ...], pieces: Sequence[str]):
        self._log_probs, self._tokens, self._pieces = log_probs, tokens, pieces
        self._path: np.ndarray | None = None

    @property
    def path(self) -> np.ndarray:
        """Frame labels [T] of the likeliest alignment."""
        if self._path is None:
            self._path = align(self._log_probs, self._tokens)
        return self._path

    def words(self) -> list[tuple[str, int, int]]:
        """(word, first frame, last frame + 1) in order."""
        return word_spans(token_spans(self.path, self._log_probs.shape[1] - 1), self._pieces)

    def confidences(self) -> list[float]:
        """Of each word, from 0 to 1; see `BiasedBeam.confidences`."""
        spans = token_spans(self.path, self._log_probs.shape[1] - 1)
        owner = _word_of_token([token for token, _, _ in spans], self._pieces)
        least = [1.0] * (owner[-1] + 1 if owner else 0)
        for word, (token, start, end) in zip(owner, spans, strict=True):
            if self._pieces[token].strip(" ▁"):
                least[word] = min(least[word], float(np.exp(self._log_probs[start:end, token].max())))
        return least[: len(self.words())]

    def hits(self, beam: BiasedBeam) -> list[Hit]:
        """Times, kept credit and the greedy text in the same stretch of audio, for each phrase found."""
        if not beam._finds:
            return []
        words = self.words()
        base = word_spans(token_spans(greedy_path(self._log_probs), self._log_probs.shape[1] - 1), self._pieces)
        owner = _word_of_token(self._tokens, self._pieces)
        hits = []
        for first, last, _phrase, written, weight in beam._finds:
            start, end = words[first][1], words[last - 1][2]
            # Words of the greedy text that overlap the hit.
            heard = [w for w, s, e in base if min(e, end) - max(s, start) > 0]
            score = weight * sum(c for c, word in zip(beam._credits, owner, strict=True) if first <= word < last)
            technique = "hotword" if score > 0 else "base"
            hits.append(Hit(written, first, last, start, end, score, technique, " ".join(heard)))
        return hits

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
