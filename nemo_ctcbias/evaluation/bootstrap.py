"""95% intervals and paired differences by resampling utterances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nemo_ctcbias.evaluation.counts import COUNT_FIELDS, METRICS, Counts, Ratio

RESAMPLES = 1000


@dataclass(frozen=True)
class Difference:
    """Metric of the first system minus that of the second on the same utterances, with its 95% interval."""

    value: float
    low: float
    high: float
    p_value: float  # two-sided: how easily resampling turns the sign


def intervals(
    counts: Sequence[Counts], seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, tuple[float, float] | None]:
    """95% percentile interval of each metric; None where the metric is undefined or rests on one utterance.

    Args:
        counts: one entry an utterance.
        seed: the same seed and number of utterances draw the same resamples, so systems are paired.
        resamples: how many times the utterances are drawn with replacement.
    """
    sums = _resampled_sums(counts, seed, resamples)
    result: dict[str, tuple[float, float] | None] = {}
    for name, ratio in METRICS.items():
        values = _ratio(ratio, sums)
        defined = values[~np.isnan(values)]
        if not _resampled(counts, name) or defined.size == 0:
            result[name] = None
        else:
            low, high = np.percentile(defined, [2.5, 97.5])
            result[name] = (float(low), float(high))
    return result


def paired_difference(
    first: Sequence[Counts],
    second: Sequence[Counts],
    metric: str | Mapping[str, float],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Difference | None:
    """Difference of a metric between two systems over the same utterances in the same order.

    None if it is undefined, or rests on one utterance of either.

    Of several metrics with factors, such as {"f1": 1, "wer": -1}, it is that of their sum.

    The p-value is twice the smaller share of resamples on either side of zero, with the observed sample counted once
    (so it is never 0), and 1 where nothing differs.
    """
    if len(first) != len(second):
        raise ValueError(f"paired systems need the same utterances: {len(first)} and {len(second)}")
    factors = {metric: 1.0} if isinstance(metric, str) else metric
    totals = [sum(counts, Counts()) for counts in (first, second)]
    rates = [[total.rate(name) for name in factors] for total in totals]
    if None in rates[0] + rates[1] or not all(_resampled(one, name) for one in (first, second) for name in factors):
        return None
    left, right = (sum(f * rate for f, rate in zip(factors.values(), one, strict=True)) for one in rates)
    sums = [_resampled_sums(counts, seed, resamples) for counts in (first, second)]
    values = sum(f * (_ratio(METRICS[name], sums[0]) - _ratio(METRICS[name], sums[1])) for name, f in factors.items())
    values = values[~np.isnan(values)]
    if values.size == 0:
        return None
    low, high = np.percentile(values, [2.5, 97.5])
    tail = min(int((values <= 0).sum()), int((values >= 0).sum()))
    p_value = min(1.0, 2 * (1 + tail) / (1 + values.size))
    return Difference(left - right, float(low), float(high), p_value)


def _resampled(counts: Sequence[Counts], metric: str) -> bool:
    """Whether resampling tells of chance: one utterance always gives its own value, which would pass for certainty."""
    return sum(one.rate(metric) is not None for one in counts) > 1


def _resampled_sums(counts: Sequence[Counts], seed: int, resamples: int) -> npt.NDArray[np.float64]:
    """Sums of the counts over each resample, [R, F] with F in the order of `COUNT_FIELDS`."""
    matrix = np.array([row.as_tuple() for row in counts], dtype=np.float64).reshape(-1, len(COUNT_FIELDS))
    total = len(matrix)
    if total == 0:
        return np.zeros((resamples, len(COUNT_FIELDS)))
    draws = np.random.default_rng([seed, total]).integers(0, total, size=(resamples, total))
    times_drawn = np.zeros((resamples, total))
    np.add.at(times_drawn, (np.arange(resamples)[:, None], draws), 1.0)
    return times_drawn @ matrix


def _ratio(ratio: Ratio, sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A metric of each resample, [R]; not a number where it is undefined."""
    numerator = sum(weight * sums[:, COUNT_FIELDS.index(name)] for name, weight in ratio.numerator.items())
    denominator = sum(weight * sums[:, COUNT_FIELDS.index(name)] for name, weight in ratio.denominator.items())
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(denominator > 0, ratio.scale * numerator / denominator, np.nan)
