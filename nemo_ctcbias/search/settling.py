"""What of the hypotheses is settled: what they share, and what is older than the search looks back (compiled)."""

from __future__ import annotations

import numpy as np

from nemo_ctcbias.compiled import compiled


@compiled
def anchors(beams, tree, horizon):
    """[B] node of what each of the beams says up to a frame, 0 for nothing."""
    found = np.empty(len(beams), np.int64)
    for b in range(len(beams)):
        node = beams[b].prefix
        while node and tree.born[node] > horizon:
            node = tree.parent[node]
        found[b] = node
    return found


@compiled
def below(beams, tree, ancestor):
    """[B] whether each of the beams goes on from a node, or is it."""
    found = np.empty(len(beams), np.bool_)
    for b in range(len(beams)):
        node = beams[b].prefix
        while node > ancestor:  # parents have lower numbers
            node = tree.parent[node]
        found[b] = node == ancestor
    return found


@compiled
def next_tokens(beams, tree, node):
    """[B] token with which each of the beams goes on from a node, -1 for those that end there or are elsewhere."""
    found = np.empty(len(beams), np.int64)
    for b in range(len(beams)):
        at, after = beams[b].prefix, 0
        while at > node:  # parents have lower numbers
            at, after = tree.parent[at], at
        found[b] = tree.token[after] if at == node and after else -1
    return found


@compiled
def count(tree, node):
    """How many tokens there are up to a node."""
    tokens = 0
    while node:
        node = tree.parent[node]
        tokens += 1
    return tokens
