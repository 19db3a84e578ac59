"""How much boost a phrase needs in some frames, per token: how far its spellings are from what the model writes there.

    gap = min over spellings r and frames [a, b) of the place of
          1 / |r| * sum over t in [a, b) of (max_k log p_t(k) - log p_t(path_t)),    path: the likeliest of r by CTC

The sum is what adaptive boosting, which lends each token its gap, would have to lend in all (`search.boosting`); 0
where the model writes the phrase by itself.
"""

from __future__ import annotations

import numpy as np

from nemo_ctcbias.bias_list.rows import Rows
from nemo_ctcbias.compiled import compiled


def spelled_gap(log_probs: np.ndarray, spellings: Rows) -> float:
    """Of a phrase in a place; infinite where it has no spelling, or too few frames for any.

    Args:
        log_probs: [T, V + 1] of the place, blank last.
        spellings: its token sequences, each of at least one token.
    """
    if not len(log_probs):
        return np.inf
    gaps = log_probs.max(axis=1, keepdims=True) - log_probs
    return float(_least(gaps, spellings.flat, spellings.starts, spellings.ends))


@compiled
def _least(gaps, tokens, starts, ends):
    """The least mean of `gaps` [T, V + 1] over the tokens `tokens[start:end]` of one of the spellings."""
    blank, least = gaps.shape[1] - 1, np.inf
    for row in range(len(starts)):
        first, count = starts[row], ends[row] - starts[row]
        states = np.full(2 * count - 1, np.inf)  # a token, the blank behind it, the next token, ...
        for t in range(len(gaps)):
            for state in range(len(states) - 1, -1, -1):  # so that those before are still the last frame's
                place = first + state // 2
                best = states[state]
                if state == 0:
                    best = 0.0  # the phrase may begin in any frame
                else:
                    best = min(best, states[state - 1])
                if state > 1 and state % 2 == 0 and tokens[place] != tokens[place - 1]:
                    best = min(best, states[state - 2])
                states[state] = best + gaps[t, blank if state % 2 else tokens[place]]
            least = min(least, states[-1] / count)
    return least
