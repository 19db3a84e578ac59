"""Small, properly normalised n-gram models for the tests: made at random, written as ARPA, scored in plain Python."""

from __future__ import annotations

import itertools
import math

import numpy as np


class Ngrams:
    """A back-off model: log10-probs and back-offs of word tuples."""

    def __init__(self, probs, backoffs, order):
        self.probs, self.backoffs, self.order = probs, backoffs, order

    @property
    def words(self):
        return [words[0] for words in self.probs if len(words) == 1]

    def score(self, history, word):
        """log10 P(word | history), the definition of back-off."""
        word = word if (word,) in self.probs else "<unk>"
        history = tuple(history)[-(self.order - 1) :] if self.order > 1 else ()
        if (*history, word) in self.probs:
            return self.probs[(*history, word)]
        if not history:
            return self.probs[("<unk>",)]
        return self.backoffs.get(history, 0.0) + self.score(history[1:], word)

    def text(self, spell=lambda word: word):
        """The ARPA file; `spell` renames words."""
        lines = ["\\data\\"]
        by_length = [[w for w in self.probs if len(w) == n] for n in range(1, self.order + 1)]
        lines += [f"ngram {n}={len(words)}" for n, words in enumerate(by_length, start=1)]
        for n, words in enumerate(by_length, start=1):
            lines += ["", f"\\{n}-grams:"]
            for gram in words:
                backoff = "" if n == self.order else f"\t{self.backoffs.get(gram, 0.0):.8f}"
                lines.append(f"{self.probs[gram]:.8f}\t{' '.join(map(spell, gram))}{backoff}")
        return "\n".join([*lines, "", "\\end\\", ""])


def random_ngrams(seed, words, order=3, share=0.5):
    """A model over `words`, <unk> and </s>, in which all probabilities after any history add up to one."""
    rng = np.random.default_rng(seed)
    outcomes = [*words, "<unk>", "</s>"]
    chances = rng.dirichlet(np.full(len(outcomes), 0.7)) * 0.98 + 0.02 / len(outcomes)
    probs = {(word,): math.log10(p) for word, p in zip(outcomes, chances, strict=True)}
    probs[("<s>",)] = -99.0
    model = Ngrams(probs, {}, order)
    for n in range(2, order + 1):
        for history in itertools.product(["<s>", *words], repeat=n - 1):
            if "<s>" in history[1:] or rng.random() > share or (n > 2 and history not in probs):
                continue  # as in real models, the beginning and the end of an n-gram are n-grams, too
            inner = [word for word in outcomes if word != "<unk>" and (*history[1:], word) in probs]
            seen = [word for word in inner if rng.random() < 0.6]
            lower = {word: 10 ** model.score(history[1:], word) for word in outcomes}
            left = 1.0 - sum(lower[word] for word in seen)
            if not seen or left < 1e-3:
                continue
            mass = rng.uniform(0.3, 0.9)
            for word, p in zip(seen, rng.dirichlet(np.ones(len(seen))), strict=True):
                probs[(*history, word)] = math.log10(max(mass * p, 1e-9))
            taken = sum(10 ** probs[(*history, word)] for word in seen)
            model.backoffs[history] = math.log10((1.0 - taken) / left)
    return model
