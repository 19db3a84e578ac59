"""The search of the G2P model with dictionaries: the oracle of `nemo_ctcbias.phones.transduction`."""

from __future__ import annotations

import math
from collections import defaultdict

from nemo_ctcbias.phones.g2p import G2P, LEAST
from nemo_ctcbias.phones.graphone_ngram import END
from nemo_ctcbias.phones.graphones import SHAPES, Graphone
from nemo_ctcbias.phones.transduction import LN10, SILENT_ROUNDS


class Path:
    def __init__(self, score, best, state):
        self.score, self.best, self.state = score, best, state


class Reached(dict):
    """Paths by their targets; `best` is the score that others are measured against."""

    best = -math.inf


class Reference:
    def __init__(self, g2p: G2P, beam: int, threshold: float):
        self.ngram, self.beam, self.threshold = g2p.ngram, beam, threshold
        self.graphones = g2p.graphones

    def pronunciations(self, letters):
        return self.transduce(self._side(lambda one: one.letters, lambda one: one.phones), letters, ())

    def spellings(self, phones):
        return self.transduce(self._side(lambda one: one.phones, lambda one: one.letters), phones, "")

    def _side(self, source, target):
        totals, side = defaultdict(float), defaultdict(list)
        for one, p in self.graphones.items():
            totals[source(one)] += p
        for one, p in self.graphones.items():
            if p >= LEAST * totals[source(one)]:
                side[source(one)].append((self.ngram.numbers[one.token], target(one)))
        return side

    def transduce(self, side, source, empty):
        reached = [Reached() for _ in range(len(source) + 1)]
        reached[0][empty] = Path(0.0, 0.0, self.ngram.start)
        silent = side.get(source[:0], [])
        for at in range(len(source)):
            parts = [(reached[at + n], side.get(source[at : at + n], ())) for n in (1, 2) if at + n <= len(source)]
            for target, path in self._kept(self._with_silent(silent, reached[at])):
                for into, graphones in parts:
                    self._extend(into, target, path, graphones)
        final = Reached()
        for target, path in self._kept(self._with_silent(silent, reached[-1])):
            self._extend(final, target, path, [(self.ngram.numbers[END], empty)])
        total = log_sum([path.score for path in final.values()])
        found = ((target, path.score - total) for target, path in final.items() if target)
        return sorted(found, key=lambda item: (-item[1], item[0]))

    def _extend(self, into, target, path, graphones):
        for token, addition in graphones:
            log10_prob, state = self.ngram.score(path.state, token)
            step = LN10 * log10_prob
            score = path.score + step
            if score < into.best - self.threshold:
                continue
            into.best = max(into.best, score)
            known = into.get(target + addition)
            if known is None:
                into[target + addition] = Path(score, path.best + step, state)
                continue
            known.score = log_sum([known.score, score])
            if path.best + step > known.best:
                known.best, known.state = path.best + step, state

    def _with_silent(self, silent, paths):
        fresh = paths
        for _ in range(SILENT_ROUNDS if silent else 0):
            added = Reached()
            added.best = paths.best
            for target, path in self._kept(fresh):
                self._extend(added, target, path, silent)
            fresh = Reached((target, path) for target, path in self._kept(added) if target not in paths)
            paths.update(fresh)
        return paths

    def _kept(self, paths):
        least = max((path.score for path in paths.values()), default=0.0) - self.threshold
        kept = [item for item in paths.items() if item[1].score >= least]
        return sorted(kept, key=lambda item: -item[1].score)[: self.beam]


def log_sum(scores):
    top = max(scores)
    return top + math.log(sum(math.exp(score - top) for score in scores))


def aligned(word, phones, table):
    """The likeliest graphones of a table whose letters make the word and whose phones make the pronunciation.

    None if there are none, for too many phones or a letter unlike all in the table.
    """
    best = {(0, 0): (1.0, [])}
    for i in range(len(word) + 1):
        for j in range(len(phones) + 1):
            for letters, sounds in SHAPES if (i, j) in best else ():
                if i + letters > len(word) or j + sounds > len(phones):
                    continue
                unit = Graphone(word[i : i + letters], phones[j : j + sounds])
                probability = best[i, j][0] * table.get(unit, 0.0)
                if probability > best.get((i + letters, j + sounds), (0.0,))[0]:
                    best[i + letters, j + sounds] = probability, [*best[i, j][1], unit]
    return best.get((len(word), len(phones)), (0.0, None))[1]
