"""Plain, addable counts of errors and of listed phrases, and the rates derived from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Ratio:
    """A rate `scale * (weighted sum of counts) / (weighted sum of counts)`.

    Every metric is such a ratio, so that one definition serves a single table cell and 1,000 bootstrap resamples.
    """

    numerator: Mapping[str, int]
    denominator: Mapping[str, int]
    scale: float = 100.0


def _ones(*names: str) -> dict[str, int]:
    return dict.fromkeys(names, 1)


_BIASED = ("biased_substitutions", "biased_deletions", "biased_insertions")
_UNBIASED = ("unbiased_substitutions", "unbiased_deletions", "unbiased_insertions")

#: The metrics of results.json; percent, except false alarms, per hour of audio.
METRICS: dict[str, Ratio] = {
    "wer": Ratio(_ones(*_BIASED, *_UNBIASED), _ones("biased_words", "unbiased_words")),
    "b_wer": Ratio(_ones(*_BIASED), _ones("biased_words")),
    "u_wer": Ratio(_ones(*_UNBIASED), _ones("unbiased_words")),
    "precision": Ratio(_ones("hits"), _ones("hits", "false_alarms")),
    "recall": Ratio(_ones("hits"), _ones("hits", "misses")),
    "f1": Ratio({"hits": 2}, {"hits": 2, "false_alarms": 1, "misses": 1}),
    "false_alarms_per_hour": Ratio(_ones("invented"), _ones("milliseconds"), scale=3_600_000.0),
}


@dataclass(frozen=True)
class Counts:
    """Counts of one utterance, or the sum over many: `sum(list_of_counts, Counts())`.

    Integers only (time in milliseconds), so that sums are exact in any order. Biased: inside an occurrence of a phrase
    of the utterance's own list; an inserted word is biased if it completes a listed phrase in the hypothesis.
    """

    utterances: int = 0
    milliseconds: int = 0
    biased_words: int = 0  # reference words
    unbiased_words: int = 0
    biased_substitutions: int = 0
    biased_deletions: int = 0
    biased_insertions: int = 0
    unbiased_substitutions: int = 0
    unbiased_deletions: int = 0
    unbiased_insertions: int = 0
    distractor_insertions: int = 0  # part of biased_insertions: listed phrases that nobody said
    distractor_substitutions: int = 0  # part of the substitutions: such a phrase written in place of a word
    hits: int = 0  # listed phrases found at their aligned position
    misses: int = 0
    false_alarms: int = 0
    invented: int = 0  # false alarms that the model does not raise without the list

    def __post_init__(self) -> None:
        for name in COUNT_FIELDS:
            value = getattr(self, name)
            if not isinstance(value, int) or value < 0:
                raise ValueError(f"Counts.{name} is {value!r}: a count is a whole number from 0")

    def __add__(self, other: Counts) -> Counts:
        if not isinstance(other, Counts):
            return NotImplemented
        return Counts(*(getattr(self, name) + getattr(other, name) for name in COUNT_FIELDS))

    def as_tuple(self) -> tuple[int, ...]:
        """The counts in the order of `COUNT_FIELDS`."""
        return tuple(getattr(self, name) for name in COUNT_FIELDS)

    def rate(self, metric: str) -> float | None:
        """A metric of `METRICS`; None where it is undefined, for example the recall of no listed word."""
        ratio = METRICS[metric]
        denominator = sum(weight * getattr(self, name) for name, weight in ratio.denominator.items())
        if denominator == 0:
            return None
        return ratio.scale * sum(weight * getattr(self, name) for name, weight in ratio.numerator.items()) / denominator

    @property
    def words(self) -> int:
        """Reference words."""
        return self.biased_words + self.unbiased_words

    @property
    def biased_errors(self) -> int:
        """Substitutions, deletions and insertions of listed words."""
        return self.biased_substitutions + self.biased_deletions + self.biased_insertions

    @property
    def unbiased_errors(self) -> int:
        """Substitutions, deletions and insertions of all other words."""
        return self.unbiased_substitutions + self.unbiased_deletions + self.unbiased_insertions

    @property
    def errors(self) -> int:
        """All word errors: biased plus unbiased."""
        return self.biased_errors + self.unbiased_errors

    wer = property(lambda self: self.rate("wer"), doc="Word error rate in percent.")
    b_wer = property(lambda self: self.rate("b_wer"), doc="Error rate of listed words in percent.")
    u_wer = property(lambda self: self.rate("u_wer"), doc="Error rate of the other words in percent.")
    precision = property(lambda self: self.rate("precision"), doc="Listed phrases: right among written, percent.")
    recall = property(lambda self: self.rate("recall"), doc="Listed phrases: found among spoken, percent.")
    f1 = property(lambda self: self.rate("f1"), doc="Harmonic mean of precision and recall, percent.")
    false_alarms_per_hour = property(
        lambda self: self.rate("false_alarms_per_hour"), doc="Listed phrases that the list alone made up, per hour."
    )


COUNT_FIELDS: tuple[str, ...] = tuple(field.name for field in fields(Counts))
