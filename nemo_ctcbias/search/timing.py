"""When the words of a hypothesis were said, and how well the frames fit them: aligned when first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from nemo_ctcbias.bias_list.vocabulary import readable
from nemo_ctcbias.bias_list.word_ends import is_spaceless
from nemo_ctcbias.search.alignment import align, greedy_spans, token_offsets, token_spans, word_numbers, word_spans


class Timing(Sequence):
    """Word frames [(word, (first frame, last frame + 1))], aligned when first asked for.

    Args:
        log_probs: [T, V + 1] that were decoded.
        base_log_probs: [T, V + 1] of the model without adapters; None where none acted.
        path: [T] frame labels of the likeliest alignment, where they are known.
    """

    def __init__(
        self,
        log_probs: np.ndarray,
        tokens: tuple[int, ...],
        pieces: Sequence[str],
        base_log_probs: np.ndarray | None = None,
        path: np.ndarray | None = None,
    ):
        self.log_probs, self._tokens, self.pieces = log_probs, tokens, pieces
        self._base = log_probs if base_log_probs is None else base_log_probs
        self._path = path

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

    @cached_property
    def spans(self) -> list[tuple[int, int, int]]:
        """(token, first frame, last frame + 1) in order."""
        return token_spans(self.path, self.log_probs.shape[1] - 1)

    @cached_property
    def _offsets(self) -> list[tuple[int, int]]:
        return token_offsets(self._tokens, self.pieces)

    def tokens_in(self, start: int, end: int) -> list[int]:
        """Places of the tokens of characters [start, end) of the text, a space before them included."""
        return [at for at, (a, b) in enumerate(self._offsets) if a < end and (b > start or a == b == start)]

    def frames(self, tokens: Sequence[int]) -> tuple[int, int]:
        """First frame, last frame + 1 of some tokens; a space has none."""
        spans = [self.spans[at] for at in tokens if self._offsets[at][0] < self._offsets[at][1]]
        return spans[0][1], spans[-1][2]

    def confidence(self, tokens: Sequence[int]) -> float:
        """Of the least likely of some tokens at its best frame, from 0 to 1."""
        spans = [self.spans[at] for at in tokens if self._offsets[at][0] < self._offsets[at][1]]
        return min(float(np.exp(self.log_probs[start:end, token].max())) for token, start, end in spans)

    def confidences(self) -> list[float]:
        """Of each word, from 0 to 1; see `BiasedBeam.confidences`."""
        owner = word_numbers([token for token, _, _ in self.spans], self.pieces)
        least = [1.0] * (owner[-1] + 1 if owner else 0)
        for word, (token, start, end) in zip(owner, self.spans, strict=True):
            if self.pieces[token].strip(" ▁"):
                least[word] = min(least[word], float(np.exp(self.log_probs[start:end, token].max())))
        return least[: len(self)]

    def acoustic(self, start: int, end: int, base: bool = False) -> float:
        """Log-prob of the alignment in these frames; of the model without adapters if `base`."""
        frames = np.arange(start, end)
        return float((self._base if base else self.log_probs)[frames, self.path[start:end]].sum())

    def base_text(self, start: int, end: int) -> str:
        """The words that greedy decoding of the model without adapters writes in these frames, or partly in them."""
        text, units = self._base_units
        inside = [unit for unit in units if min(unit[3], end) > max(unit[2], start)]
        return text[inside[0][0] : inside[-1][1]] if inside else ""

    def base_confidence(self, start: int, end: int) -> float:
        """Of the least likely token of the model without adapters in these frames, 0 where it hears nothing."""
        inside = (one for one in self._base_spans if min(one[2], end) > max(one[1], start))
        return min((float(np.exp(self._base[a:b, token].max())) for token, a, b in inside), default=0.0)

    @cached_property
    def _base_spans(self) -> list[tuple[int, int, int]]:
        return greedy_spans(self._base)

    @cached_property
    def _base_units(self) -> tuple[str, list[tuple[int, int, int, int]]]:
        """The greedy text; of its words (or characters, in scripts without spaces): characters, frames."""
        spans = self._base_spans
        offsets = token_offsets([token for token, _, _ in spans], self.pieces)
        text = " ".join(readable("".join([self.pieces[token] for token, _, _ in spans])).replace("▁", " ").split())
        units: list[tuple[int, int, int, int]] = []
        for (start, end), (_, first, last) in zip(offsets, spans, strict=True):
            if start == end:
                continue
            if units and units[-1][1] == start and not any(map(is_spaceless, text[start - 1 : start + 1])):
                start, _, first, _ = units.pop()
            units.append((start, end, first, last))
        return text, units

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index):
        return self._frames[index]

    def __eq__(self, other: object) -> bool:
        return self._frames == list(other) if isinstance(other, Sequence) else NotImplemented

    def __repr__(self) -> str:
        return repr(self._frames)

    @cached_property
    def _frames(self) -> list[tuple[str, tuple[int, int]]]:
        return [(word, (start, end)) for word, start, end in word_spans(self.spans, self.pieces)]
