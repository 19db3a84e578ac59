"""What is said when something else is heard: how a model's spelling, pronounced, errs.

Learned from recordings with transcripts (`examples/train_confusions.py`).  What one model taught holds for others, for
it is mostly the alphabet and the sounds that are at fault.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
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


@lru_cache(maxsize=1)
def shipped_confusions() -> Confusions:
    """The table of this package, loaded once."""
    return Confusions.load()
