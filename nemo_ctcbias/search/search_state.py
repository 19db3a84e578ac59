"""Where a beam search stands between two frames."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nemo_ctcbias.search.beams import Tree
from nemo_ctcbias.search.word_scorer import WordScorer


@dataclass
class SearchState:
    """All that a search knows: it goes on from here, whatever frames follow, and as often as one likes.

    Attributes:
        beams: [B] `BEAM`s, the hypotheses.
        prefixes: the tree that they stand in.
        scorer: of their words, which only grows and so may be shared by several states; None for none.
        waiting: [W, V + 1] frames that came and are not searched yet, as only what follows decides whether phrases earn
            credit in them (`BeamSearch`).
        frames: how many came, those that wait included.
        heard_at: the last of them in which a token was likelier than the blank; far back if there was none.
        settled: node of the prefix that is not changed any more; 0 where all may change.
        ended: the last such node behind which no hypothesis goes on with the same word; -1 for none.
        trimmed: how often the tree has been made anew.
        forgotten: how many tokens that were said first are in it no more.
    """

    beams: np.ndarray
    prefixes: Tree
    scorer: WordScorer | None
    waiting: np.ndarray | None = None
    frames: int = 0
    heard_at: float = -np.inf
    settled: int = 0
    ended: int = -1
    trimmed: int = 0
    forgotten: int = 0

    @property
    def searched(self) -> int:
        """How many frames were searched."""
        return self.frames - (0 if self.waiting is None else len(self.waiting))

    def copy(self) -> SearchState:
        """The same state, which searches on without this one."""
        return replace(self, beams=self.beams.copy(), prefixes=Tree(*(part.copy() for part in self.prefixes)))
