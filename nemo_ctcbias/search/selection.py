"""Which hypotheses one frame keeps, and the trees of prefixes and words that they grow (compiled).

`scores_of` what `extension.extend` found, `rank` it, `settle` what was chosen; the rest is about trees.

What is not settled yet must not be the end of all others: what an unfinished phrase lends, once it is given back, and
what an unfinished word is spared that nobody knows, once it ends.  Where all hypotheses owed so much, none that pays it
and goes on with something else would be near enough to be kept.  So hypotheses are as near to the best as they are with
what they owe, or as they are without.
"""

from __future__ import annotations

import numpy as np

from nemo_ctcbias.bias_list.trie import ROOT
from nemo_ctcbias.compiled import compiled
from nemo_ctcbias.search.beams import BEAM, Tree, new_tree

BEHIND = 1e-6  # of two that lead, the one with what is owed is before the one without


@compiled
def scores_of(stay, found):
    """[B + E] scores; those of extensions lack the penalty of the unfinished word."""
    scores = np.empty(len(stay) + len(found))
    for index in range(len(stay)):
        beam = stay[index]
        scores[index] = np.logaddexp(beam.blank, beam.token) + beam.lm + beam.partial + beam.committed + beam.lent
    scores[len(stay) :] = found.score
    return scores


@compiled
def owed_by(stay, found, starts_word):
    """[B + E] what of the scores is not settled: the loan of an unfinished phrase, the cost of the unfinished word.

    What a word will have cost is that of the word so far, were it to end here; of a longer one that of what it goes on.
    """
    owed, spared = np.empty(len(stay) + len(found)), stay.partial - stay.ended
    owed[: len(stay)] = stay.lent - stay.held + spared
    for index in range(len(found)):
        new = found[index]
        owed[len(stay) + index] = new.lent - new.held + (0.0 if starts_word[new.token] else spared[new.at])
    return owed


@compiled
def rank(scores, owed, exact, found, words, beam_width, beam_prune_logp):
    """Choose the `beam_width` nearest to the best, of those within `beam_prune_logp` of it.

    Scores that are not `exact` yet get the penalties of their unfinished words, as far as they are known. Of the others
    only those matter that could still enter the beam (penalties only lower).

    Returns:
        Indices of the chosen ones, ascending; nodes of unfinished words met for the first time (`words` needs room for
        them). Where there are any, give them their values and rank once more.
    """
    stays, new, count = len(scores) - len(found), np.empty(len(found), np.int64), 0
    exact[:stays] = True
    near = _nearness(scores, owed, exact)
    for index in range(stays, len(scores)):
        if near[index] >= beam_prune_logp and not exact[index]:
            node = find(words, found[index - stays].word, found[index - stays].token)
            if node >= 0:
                scores[index] += words.value[node]
                exact[index] = True
    near = _nearness(scores, owed, exact)
    bar = _bar(near[exact], beam_width, beam_prune_logp)
    for index in range(stays, len(scores)):
        if near[index] >= bar and not exact[index]:
            word, token = found[index - stays].word, found[index - stays].token
            if find(words, word, token) < 0:
                new[count] = insert(words, word, token, np.nan)
                count += 1
    return _at_least(bar, near, exact, beam_width), new[:count]


@compiled
def _nearness(scores, owed, exact):
    """[B + E] how far each is from the best of the exact ones (0 or below), with or without what is owed."""
    best, secure = scores[exact].max(), (scores - owed)[exact].max()
    return np.maximum(scores - best, scores - owed - secure - BEHIND)


@compiled
def _bar(near, beam_width, beam_prune_logp):
    """Nearness that a hypothesis must reach to be kept."""
    within = near[near >= beam_prune_logp]
    place = len(within) - beam_width
    return np.partition(within, place)[place] if place > 0 else beam_prune_logp


@compiled
def _at_least(bar, near, exact, beam_width):
    """Indices of the exact ones that reach the bar, ascending; no more than `beam_width`, those at the bar last."""
    level = beam_width - np.sum(exact & (near > bar))
    chosen, count = np.empty(beam_width, np.int64), 0
    for index in range(len(near)):
        if exact[index] and (near[index] > bar or (near[index] == bar and level > 0)):
            level -= near[index] == bar
            chosen[count] = index
            count += 1
    return chosen[:count]


