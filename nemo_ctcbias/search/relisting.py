"""States of a search for another list, and without what nobody needs any more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nemo_ctcbias.bias_list.trie import ROOT, Automaton
from nemo_ctcbias.search.beams import new_tree
from nemo_ctcbias.search.extension import kept_boosts, next_state
from nemo_ctcbias.search.search_state import SearchState
from nemo_ctcbias.search.selection import read, transplant
from nemo_ctcbias.search.settling import count

if TYPE_CHECKING:
    from nemo_ctcbias.search.beam_search import BeamSearch


def relisted(state: SearchState, before: BeamSearch, after: BeamSearch) -> SearchState:
    """A state of one search, for another search of the same vocabulary.

    A phrase that is complete has earned its boost, and waits as one does that its word goes on behind (`held`).  Then
    the last tokens are read again, with the other list.
    """
    state = state.copy()
    beams, prefixes, old, new = state.beams, state.prefixes, before.trie, after.trie
    ends = old.report[beams["state"]]
    complete = ends != ROOT
    kept = kept_boosts(beams, old, prefixes, before.following, before.rules) - beams["committed"]
    beams["held"] = np.where(complete | before.following.whole[beams["tail"]], kept, beams["held"])
    beams["tail"] = np.where(complete, old.row[ends], beams["tail"])
    beams["counts_from"], beams["paid"] = beams["committed_to"], 0.0
    longest, tokens_of, credits_of = int(new.depth.max()), *read(prefixes, beams["prefix"], beams["length"])
    for beam, tokens, credits in zip(beams, tokens_of, credits_of, strict=True):
        length = int(beam["length"])
        first = max(length - longest, 0)
        start = ROOT if first or state.forgotten else after.initial_state
        beam["state"] = _read(new, tokens[first:length], tokens[first - 1] if first else -1, start, after)
        count = min(int(new.depth[beam["state"]]), length - int(beam["committed_to"]))
        beam["pending"] = credits[length - count : length].sum()
        lend = after.rules.weight * new.lend[beam["state"]]
        beam["lent"] = max(beam["held"], lend * beam["pending"] if lend > 0 else 0.0, 0.0)
    return state


def _read(trie: Automaton, tokens: np.ndarray, before: int, state: int, search: BeamSearch) -> int:
    """State of a list's trie behind some tokens."""
    following = search.following
    for token in tokens.tolist():
        inside = before >= 0 and not following.opens[before] and following.joins[token]
        state = next_state(trie, state, token + len(following.joins) * bool(inside))
        before = token
    return int(state)


def trimmed(state: SearchState, search: BeamSearch, first: int) -> tuple[SearchState, int]:
    """The state without what is settled, and how many tokens that were.

    The last of them may be part of a phrase, and are kept.

    Args:
        first: token from which on all are kept.
    """
    beams, tree = state.beams.copy(), state.prefixes
    top, length = state.settled, int(count(tree, state.settled))
    kept_length = min(length, first, int((beams["length"] - search.trie.depth[beams["state"]]).min()))
    for _ in range(length - kept_length):
        top = int(tree.parent[top])
    kept, nodes = {top}, np.unique(np.append(beams["prefix"], state.settled))
    for node in nodes.tolist():
        while node not in kept:
            kept.add(node)
            node = int(tree.parent[node])
    order = np.array(sorted(kept))
    smaller = new_tree(2 * len(order))
    transplant(tree, order, smaller)
    before = state.settled, state.ended
    settled, ended = (int(np.searchsorted(order, node)) if node in kept else -1 for node in before)
    new = replace(state, beams=beams, prefixes=smaller, settled=settled, ended=ended)
    new.trimmed, new.forgotten = state.trimmed + 1, state.forgotten + kept_length
    beams["prefix"] = np.searchsorted(order, beams["prefix"])
    inside = np.isin(beams["parent"], order)
    beams["parent"] = np.where(inside, np.searchsorted(order, beams["parent"]), -1)
    for name in ("length", "committed_to", "counts_from"):
        beams[name] -= kept_length
    if new.scorer is not None:
        new.scorer = new.scorer.handed_on(beams, new.scorer.model)
    return new, kept_length
