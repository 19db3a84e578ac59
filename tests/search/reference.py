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


def anywhere(tokens, at):
    """Whether a phrase may begin with token `at`."""
    return True


def listed_end(tokens, phrases, begins=anywhere):
    """Longest listed phrase (tokens, weight) that ends the sequence, or None."""
    ending = [p for p in phrases if tokens[len(tokens) - len(p) :] == p and begins(tokens, len(tokens) - len(p))]
    return max(ending, key=len, default=None)


def match_length(tokens, phrases, begins=anywhere):
    """How many of the last tokens are a prefix of a listed phrase (the longest such suffix)."""
    for length in range(len(tokens), 0, -1):
        start = len(tokens) - length
        if any(p[:length] == tokens[start:] for p in phrases) and begins(tokens, start):
            return length
    return 0


class Beam:
    """One hypothesis: everything in dictionaries and tuples, nothing cached."""

    def __init__(self, tokens=(), credits=()):
        self.tokens, self.credits = tokens, credits
        self.blank, self.token, self.best = NEVER, NEVER, NEVER
        self.committed, self.settled = 0.0, 0
        self.counts_from, self.paid = 0, 0.0  # of the partial match
        # What was read behind a phrase within its word, which endings it takes, what it will keep.
        self.tail, self.takes, self.held = None, (), 0.0


class NoWords:
    """A language model that says nothing."""

    def get_start_state(self):
        return ()

    def score(self, state, word, is_last_word=False):
        return 0.0, state

    def score_partial_token(self, text):
        return 0.0


def endings_of(phrase, endings):
    """Those that a phrase takes, as English writes them."""
    hisses, letters = phrase[-1:] in "sxz" or phrase[-2:] in ("sh", "ch"), sum(map(str.isalnum, phrase))
    if phrase[-1:] == "'" or phrase[-2:] == "'s":
        return set()
    fits = {"'s": True, "'": True, "s": letters > 3 and not hisses, "s'": letters > 3 and not hisses}
    fits |= dict.fromkeys(("es", "es'"), letters > 3 and (hisses or phrase[-1:] == "o"))
    return {ending for ending in endings if fits[ending]}


def read_on(tail, takes, phrase, text, starts, free):
    """What follows a phrase, read on by a token's text: None where it was no end, "|" where it was, else the tail.

    tail: what has been read; takes: the endings that the phrase takes; phrase: its text where it has just ended.
    """
    whole = tail == "" or tail in takes
    if tail is None:
        return None
    if starts or (phrase and phrase[-1] in free):
        return "|" if whole else None
    for letter in text.lower():
        if letter in ",.-" or letter in free:
            return "|" if tail == "" or tail in takes else None
        tail += letter
        if not any(ending.startswith(tail) for ending in takes):
            return None
    return tail


