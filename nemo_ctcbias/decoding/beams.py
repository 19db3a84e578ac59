"""The hypotheses of a beam as parallel arrays, and the tree of prefixes they stand for."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np


class Prefixes:
    """Every token prefix that was ever in the beam: prefix 0 is empty, the others are (parent, token)."""

    def __init__(self) -> None:
        self._number: dict[tuple[int, int], int] = {}
        self._parent, self._token, self._credit = [-1], [-1], [0.0]

    def add(self, beams: Beams) -> np.ndarray:
        """Numbers of the beams' prefixes; one that was dropped earlier gets its old number again."""
        numbers = []
        for parent, token, credit in zip(
            beams.parent.tolist(), beams.last.tolist(), beams.credit.tolist(), strict=True
        ):
            number = self._number.get((parent, token))
            if number is None:
                number = self._number[parent, token] = len(self._parent)
                self._parent.append(parent)
                self._token.append(token)
                self._credit.append(credit)
            else:
                self._credit[number] = credit
            numbers.append(number)
        return np.array(numbers, dtype=np.int64)

    def update(self, beams: Beams, which: np.ndarray) -> None:
        """Take over the credit of the last token of the beams `which`."""
        for beam in which.tolist():
            self._credit[int(beams.prefix[beam])] = float(beams.credit[beam])

    def sum_credits(self, prefix: int, tokens: int) -> float:
        """Raw credits of the last `tokens` tokens."""
        total = 0.0
        for _ in range(tokens):
            total += self._credit[prefix]
            prefix = self._parent[prefix]
        return total

    def read(self, prefix: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Tokens and their raw credits, first to last."""
        tokens, credits = [], []
        while prefix:
            tokens.append(self._token[prefix])
            credits.append(self._credit[prefix])
            prefix = self._parent[prefix]
        return tuple(reversed(tokens)), tuple(reversed(credits))


@dataclass
class Beams:
    """B hypotheses, one array [B] a field.

    blank, token: log-probs of all alignments that end in blank / in the last token.
    best: log-prob of the best alignment, which decides the credit of the last token.
    state, pending, credit: trie state, raw credits of the partial match, raw credit of the last token.
    lent, committed: weighted boost of the partial match (may be given back) and of completed phrases.
    committed_to: number of leading tokens whose credits are settled, so that no token is paid twice.
    lm, lm_partial: language model score of finished words, penalty of the unfinished one.
    """

    prefix: np.ndarray
    parent: np.ndarray
    last: np.ndarray
    length: np.ndarray
    blank: np.ndarray
    token: np.ndarray
    best: np.ndarray
    state: np.ndarray
    pending: np.ndarray
    credit: np.ndarray
    lent: np.ndarray
    committed: np.ndarray
    committed_to: np.ndarray
    lm: np.ndarray
    lm_partial: np.ndarray

    @classmethod
    def start(cls, state: int) -> Beams:
        """The empty hypothesis before the first frame."""
        whole = {"prefix": 0, "parent": -1, "last": -1, "length": 0, "state": state, "committed_to": 0}
        real = {"token": -np.inf, "best": -np.inf}
        return cls(
            **{
                field.name: np.array([whole[field.name]], dtype=np.int64)
                if field.name in whole
                else np.array([real.get(field.name, 0.0)])
                for field in fields(cls)
            }
        )

    def __len__(self) -> int:
        return len(self.prefix)

    @property
    def total(self) -> np.ndarray:
        """Acoustic log-prob of each prefix, all alignments summed."""
        return np.logaddexp(self.blank, self.token)

    @property
    def score(self) -> np.ndarray:
        """What the beam is ranked by."""
        return self.total + self.lm + self.lm_partial + self.committed + self.lent

    def take(self, index: np.ndarray) -> Beams:
        """The beams `index`, copied."""
        return Beams(*(getattr(self, name)[index] for name in NAMES))

    def stay(self, blank: float, tokens: np.ndarray) -> Beams:
        """The same prefixes one frame on: a blank, or the last token once more."""
        repeat = np.where(self.last >= 0, tokens[self.last], -np.inf)
        moved = self.take(slice(None))
        moved.blank = self.total + blank
        moved.token = self.token + repeat
        moved.best = self.best + np.maximum(blank, repeat)
        for name in MERGED:
            setattr(moved, name, getattr(self, name).copy())
        return moved


NAMES = tuple(field.name for field in fields(Beams))
MERGED = ("pending", "credit", "lent")  # what a later, likelier emission of the last token may change


def combine(first: Beams, second: Beams) -> Beams:
    """Both groups of beams, in this order."""
    return Beams(*(np.concatenate([getattr(first, name), getattr(second, name)]) for name in NAMES))
