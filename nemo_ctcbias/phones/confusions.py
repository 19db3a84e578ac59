"""What is said when something else is heard: how a model's spelling, pronounced, errs.

Learned from recordings with transcripts by `examples/train_confusions.py`: the pronunciations of what was said are
aligned with the columns of what the model spelled (`spelled_phones`), and counted.  What one model taught holds for
others, for it is mostly the alphabet and the sounds that are at fault.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from os import PathLike
from pathlib import Path

import numpy as np

from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones.phones import BLANK, SUBSTITUTION_COSTS

SHIPPED = Path(__file__).parent / "data" / "confusions.json"
NOTHING = BLANK  # in the place of a phone: none was heard, or none was said


@dataclass(frozen=True)
class Confusions:
    """Probabilities of what was said, phones in the order of `PHONES` and nothing last.

    said: [40, 40], of each phone heard (or nothing where a phone was to be expected) that each was said.
    dropped: [40], that each was said between two sounds where nothing was heard at all.
    usual: [39], how often each is said.
    """

    said: np.ndarray
    dropped: np.ndarray
    usual: np.ndarray

    @classmethod
    def load(cls, path: str | PathLike[str] = SHIPPED) -> Confusions:
        """Those of a file, by default the shipped ones.

        Raises:
            PhoneticsError: no such file, or another content.
        """
        try:
            table = json.loads(Path(path).read_text(encoding="utf-8"))
            found = cls(*(np.array(table[name], dtype=np.float64) for name in ("said", "dropped", "usual")))
            shapes = [part.shape for part in (found.said, found.dropped, found.usual)]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PhoneticsError(f"{path}: is no table of confusions ({error}); train it again") from error
        if shapes != [(BLANK + 1, BLANK + 1), (BLANK + 1,), (BLANK,)]:
            raise PhoneticsError(f"{path}: is no table of confusions (shapes {shapes}); train it again")
        return found

    def save(self, path: str | PathLike[str]) -> None:
        """Write the file that `load` reads."""
        table = {name: np.round(getattr(self, name), 6).tolist() for name in ("said", "dropped", "usual")}
        Path(path).write_text(json.dumps(table) + "\n", encoding="utf-8")

    @classmethod
    def guessed(cls) -> Confusions:
        """From how alike phones are: where the learning begins."""
        alike = np.exp(-2 * PENALTY * SUBSTITUTION_COSTS)
        said = np.zeros((BLANK + 1, BLANK + 1))
        said[:BLANK, :BLANK] = 0.9 * alike / alike.sum(axis=1, keepdims=True)
        said[:BLANK, NOTHING] = 0.1
        said[NOTHING] = np.append(np.full(BLANK, 0.3 / BLANK), 0.7)
        return cls(said, np.append(np.full(BLANK, 0.02 / BLANK), 0.98), np.full(BLANK, 1 / BLANK))


PENALTY = 1.6  # of a substitution against an insertion or deletion, times what the phones differ by


def align(heard: Sequence[int], said: Sequence[int]) -> list[tuple[int | None, int | None]]:
    """Pairs of places of a cheapest alignment; None where one has nothing for the other's phone."""
    rows, columns = len(heard), len(said)
    cost = np.zeros((rows + 1, columns + 1))
    cost[:, 0], cost[0] = np.arange(rows + 1), np.arange(columns + 1)
    swap = PENALTY * SUBSTITUTION_COSTS[np.ix_(list(heard), list(said))] if rows and columns else np.zeros((rows, 0))
    for i in range(rows):
        for j in range(columns):
            cost[i + 1, j + 1] = min(cost[i, j] + swap[i, j], cost[i, j + 1] + 1, cost[i + 1, j] + 1)
    pairs: list[tuple[int | None, int | None]] = []
    i, j = rows, columns
    while i or j:
        if i and j and cost[i, j] == cost[i - 1, j - 1] + swap[i - 1, j - 1]:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif i and cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
            pairs.append((i, None))
        else:
            j -= 1
            pairs.append((None, j))
    return pairs[::-1]


def learned(examples: Iterable[tuple[np.ndarray, Sequence[int]]], rounds: int = 2) -> Confusions:
    """Confusions of recordings.

    Args:
        examples: of each recording the weights [C, 40] of what was heard in each place (nothing last), and the phones
            that were said.
        rounds: of expectation maximisation over which alternative it was that was heard.
    """
    aligned = []
    for heard, said in examples:
        if len(heard) and len(said):
            aligned.append((heard, said, align(heard[:, :BLANK].argmax(axis=1).tolist(), said)))
    found = Confusions.guessed()
    for _ in range(rounds if aligned else 0):
        counts, dropped = 2.0 * found.said, np.full(BLANK + 1, 0.5)
        for heard, said, pairs in aligned:
            for place, at in pairs:
                if place is None:
                    dropped[said[at]] += 1
                    continue
                was = NOTHING if at is None else said[at]
                share = heard[place] * found.said[:, was]
                if share.any():  # else it is not known how what is spelled there sounds
                    counts[:, was] += share / share.sum()
            dropped[NOTHING] += len(heard)
        usual = np.bincount(np.concatenate([said for _, said, _ in aligned]), minlength=BLANK) + 0.5
        found = Confusions(counts / counts.sum(axis=1, keepdims=True), dropped / dropped.sum(), usual / usual.sum())
    return found


@lru_cache(maxsize=1)
def shipped_confusions() -> Confusions:
    """The table of this package, loaded once."""
    return Confusions.load()
