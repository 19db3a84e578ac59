"""The joint n-gram over graphones: a back-off model as arrays, which compiled code reads and a plain `.npz` holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np

START, END = "<s>", "</s>"
ROOT = 0  # the state in which nothing is known of what came before


class NgramArrays(NamedTuple):
    """N-grams as a trie of tokens; state 0 is the root, an n-gram stands below the one without its last token.

    token: [S] the last token of each n-gram, -1 at the root.
    first_child: [S + 1] the n-grams that begin with n-gram s and have one token more are first_child[s] to
        first_child[s + 1] - 1, in the order of their last tokens.
    prob, backoff: [S] log10 P(last token | those before); log10 of the factor on the probabilities of shorter n-grams
        for tokens that do not follow here.
    shorter: [S] the n-gram without its first token.
    onward: [S] the longest end of the n-gram that any token follows: the state in which the next one is asked for.
    """

    token: np.ndarray
    first_child: np.ndarray
    prob: np.ndarray
    backoff: np.ndarray
    shorter: np.ndarray
    onward: np.ndarray


class GraphoneNgram:
    """An n-gram model over tokens.

    Args:
        names: of the tokens; `START` and `END` are among them.
        children: [S] how many n-grams stand right below each; the root first, then level by level.
        token, prob, backoff: [S], see `NgramArrays`.

    Raises:
        ValueError: arrays that make no model.
    """

    def __init__(
        self, names: Sequence[str], children: np.ndarray, token: np.ndarray, prob: np.ndarray, backoff: np.ndarray
    ):
        self.names, self.numbers = list(names), {name: number for number, name in enumerate(names)}
        children, token = children.astype(np.int64), token.astype(np.int64)
        prob, backoff = prob.astype(np.float32), backoff.astype(np.float32)
        first_child = np.concatenate([[0], np.cumsum(children)]) + 1
        if len(self.numbers) != len(self.names) or not {START, END} <= set(self.numbers):
            raise ValueError("names of tokens that are not distinct, or lack the beginning and the end")
        if not len(children) == len(prob) == len(backoff) == len(token) or first_child[-1] != len(token):
            raise ValueError("arrays of different lengths")
        if children.min() < 0 or (first_child[1:-1] <= np.arange(1, len(token))).any():
            raise ValueError("n-grams that stand before shorter ones")
        if children[ROOT] != len(names) or token[1:].min() < 0 or token.max() >= len(names):
            raise ValueError("tokens without a name")
        if not (np.isfinite(prob).all() and np.isfinite(backoff).all()):
            raise ValueError("log-probs that are no numbers")
        token[ROOT] = -1
        links = _links(children, first_child, token, len(names))
        whole = (part.astype(np.int32) for part in (token, first_child, *links))  # more of them stay in fast memory
        token, first_child, shorter, onward = whole
        self.arrays = NgramArrays(token, first_child, prob, backoff, shorter, onward)
        self.start = int(self.arrays.onward[1 + self.numbers[START]])

    def score(self, state: int, token: int) -> tuple[float, int]:
        """log10 P(token | state), and the state behind it."""
        ngram, total = self.arrays, 0.0
        while True:
            first, last = ngram.first_child[state], ngram.first_child[state + 1]
            found = int(first + np.searchsorted(ngram.token[first:last], token))
            if found < last and ngram.token[found] == token:
                return total + float(ngram.prob[found]), int(ngram.onward[found])
            total += float(ngram.backoff[state])
            state = int(ngram.shorter[state])

    @classmethod
    def load(cls, path: str | PathLike[str]) -> GraphoneNgram:
        """That of a file.

        Raises:
            OSError, ValueError, KeyError: no such file, or another content.
        """
        with np.load(path, allow_pickle=False) as stored:
            names = stored["names"].tobytes().decode("utf-8").split("\n")
            return cls(names, *(stored[name] for name in ("children", "token", "prob", "backoff")))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the file that `load` reads."""
        children, token = np.diff(self.arrays.first_child), np.maximum(self.arrays.token, 0)
        names = np.frombuffer("\n".join(self.names).encode(), dtype=np.uint8)
        parts = {"children": children.astype(np.uint16), "token": token.astype(np.uint16)}
        with Path(path).open("wb") as file:
            np.savez_compressed(file, names=names, prob=self.arrays.prob, backoff=self.arrays.backoff, **parts)

    @classmethod
    def of(
        cls, levels: Sequence[Mapping[tuple[str, ...], tuple[float, float]]], step: float | None = None
    ) -> GraphoneNgram:
        """That of n-grams, as an ARPA file has them: for each length, of each its log10-prob and back-off.

        Raises:
            ValueError: n-grams whose parts are none.
        """
        names = sorted(word for (word,) in levels[0]) if levels else []
        number = {name: place for place, name in enumerate(names)}
        found = [
            sorted((tuple(number[word] for word in words), values) for words, values in one.items()) for one in levels
        ]
        rows = [((), (0.0, 0.0)), *(row for level in found for row in level)]
        below = Counter(key[:-1] for key, _ in rows[1:])
        children = np.array([below[key] for key, _ in rows])
        token = np.array([key[-1] if key else 0 for key, _ in rows])
        values = np.array([values for _, values in rows])
        if step is not None:
            values = np.round(values / step) * step
        return cls(names, children, token, values[:, 0], values[:, 1])


def _links(
    children: np.ndarray, first_child: np.ndarray, token: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """`shorter` and `onward` of n-grams, level by level.

    Raises:
        ValueError: an n-gram whose end is none.
    """
    parent = np.repeat(np.arange(len(token)), children)
    keys = parent * size + token[1:]
    if (np.diff(keys) <= 0).any():
        raise ValueError("n-grams in no order")
    shorter, onward = np.zeros(len(token), dtype=np.int64), np.zeros(len(token), dtype=np.int64)
    first, last = 1, int(first_child[1])
    while first < last:
        level = np.arange(first, last)
        if first > 1:
            wanted = shorter[parent[level - 1]] * size + token[level]
            found = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            if (keys[found] != wanted).any():
                raise ValueError("n-grams whose ends are none")
            shorter[level] = found + 1
        onward[level] = np.where(children[level] > 0, level, onward[shorter[level]])
        first, last = last, int(first_child[last])
    return shorter, onward