def plain_search(
    log_probs,
    phrases,
    starts_word,
    options,
    boost,
    free_depth=1,
    lm=None,
    pieces=None,
    costs=None,
    phrase_cost=0.0,
    endings=(),
    spaceless="",
    unearned=(),
):
    """`phrases`: {tokens: weight}.  Returns {tokens: (acoustic, boost)} of the final beam, with `lm` its score too.

    costs: {tokens: what the phrase gives back}.
    phrase_cost: what every phrase gives back.
    lm, pieces: language model, and the text that each token adds to the word it begins or goes on with.
    endings, spaceless: what may follow a phrase within its word, and letters that are words of their own.
    unearned: beginnings of phrases whose last token earns nothing.
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

    def cost_of_end(tokens):
        """What the unfinished word adds to the score if it ends here."""
        words, rest = words_of(tokens)
        state = model.get_start_state()
        for word in words:
            _, state = model.score(state, word)
        return model.score(state, rest)[0] - model.score_partial_token(rest) if rest else 0.0

    def begins(tokens, at):
        """Beside letters that are words of their own, a phrase may begin where a word may, with a space or without."""
        if at == 0 or not set(spaceless).intersection("".join(pieces)):
            return True
        apart = (*",.-", *spaceless)
        return starts_word[tokens[at]] or pieces[tokens[at]][0] in apart or pieces[tokens[at - 1]][-1] in apart

    size = log_probs.shape[1] - 1
    first = Beam()
    first.blank = 0.0
    beams = [first]
    credits_of = {}  # the credit of a prefix's last token, as of its likeliest emission

    def lend(tokens):
        n = match_length(tokens, phrases, begins)
        weights = [w for p, w in phrases.items() if n and p[:n] == tokens[len(tokens) - n :]]
        return n, max([0.0, *weights])

    def sum_credits(tokens, count):
        return sum(credits_of.get(tokens[: len(tokens) - i], 0.0) for i in range(count))

    def kept(beam):
        """What the beam gains if a word ends here, None if no phrase does."""
        gains = [beam.held] if beam.tail in beam.takes else []
        phrase = listed_end(beam.tokens, phrases, begins)
        if phrase is not None:
            whole = len(phrase) == match_length(beam.tokens, phrases, begins)
            count = min(len(phrase), len(beam.tokens) - (beam.counts_from if whole else beam.settled))
            weight = boost.weight * phrases[phrase]
            cost = phrase_cost + (costs or {}).get(phrase, 0.0)
            gain = weight * (boost.suppress * count if weight < 0 else max(0.0, sum_credits(beam.tokens, count) - cost))
            gains.append(gain - beam.paid if whole else gain)
        return max(gains, default=None)

    def score(beam):
        return np.logaddexp(beam.blank, beam.token) + beam.committed + beam.lent + lm_score(beam.tokens)

    first.lent, first.pending, first.credit = 0.0, 0.0, 0.0
    for t, frame in enumerate(log_probs):
        top, blank, tokens = frame.max(), frame[size], frame[:size]
        heard = [one[:size].max() >= one[size] for one in log_probs[max(0, t - 12) : t + 13]]
        open_ = bool(phrases) and math.exp(blank) <= boost.max_blank and any(heard)
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
                ended, gain = listed_end(beam.tokens, phrases, begins), kept(beam)
                gain = beam.held if gain is None else gain  # an ending may end within the token
                ends = ended is not None
                text = "".join(pieces[token] for token in ended) if ends else ""
                new.takes = endings_of(text, endings) if ends else beam.takes
                new.tail = read_on("" if ends else beam.tail, new.takes, text, pieces[c], starts_word[c], spaceless)
                paid = 0.0
                if new.tail == "|":
                    new.committed, new.settled, new.tail, paid = new.committed + gain, len(beam.tokens), None, gain
                elif new.tail is not None:
                    new.held = gain if ends else beam.held
                reached, weight = lend(new.tokens)
                new.counts_from = new.settled
                if n and reached == n + 1:
                    new.counts_from, new.paid = beam.counts_from, beam.paid + paid
                gap = top - tokens[c]
                raw = boost.gap_scale * gap + boost.token_bonus if open_ and gap <= boost.max_gap else 0.0
                if new.tokens[len(new.tokens) - reached :] in unearned:
                    raw = 0.0
                new.credit = raw * (1.0 if reached > free_depth else boost.first_token if reached else 0.0)
                earlier = sum_credits(beam.tokens, min(reached - 1, len(beam.tokens) - new.settled)) if reached else 0.0
                if reached and reached == n + 1:
                    earlier = beam.pending  # kept as it was lent
                earlier = earlier if reached > 1 else 0.0
                if not any(p[:reached] == new.tokens[len(new.tokens) - reached :] for p in phrases):
                    new.credit = -earlier
                new.pending = earlier + new.credit
                new.lent = 0.0 if new.tail is None else max(0.0, new.held)
                if weight > 0:
                    new.lent = max(new.lent, boost.weight * weight * new.pending - new.paid)
                there = after.get(new.tokens)
                if there is None:
                    ranked.append(new)
                    continue
                there.token = np.logaddexp(there.token, mass)
                if mass > there.best:
                    there.best = mass
                    there.pending, there.credit, there.lent = new.pending, new.credit, new.lent
                    there.paid, there.held = new.paid, new.held
                    later[new.tokens] = new.credit
        credits_of.update(later)

        def secured(beam, after=after):
            due = 0.0
            if beam.tokens in after or not starts_word[beam.tokens[-1]]:
                due = cost_of_end(beam.tokens if beam.tokens in after else beam.tokens[:-1])
            return score(beam) - (beam.lent - beam.held) + due

        best, safest = max(map(score, ranked)), max(map(secured, ranked))
        near = {id(b): max(score(b) - best, secured(b) - safest - 1e-6) for b in ranked}
        ranked.sort(key=lambda b: -near[id(b)])
        ranked = [b for b in ranked[: options.beam_width] if near[id(b)] >= options.beam_prune_logp]
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
