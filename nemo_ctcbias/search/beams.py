"""Hypotheses as records of arrays, and the trees of token prefixes and of words that they stand in.

All of it is plain data for the compiled steps of the search: `extension` and `selection`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# A hypothesis of the beam.  All fields take 8 bytes, which aligns them; `align=True` is lost on the way under numpy 2,
# and numba takes records with and without it for different types.
BEAM = np.dtype(
    [
        # Its prefix in the tree, the prefix without the last token, and that token (-1 for none).
        *((name, np.int64) for name in ("prefix", "parent", "last")),
        # Number of tokens; of those at the start, how many have their credits settled, so that none is paid twice.
        *((name, np.int64) for name in ("length", "committed_to")),
        # State in the trie of listed phrases; from which token on its match may count credits; row of
        # `bias_list.word_ends.Following`, where a phrase has ended and its word goes on.
        *((name, np.int64) for name in ("state", "counts_from", "tail")),
        # Language model: states before and behind the last word (as the scorer numbers them), node of that word.
        *((name, np.int64) for name in ("before", "behind", "word")),
        # Log-probs of all alignments that end in blank, in the last token; of the best one, which decides its credit.
        *((name, np.float64) for name in ("blank", "token", "best")),
        # Raw credits of the partial match and of the last token; weighted boost of the partial match, which may be
        # given back, and of the phrases that are complete; of the latter, what was for phrases inside the partial
        # match, and what the phrase will keep whose word goes on.
        *((name, np.float64) for name in ("pending", "credit", "lent", "committed", "paid", "held")),
        # Language model score of the finished words, penalty of the unfinished one; what that would score if it ended
        # here (NaN: nobody asked yet).
        *((name, np.float64) for name in ("lm", "partial", "ended")),
    ]
)

# A hypothesis that a token would make of beam `at`: only what decides whether it is kept. `word` is the node that the
# token leads on from; `settles` whether a phrase ended before it; `score` lacks the penalty of the unfinished word.
EXTENSION = np.dtype(
    [
        *((name, np.int64) for name in ("at", "token", "state", "word", "tail", "settles")),
        *((name, np.float64) for name in ("mass", "pending", "credit", "lent", "committed", "paid", "held")),
        *((name, np.float64) for name in ("lm", "score")),
    ]
)


def first_beam(state: int, ended: float = 0.0) -> np.ndarray:
    """The empty hypothesis before the first frame, in this state of the trie; `ended` NaN where words are scored."""
    beam = np.zeros(1, dtype=BEAM)
    beam["parent"], beam["last"], beam["state"] = -1, -1, state
    beam["token"] = beam["best"] = -np.inf
    beam["ended"] = ended
    return beam


class Tree(NamedTuple):
    """Sequences of tokens that share their beginnings: node 0 is the empty one, the others (parent, token).

    parent, token: [nodes]; `used` [2] is how many there are, and the frame that is searched.
    value: [nodes] credit of a prefix's last token; penalty of an unfinished word.
    born: [nodes] frame of a prefix's last token, by the likeliest of its emissions so far.
    place: hash table of the nodes, 0 where there is none; a power of two long.
    """

    parent: np.ndarray
    token: np.ndarray
    value: np.ndarray
    born: np.ndarray
    place: np.ndarray
    used: np.ndarray


def new_tree(room: int = 64) -> Tree:
    """A tree of the empty sequence, of value 0, with room for so many nodes in all."""
    parent, token, born = (np.zeros(room, np.int64) for _ in range(3))
    place = np.zeros(1 << (2 * room - 1).bit_length(), np.int64)
    return Tree(parent, token, np.zeros(room), born, place, used=np.array([1, 0]))
