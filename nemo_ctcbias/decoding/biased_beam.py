"""What the decoder returns: a hypothesis with its text, word frames and hits, aligned when first asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nemo_ctcbias.decoding.alignment import align, greedy_path, token_spans, word_spans
from nemo_ctcbias.decoding.beam_search import Hypothesis
from nemo_ctcbias.decoding.hits import Hit


class BiasedBeam(tuple):
    """pyctcdecode's output beam (text, lm_state, text_frames, logit_score, lm_score) with more attributes.

    tokens: token ids; words: recognised words (spoken forms); boost: boost kept; hits: listed phrases found.
    `logit_score` is the acoustic log-prob, `lm_score` the total score, as in pyctcdecode.
    """

    def __new__(cls, text: str, hypothesis: Hypothesis, words: list[str], timing: Timing, finds: list) -> BiasedBeam:
        """Five fields as pyctcdecode's, the rest as attributes."""
        beam = super().__new__(cls, (text, hypothesis.lm_state, timing, hypothesis.acoustic, hypothesis.score))
        beam.text, beam.words, beam.tokens, beam.score = text, words, hypothesis.tokens, hypothesis.score
        beam.acoustic, beam.lm, beam.boost = hypothesis.acoustic, hypothesis.lm, hypothesis.boost
        beam._timing, beam._finds, beam._credits = timing, finds, hypothesis.credits
        return beam

    @property
    def path(self) -> np.ndarray:
        """Most likely frame labels [T] that collapse to the tokens."""
        return self._timing.path

    @property
    def hits(self) -> list[Hit]:
        """Listed phrases in this hypothesis, times in frames."""
        return self._timing.hits(self)


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
