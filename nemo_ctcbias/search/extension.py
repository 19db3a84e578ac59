"""What one frame may make of the beam, a hypothesis and a token at a time (compiled).

The same search with nothing but dictionaries and tuples is the oracle of the tests (tests/search/reference.py).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nemo_ctcbias.bias_list.trie import ROOT
from nemo_ctcbias.bias_list.word_ends import CLOSED, NONE
from nemo_ctcbias.compiled import compiled
from nemo_ctcbias.search.beams import EXTENSION


class Rules(NamedTuple):
    """Settings of the boosting: see `BoostOptions`, and `BeamSearch` for `free_depth`."""

    weight: float
    gap_scale: float
    token_bonus: float
    max_gap: float
    first_token: float
    suppress: float
    phrase_cost: float
    free_depth: int


@compiled
def extend(beams, frame, likely, allowed, open_, starts_word, following, trie, prefixes, rules):
    """The beams one frame on, and what another token would make of each of them.

    Args:
        beams: [B] `BEAM`s.
        frame: [V + 1] log-probs, blank last.
        likely: [V] tokens to try on all beams.
        allowed: [V] those to try on beams inside a phrase that goes on with them, too.
        open_: whether the frame gives credit.
        following: what may follow a phrase within its word, see `bias_list.word_ends.Following`, which also says by
            which symbol of the trie a token goes.

    Returns:
        [B] the same prefixes, after a blank or the last token once more; [E] `EXTENSION`s to other prefixes.
    """
    tokens, top = frame[:-1], frame.max()
    total, stay = _stayed(beams, frame)
    heir, next_heir = _heirs(beams)
    plain = np.flatnonzero(likely)
    found, count = np.empty(_at_most(beams, len(plain), open_, trie), EXTENSION), 0
    into, merged = np.full(len(tokens), -1), np.zeros(len(beams), np.bool_)
    recent = np.zeros(trie.depth[beams.state].max() + 1)  # credits of a beam's last 0, 1, ... tokens, added up
    for b in range(len(beams)):
        within = beams[b].last >= 0 and not following.opens[beams[b].last]
        beam, depth, completes = beams[b], trie.depth[beams[b].state], trie.report[beams[b].state] != ROOT
        _mark(into, beams, heir[b], next_heir, True)
        _sum_up(recent[: depth + 1], prefixes, beam.prefix, beam.length - beam.committed_to)
        tail, gain = beam.tail, beam.held
        if completes:
            tail = trie.row[trie.report[beam.state]]
        if following.whole[tail]:
            gain = kept_boost(beam, trie, prefixes, following, rules)
        for index in range(len(plain) + (_children(trie, beam.state) if open_ else 0)):
            if index < len(plain):
                token = plain[index]
            else:
                # Where bias acts before pruning: a listed continuation survives though the audio ranks it low.
                child = trie.first_child[beam.state] + index - len(plain)
                token = trie.token[child] % len(tokens)
                if likely[token] or not allowed[token] or tokens[token] < top - rules.max_gap:
                    continue
            new = found[count]
            new.at, new.token = b, token
            new.mass = (beam.blank if token == beam.last else total[b]) + tokens[token]
            if new.mass == -np.inf:
                continue
            starts, row = starts_word[token], following.next[tail, token]
            new.lm = beam.lm + (beam.ended if starts else 0.0)
            new.word = 0 if starts else beam.word
            new.settles = row == CLOSED
            new.committed = beam.committed + (gain if row == CLOSED else 0.0)
            new.tail = max(row, NONE)
            new.held = 0.0 if new.tail == NONE else gain if completes else beam.held
            # The call is dear: most hypotheses are at the root.
            symbol = token + len(tokens) if within and following.joins[token] else token
            new.state = trie.from_root[symbol] if beam.state == ROOT else next_state(trie, beam.state, symbol)
            reached = trie.depth[new.state]
            carried, new.paid = 0.0, 0.0
            if reached == depth + 1:
                if depth > 0:
                    carried, new.paid = beam.pending, beam.paid + (gain if row == CLOSED else 0.0)
            elif reached > 1 and row != CLOSED:
                carried = recent[reached - 1]  # rare: the match fell back to a shorter phrase
            new.credit = _credit(reached, top - tokens[token], rules) if open_ and trie.earns[new.state] else 0.0
            new.pending = carried + new.credit
            lend = trie.lend[new.state]  # what phrases inside this one were paid is paid once
            new.lent = max(new.held, rules.weight * lend * new.pending - new.paid if lend > 0 else 0.0, 0.0)
            if into[token] >= 0:
                merged[into[token]] |= _merge(stay[into[token]], new)
            else:
                new.score = new.mass + new.lm + new.committed + new.lent
                count += 1
        _mark(into, beams, heir[b], next_heir, False)
    for b in np.flatnonzero(merged):  # only now: all of the above saw the credits of the frame before
        prefixes.value[stay[b].prefix], prefixes.born[stay[b].prefix] = stay[b].credit, prefixes.used[1]
    return stay, found[:count]


@compiled
def _stayed(beams, frame):
    """[B] log-prob of each prefix so far; [B] the same prefixes after a blank or the last token once more."""
    total, stay, blank = np.logaddexp(beams.blank, beams.token), beams.copy(), frame[-1]
    for b in range(len(beams)):
        repeat = frame[beams[b].last] if beams[b].last >= 0 else -np.inf
        stay[b].blank, stay[b].token = total[b] + blank, beams[b].token + repeat
        stay[b].best = beams[b].best + max(blank, repeat)
    return total, stay


@compiled
def _heirs(beams):
    """[B] the first of the beams whose parent each beam is, -1 for none; [B] the next one of the same parent."""
    order = np.argsort(beams.prefix)
    prefixes = beams.prefix[order]
    heir, next_heir = np.full(len(beams), -1), np.full(len(beams), -1)
    for b in range(len(beams)):
        place = np.searchsorted(prefixes, beams[b].parent)
        if place < len(beams) and prefixes[place] == beams[b].parent:
            parent = order[place]
            next_heir[b], heir[parent] = heir[parent], b
    return heir, next_heir


@compiled
def _mark(into, beams, b, next_heir, on):
    """Note by which tokens a beam becomes one of its heirs, or forget it."""
    while b >= 0:
        into[beams[b].last] = b if on else -1
        b = next_heir[b]


@compiled
def _children(trie, state):
    """How many tokens go on with a phrase; those that begin one do so by themselves."""
    return 0 if state == ROOT else trie.first_child[state + 1] - trie.first_child[state]


@compiled
def _at_most(beams, plain, open_, trie):
    """No more extensions than this."""
    count = len(beams) * plain + 1
    if open_:
        for b in range(len(beams)):
            count += _children(trie, beams[b].state)
    return count


@compiled
def _sum_up(sums, tree, node, most):
    """Sums of the values of the last 0, 1, ... tokens, of no more than `most`, put into `sums`."""
    for count in range(1, len(sums)):
        sums[count] = sums[count - 1]
        if count <= most:
            sums[count] += tree.value[node]
            node = tree.parent[node]


# Small on purpose: a function that takes trie and tree along is called, not inlined, at ten times the price of what it
# does here.
@compiled
def _credit(reached, gap, rules):
    """Credit of a token that goes on with a phrase up to this depth, `gap` below the frame's top-1; before weights."""
    if reached == 0 or gap > rules.max_gap:
        return 0.0
    share = 1.0 if reached > rules.free_depth else rules.first_token
    return share * (rules.gap_scale * gap + rules.token_bonus)


