"""How sure it is that a listed phrase stands at a place, whether the search wrote it there or not: a probability.

    ln p / (1 - p) = bias + sum of weight * evidence + ln(the phrase's own weight)

a logistic regression on what several models wrote, or did not, of lists in recordings with transcripts
(`examples/train_confidence.py`), for phrases heard by a phone head, by the model's own spelling, or by both, for those
that the search wrote and for those that it did not.  The evidence is what says the same of any model: how the phrase
sounds there (the one score), and how much better than the words that stand there without it, the prior of one phrase
among N, how long it is, how much it looks like these words, whether they are ordinary words or listed ones, and how
sure the model is of what is written, and of ordinary words that it would write by itself: of two words that sound the
same ("Browne", "brown") nothing else tells which was said.

One threshold takes away what is written and puts what is not (the paper's lookup) in the place of other words.  It
follows from the wanted precision, the share of what is written that is right.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import SequenceMatcher
from functools import lru_cache
from os import PathLike
from pathlib import Path

import numpy as np

from nemo_ctcbias.errors import PhoneticsError

SHIPPED = Path(__file__).parent / "data" / "confidence.json"
LEAST = 1e-4  # a token less likely than this says no more
FLOOR = -5.0  # a score below says no more
MOST_GAP = 8.0  # a phrase that needs more boost a token is no further from being written
FARTHEST = 15.0  # a score further from that of other words says no more
DOUBT = 0.02  # a model that leaves less than this to all other words is no surer for it: many are too sure of all


@dataclass(frozen=True)
class Evidence:
    """What speaks for and against a phrase at a place; all numbers.

    score: the one score there, at least `FLOOR`, as the phone head heard it, without one the model's spelling; against:
    that score less that of the words there without it, by the spelling, without one the phone head (`against`); prior:
    what the length of the list asks of it, `list_cost * log_length(N)`; phones: how many it has; gap: how much boost it
    needs there, per token, at most `MOST_GAP` (`search.spelled_gap`); likeness: of its letters to those of the words
    there without it, from 0 to 1; ordinary, listed: whether all of these words are ordinary ones, and whether there is
    a listed phrase among them; letters: log-prob of the least likely token of what is written there, the phrase or
    these words; own: ln of the model's doubt of what it writes there by itself, 0 where these are no ordinary words, or
    the phrase.
    """

    score: float
    against: float
    prior: float
    phones: float
    gap: float
    likeness: float
    ordinary: float
    listed: float
    letters: float
    own: float


NAMES = tuple(field.name for field in fields(Evidence))


@dataclass(frozen=True)
class Formula:
    """The weights of the evidence, by the names of `Evidence`, and what is added to their sum."""

    bias: float
    weights: Mapping[str, float]


@dataclass(frozen=True)
class Confidence:
    """The probability of phrases, and what is asked of it.

    written, missing: the formulas for phrases that the search wrote, and for those that it did not.
    thresholds: [(precision, probability)], ascending: what to ask of each phrase for that share of right ones.
    """

    written: Formula
    missing: Formula
    thresholds: tuple[tuple[float, float], ...]

    @classmethod
    def load(cls, witnesses: str, path: str | PathLike[str] = SHIPPED) -> Confidence:
        """Those of a file, by default the shipped ones.

        Args:
            witnesses: "head", "spelling" or "head+spelling", by which phones are heard.

        Raises:
            PhoneticsError: no such file, or another content.
        """
        try:
            table = json.loads(Path(path).read_text(encoding="utf-8"))[witnesses]
            formulas = [
                Formula(float(table[kind]["bias"]), {name: float(table[kind]["weights"][name]) for name in NAMES})
                for kind in ("written", "missing")
            ]
            thresholds = tuple((float(a), float(b)) for a, b in table["thresholds"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PhoneticsError(f"{path}: is no table of confidences ({error}); train it again") from error
        numbers = [number for one in formulas for number in (one.bias, *one.weights.values())]
        if not thresholds or not np.isfinite([*numbers, *np.ravel(thresholds)]).all():
            raise PhoneticsError(f"{path}: is no table of confidences; train it again")
        return cls(*formulas, thresholds)

    def of(self, evidence: Evidence, written: bool, weight: float = 1.0) -> float:
        """Probability that the phrase stands there, from 0 to 1.

        Args:
            written: whether the search wrote it.
            weight: of the phrase, as odds: twice as likely with 2.
        """
        formula = self.written if written else self.missing
        logit = formula.bias + math.log(weight)
        logit += sum(each * getattr(evidence, name) for name, each in formula.weights.items())
        return 1 / (1 + math.exp(-min(max(logit, -500.0), 500.0)))

    def threshold(self, precision: float) -> float:
        """Probability to be asked of each phrase for a share of right ones, from 0 to 1."""
        known, asked = zip(*self.thresholds, strict=True)
        return float(np.interp(precision, known, asked))


@lru_cache(maxsize=3)
def shipped_confidence(witnesses: str) -> Confidence:
    """The confidences of this package, loaded once."""
    return Confidence.load(witnesses)


def likeness(form: str, words: str) -> float:
    """How much of the letters of a phrase and of the words in its place is the same, from 0 to 1."""
    first, second = ("".join(filter(str.isalnum, text.casefold())) for text in (form, words))
    return SequenceMatcher(None, first, second, autojunk=False).ratio()


def against(score: float, others: float) -> float:
    """`Evidence.against` of the scores of a phrase and of other words in the same frames."""
    return min(max(max(score, FLOOR) - max(others, FLOOR), -FARTHEST), FARTHEST)


def log_confidence(confidence: float) -> float:
    """`Evidence.letters` of the probability of the least likely token."""
    return math.log(max(confidence, LEAST))


def log_doubt(confidence: float) -> float:
    """`Evidence.own` of the probability of the least likely token of ordinary words."""
    return math.log(max(1 - confidence, DOUBT))