@compiled
def settle(stay, found, chosen, beams, starts_word, trie, prefixes, words, with_words):
    """The chosen hypotheses as the next beam, those extended with their new prefixes."""
    after = np.empty(len(chosen), BEAM)
    for number in range(len(chosen)):
        index = chosen[number] - len(stay)
        if index < 0:
            after[number] = stay[chosen[number]]
            continue
        new, beam = found[index], beams[found[index].at]
        after[number] = beam
        one = after[number]
        one.parent, one.last, one.length = beam.prefix, new.token, beam.length + 1
        one.prefix = insert(prefixes, beam.prefix, new.token, new.credit)
        one.blank, one.token, one.best = -np.inf, new.mass, new.mass
        one.pending, one.credit, one.lent = new.pending, new.credit, new.lent
        one.committed, one.paid, one.tail, one.held = new.committed, new.paid, new.tail, new.held
        one.lm, one.ended = new.lm, np.nan if with_words else 0.0
        if new.settles:
            one.committed_to = beam.length
        one.state = new.state
        if beam.state == ROOT or trie.depth[new.state] <= trie.depth[beam.state]:  # another match than before
            one.counts_from = one.committed_to
        if starts_word[new.token]:
            one.before = beam.behind
        if with_words:
            one.word = find(words, new.word, new.token)
            one.partial = words.value[one.word]
    return after


def with_room(tree: Tree, more: int) -> Tree:
    """The tree with room for so many more nodes."""
    if tree.used[0] + more <= len(tree.parent):
        return tree
    larger = new_tree(max(2 * len(tree.parent), int(tree.used[0]) + more))
    copy(tree, larger)
    return larger


@compiled
def copy(tree, larger):
    """Put the nodes of a tree into an empty one, under the same numbers."""
    for node in range(1, tree.used[0]):
        insert(larger, tree.parent[node], tree.token[node], tree.value[node])
        larger.born[node] = tree.born[node]
    larger.used[1] = tree.used[1]


@compiled
def transplant(tree, kept, target):
    """Put some nodes of a tree (ascending, each after its parent, but for the first, which becomes the root) into an
    empty one with room for them; they are numbered by their place.
    """
    for place in range(1, len(kept)):
        node = kept[place]
        new = insert(target, np.searchsorted(kept, tree.parent[node]), tree.token[node], tree.value[node])
        target.born[new] = tree.born[node]
    target.used[1] = tree.used[1]


@compiled
def find(tree, parent, token):
    """Node of (parent, token), -1 if there is none."""
    node = tree.place[_place_of(tree, parent, token)]
    return node if node else -1


@compiled
def insert(tree, parent, token, value):
    """Node of (parent, token), which gets this value and is born now; it needs room if it is a new one."""
    place = _place_of(tree, parent, token)
    node = tree.place[place]
    if not node:
        node = tree.place[place] = tree.used[0]
        tree.used[0] += 1
        tree.parent[node], tree.token[node] = parent, token
    tree.value[node], tree.born[node] = value, tree.used[1]
    return node


@compiled
def _place_of(tree, parent, token):
    """Where in the table (parent, token) stands, or would."""
    last = len(tree.place) - 1
    place = (parent * 0x9E3779B1 + token * 0x85EBCA6B) >> 7 & last  # spreads neighbours
    while tree.place[place] and (tree.parent[tree.place[place]] != parent or tree.token[tree.place[place]] != token):
        place = place + 1 & last
    return place


@compiled
def read(tree, nodes, lengths):
    """Tokens and their values of the sequences that end in these nodes, first to last, each [nodes, longest]."""
    tokens, values = np.zeros((len(nodes), lengths.max()), np.int64), np.zeros((len(nodes), lengths.max()))
    for row in range(len(nodes)):
        node = nodes[row]
        for place in range(lengths[row] - 1, -1, -1):
            tokens[row, place], values[row, place] = tree.token[node], tree.value[node]
            node = tree.parent[node]
    return tokens, values