@compiled
def _merge(beam, new):
    """Add an extension to the beam of the same prefix, whose last token's credit is that of its likeliest emission."""
    beam.token = np.logaddexp(beam.token, new.mass)
    decides = new.mass > beam.best
    if decides:
        beam.best, beam.pending, beam.credit, beam.lent = new.mass, new.pending, new.credit, new.lent
        beam.paid, beam.held = new.paid, new.held
    return decides


@compiled
def kept_boost(beam, trie, prefixes, following, rules):
    """Weighted boost that a hypothesis keeps if its last word ends here, beside what phrases inside have been paid.

    It is that of the phrase which the last token completes, or of one that is complete but for what follows it in its
    word; where it is both, the larger.
    """
    held = beam.held if following.whole[beam.tail] else 0.0
    end = trie.report[beam.state]
    if end == ROOT:
        return held
    whole = end == beam.state
    weight = rules.weight * trie.weights[trie.phrase[end]]
    tokens = min(trie.depth[end], beam.length - (beam.counts_from if whole else beam.committed_to))
    if weight < 0:
        gain = weight * rules.suppress * tokens
    else:
        gain = weight * max(0.0, last_values(prefixes, beam.prefix, tokens) - rules.phrase_cost - trie.cost[end])
    gain -= beam.paid if whole else 0.0
    return max(gain, held) if following.whole[beam.tail] else gain


@compiled
def kept_boosts(beams, trie, prefixes, following, rules):
    """[B] the weighted boosts that hypotheses keep if they end here, those of complete phrases included."""
    kept = beams.committed.copy()
    for b in range(len(beams)):
        kept[b] += kept_boost(beams[b], trie, prefixes, following, rules)
    return kept


@compiled
def next_state(trie, state, token):
    """State of an `Automaton` after a token: the longest suffix that begins a phrase."""
    while state != ROOT:
        low, end = trie.first_child[state], trie.first_child[state + 1]
        high = end
        while low < high:
            middle = (low + high) // 2
            if trie.token[middle] < token:
                low = middle + 1
            else:
                high = middle
        if low < end and trie.token[low] == token:
            return low
        state = trie.fail[state]
    return trie.from_root[token]


@compiled
def last_values(tree, node, count):
    """Sum of the values of the last `count` tokens."""
    total = 0.0
    for _ in range(count):
        total += tree.value[node]
        node = tree.parent[node]
    return total
