"""Oracles for the beam search: the sum over all CTC paths, and the same search in plain Python."""

from __future__ import annotations

import itertools
import math

import numpy as np

NEVER = -math.inf


def collapse(path, blank):
    """Tokens of a CTC path: repeats merged, blanks removed."""
    return tuple(token for token, _ in itertools.groupby(path) if token != blank)


def exhaustive(log_probs):
    """Log-prob of every token sequence: all (V + 1) ** T paths added up."""
    frames, size = log_probs.shape
    sums = {}
    for path in itertools.product(range(size), repeat=frames):
        score = sum(log_probs[t, token] for t, token in enumerate(path))
        tokens = collapse(path, size - 1)
        sums[tokens] = np.logaddexp(sums.get(tokens, NEVER), score)
    return sums


def listed_end(tokens, phrases, committed=0):
    """Longest listed phrase (tokens, weight) that ends the sequence, or None."""
    ending = [p for p in phrases if tokens[len(tokens) - len(p) :] == p]
    return max(ending, key=len, default=None)


def match_length(tokens, phrases):
    """How many of the last tokens are a prefix of a listed phrase (the longest such suffix)."""
    for length in range(len(tokens), 0, -1):
        if any(p[:length] == tokens[len(tokens) - length :] for p in phrases):
            return length
    return 0


class Beam:
    """One hypothesis: everything in dictionaries and tuples, nothing cached."""

    def __init__(self, tokens=(), credits=()):
        self.tokens, self.credits = tokens, credits
        self.blank, self.token, self.best = NEVER, NEVER, NEVER
        self.committed, self.settled = 0.0, 0


class NoWords:
    """A language model that says nothing."""

    def get_start_state(self):
        return ()

    def score(self, state, word, is_last_word=False):
        return 0.0, state

    def score_partial_token(self, text):
        return 0.0


