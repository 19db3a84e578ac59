"""When the words of a hypothesis were said, and how well the frames fit them: aligned when first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from nemo_ctcbias.search.alignment import align, greedy_path, token_spans, word_spans


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
        self.log_probs, self._tokens, self.pieces = log_probs, tokens, pieces
        self._base = log_probs if base_log_probs is None else base_log_probs
        self._path: np.ndarray | None = None
        self._heard: list[tuple[str, int, int]] | None = None

    @cached_property
    def adapted(self) -> bool:
        """Whether adapters changed the log-probs; an untrained one does not, and what is left is rounding."""
        return self._base is not self.log_probs and not np.allclose(self._base, self.log_probs, atol=1e-3)

    @property
    def path(self) -> np.ndarray:
        """Frame labels [T] of the likeliest alignment."""
        if self._path is None:
            self._path = align(self.log_probs, self._tokens)
        return self._path

    def words(self) -> list[tuple[str, int, int]]:
        """(word, first frame, last frame + 1) in order."""
        return word_spans(token_spans(self.path, self.log_probs.shape[1] - 1), self.pieces)

    def confidences(self) -> list[float]:
        """Of each word, from 0 to 1; see `BiasedBeam.confidences`."""
        spans = token_spans(self.path, self.log_probs.shape[1] - 1)
        owner = word_of_token([token for token, _, _ in spans], self.pieces)
        least = [1.0] * (owner[-1] + 1 if owner else 0)
        for word, (token, start, end) in zip(owner, spans, strict=True):
            if self.pieces[token].strip(" ▁"):
                least[word] = min(least[word], float(np.exp(self.log_probs[start:end, token].max())))
        return least[: len(self.words())]

    def acoustic(self, start: int, end: int, base: bool = False) -> float:
        """Log-prob of the alignment in these frames; of the model without adapters if `base`."""
        frames = np.arange(start, end)
        return float((self._base if base else self.log_probs)[frames, self.path[start:end]].sum())

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


def word_of_token(tokens: Sequence[int], pieces: Sequence[str]) -> list[int]:
    """Index of the word that each token belongs to (a bare word start belongs to the word it opens)."""
    owner, word, fresh = [], -1, True
    for token in tokens:
        piece = pieces[token].replace("▁", " ")
        fresh = fresh or piece.startswith(" ")
        if piece.strip(" ") and fresh:
            word, fresh = word + 1, False
        owner.append(word + 1 if fresh else word)
    return owner
