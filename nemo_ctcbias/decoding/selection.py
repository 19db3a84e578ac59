"""Which hypotheses one frame keeps, and the trees of prefixes and words that they grow (compiled).

`scores_of` what `extension.extend` found, `rank` it, `settle` what was chosen; the rest is about trees.
"""

from __future__ import annotations

import numpy as np

from nemo_ctcbias.bias_list.trie import ROOT
from nemo_ctcbias.compiled import compiled
from nemo_ctcbias.decoding.beams import BEAM, Tree, new_tree


@compiled
def scores_of(stay, found):
    """[B + E] scores; those of extensions lack the penalty of the unfinished word."""
    scores = np.empty(len(stay) + len(found))
    scores[: len(stay)] = np.logaddexp(stay.blank, stay.token) + stay.lm + stay.partial + stay.committed + stay.lent
    scores[len(stay) :] = found.score
    return scores


@compiled
def rank(scores, exact, found, words, beam_width, beam_prune_logp):
    """Choose the best `beam_width` within `beam_prune_logp` of the best.

    Scores that are not `exact` yet get the penalties of their unfinished words, best first until no other can enter the
    beam (penalties only lower).

    Returns:
        Indices of the chosen ones, ascending; nodes of unfinished words met for the first time (`words` needs room for
        them). Where there are any, give them their values and rank once more.
    """
    stays = len(scores) - len(found)
    new = np.empty(len(found), np.int64)
    while True:
        bar, lowered, count = _bar(scores, beam_width, beam_prune_logp), False, 0
        for index in range(stays, len(scores)):
            if scores[index] >= bar and not exact[index]:
                one = found[index - stays]
                node = find(words, one.word, one.token)
                if node < 0:
                    new[count] = insert(words, one.word, one.token, np.nan)
                    count += 1
                elif not np.isnan(words.value[node]):
                    scores[index] += words.value[node]
                    exact[index], lowered = True, True
        if count or not lowered:
            above, level = np.flatnonzero(scores > bar), np.flatnonzero(scores == bar)
            return np.sort(np.append(above, level[: beam_width - len(above)])), new[:count]


@compiled
def _bar(scores, beam_width, beam_prune_logp):
    """Score that a hypothesis must reach to be kept."""
    bar = scores.max() + beam_prune_logp
    if len(scores) > beam_width:
        place = len(scores) - beam_width
        bar = max(bar, np.partition(scores, place)[place])
    return bar


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
        one.state, one.pending, one.credit, one.lent = new.state, new.pending, new.credit, new.lent
        one.committed, one.lm, one.ended = new.committed, new.lm, np.nan if with_words else 0.0
        if starts_word[new.token]:
            one.before = beam.behind
            if trie.report[beam.state] != ROOT:
                one.committed_to = beam.length
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


@compiled
def find(tree, parent, token):
    """Node of (parent, token), -1 if there is none."""
    node = tree.place[_place_of(tree, parent, token)]
    return node if node else -1


@compiled
def insert(tree, parent, token, value):
    """Node of (parent, token), which gets this value; it needs room if it is a new one."""
    place = _place_of(tree, parent, token)
    node = tree.place[place]
    if not node:
        node = tree.place[place] = tree.used[0]
        tree.used[0] += 1
        tree.parent[node], tree.token[node] = parent, token
    tree.value[node] = value
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
def read(tree, node, length):
    """Tokens and their values, first to last."""
    tokens, values = np.empty(length, np.int64), np.empty(length)
    for place in range(length - 1, -1, -1):
        tokens[place], values[place] = tree.token[node], tree.value[node]
        node = tree.parent[node]
    return tokens, values