def plain_search(
    log_probs, phrases, starts_word, options, boost, free_depth=1, lm=None, pieces=None, costs=None, phrase_cost=0.0
):
    """`phrases`: {tokens: weight}.  Returns {tokens: (acoustic, boost)} of the final beam, with `lm` its score too.

    costs: {tokens: what the phrase gives back}.
    phrase_cost: what every phrase gives back.
    lm, pieces: language model, and the text that each token adds to the word it begins or goes on with.
    """
    model = lm or NoWords()
    pieces = pieces or [""] * len(starts_word)

    def words_of(tokens):
        """Finished words and the unfinished last one."""
        words = [""]
        for token in tokens:
            words = [*words, pieces[token]] if starts_word[token] else [*words[:-1], words[-1] + pieces[token]]
        return [word for word in words[:-1] if word], words[-1]

    def lm_score(tokens, end=False):
        """Finished words, and the unfinished one as such, or as the last one."""
        words, rest = words_of(tokens)
        if end and rest:
            words = [*words, rest]
        state, total = model.get_start_state(), 0.0
        for index, word in enumerate(words):
            score, state = model.score(state, word, is_last_word=end and index == len(words) - 1)
            total += score
        return total if end or not rest else total + model.score_partial_token(rest)

    size = log_probs.shape[1] - 1
    first = Beam()
    first.blank = 0.0
    beams = [first]
    credits_of = {}  # the credit of a prefix's last token, as of its likeliest emission

    def lend(tokens):
        n = match_length(tokens, phrases)
        weights = [w for p, w in phrases.items() if n and p[:n] == tokens[len(tokens) - n :]]
        return n, max([0.0, *weights])

    def sum_credits(tokens, count):
        return sum(credits_of.get(tokens[: len(tokens) - i], 0.0) for i in range(count))

    def kept(beam):
        phrase = listed_end(beam.tokens, phrases)
        if phrase is None:
            return None
        count = min(len(phrase), len(beam.tokens) - beam.settled)
        if phrases[phrase] < 0:
            return boost.weight * phrases[phrase] * boost.suppress * count
        cost = phrase_cost + (costs or {}).get(phrase, 0.0)
        return boost.weight * phrases[phrase] * max(0.0, sum_credits(beam.tokens, count) - cost)

    def score(beam):
        return np.logaddexp(beam.blank, beam.token) + beam.committed + beam.lent + lm_score(beam.tokens)

    first.lent, first.pending, first.credit = 0.0, 0.0, 0.0
    for frame in log_probs:
        top, blank, tokens = frame.max(), frame[size], frame[:size]
        open_ = bool(phrases) and math.exp(blank) <= boost.max_blank
        likely = {c for c in range(size) if tokens[c] >= options.token_min_logp}
        if tokens.max() >= top:
            likely.add(int(tokens.argmax()))
        after, later = {}, {}
        for beam in beams:
            new = Beam(beam.tokens)
            new.__dict__.update(beam.__dict__)
            repeat = tokens[beam.tokens[-1]] if beam.tokens else NEVER
            new.blank = np.logaddexp(beam.blank, beam.token) + blank
            new.token = beam.token + repeat
            new.best = beam.best + max(blank, repeat)
            after[beam.tokens] = new
        ranked = list(after.values())
        for beam in beams:
            n, _ = lend(beam.tokens)
            revived = set()
            if open_ and n:
                prefix = beam.tokens[len(beam.tokens) - n :]
                revived = {p[n] for p in phrases if len(p) > n and p[:n] == prefix}
                revived = {c for c in revived - likely if tokens[c] >= top - boost.max_gap}
            for c in [*sorted(likely), *sorted(revived)]:
                mass = (
                    beam.blank if beam.tokens and c == beam.tokens[-1] else np.logaddexp(beam.blank, beam.token)
                ) + tokens[c]
                if mass == NEVER:
                    continue
                new = Beam((*beam.tokens, c))
                new.token, new.best = mass, mass
                new.committed, new.settled = beam.committed, beam.settled
                if starts_word[c] and (gain := kept(beam)) is not None:
                    new.committed, new.settled = new.committed + gain, len(beam.tokens)
                reached, weight = lend(new.tokens)
                gap = top - tokens[c]
                raw = boost.gap_scale * gap + boost.token_bonus if open_ and gap <= boost.max_gap else 0.0
                new.credit = raw * (1.0 if reached > free_depth else boost.first_token if reached else 0.0)
                earlier = sum_credits(beam.tokens, min(reached - 1, len(beam.tokens) - new.settled)) if reached else 0.0
                if reached and reached == n + 1 and new.settled == beam.settled:
                    earlier = beam.pending  # kept as it was lent
                earlier = earlier if reached > 1 else 0.0
                if not any(p[:reached] == new.tokens[len(new.tokens) - reached :] for p in phrases):
                    new.credit = -earlier
                new.pending = earlier + new.credit
                new.lent = boost.weight * weight * new.pending
                there = after.get(new.tokens)
                if there is None:
                    ranked.append(new)
                    continue
                there.token = np.logaddexp(there.token, mass)
                if mass > there.best:
                    there.best = mass
                    there.pending, there.credit, there.lent = new.pending, new.credit, new.lent
                    later[new.tokens] = new.credit
        credits_of.update(later)
        ranked.sort(key=lambda b: -score(b))
        best = score(ranked[0])
        ranked = [b for b in ranked[: options.beam_width] if score(b) >= best + options.beam_prune_logp]
        for beam in ranked:
            if beam.tokens not in after:
                credits_of[beam.tokens] = beam.credit
        beams = ranked
    results = {}
    for beam in beams:
        total = beam.committed + (kept(beam) or 0.0)
        results[beam.tokens] = (np.logaddexp(beam.blank, beam.token), total)
        if lm is not None:
            results[beam.tokens] += (lm_score(beam.tokens, end=True),)
    return results
