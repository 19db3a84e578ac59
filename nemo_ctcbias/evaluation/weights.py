"""Weights of the joint model chosen on held-out speech: one after the other, from a few values each."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from nemo_ctcbias.evaluation.bootstrap import Difference, paired_difference
from nemo_ctcbias.evaluation.counts import Counts
from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.evaluation.normalise import normalise
from nemo_ctcbias.evaluation.own import OwnSystem
from nemo_ctcbias.evaluation.parts import PHONE_PARTS
from nemo_ctcbias.evaluation.rare_words import is_spoken
from nemo_ctcbias.evaluation.runner import run_system
from nemo_ctcbias.evaluation.systems import Phrases, Setting

#: Values tried, by key of the `biasing` section; the others stay as they are.
GRID: dict[str, tuple[float, ...]] = {
    "weight": (5.0, 7.5, 10.0, 12.5, 15.0),
    "precision": (0.8, 0.9, 0.95, 0.98),
    "boost.token_bonus": (0.5, 1.0, 1.5, 2.0),
    "phonetics.detection_threshold": (-1.5, 0.0, 1.5),
    "lm.alpha": (0.3, 0.5, 0.7),
    "lm.beta": (0.5, 1.5, 2.5),
    "phonetics.rescoring_weight": (0.0, 0.2, 0.4, 0.7),
}
#: F1 of listed words less WER, in points: finding names is not worth more wrong words than it saves.
OBJECTIVE = {"f1": 1.0, "wer": -1.0}
HELD_BACK = 3  # one utterance in so many
FEW = 100  # spoken phrases: with fewer, a word more or less decides


def weights_of(system: OwnSystem) -> Setting:
    """The weights that a prepared system has, of those that are tuned and that it makes use of."""
    settings, parts = asdict(system.settings), set(system.parts)
    unused = {"lm.": not parts & {"lm", "boost-lm"}}
    unused["precision"] = not parts & {"verify", "lookup"}
    unused |= {f"phonetics.{name}": part not in parts for part, name in PHONE_PARTS.items()}
    found: Setting = {}
    for key in GRID:
        if not any(key.startswith(start) for start, unneeded in unused.items() if unneeded):
            section, _, last = key.rpartition(".")
            found[key] = settings[section][last] if section else settings[last]
    return found


@dataclass(frozen=True)
class Tuned:
    """What tuning found.

    setting: the weights chosen.
    default: those that were there.
    before, after: counts of each utterance held back, with the default weights and the tuned ones.
    spoken: listed phrases spoken in the speech that was tuned on.
    """

    setting: Setting
    default: Setting
    before: Sequence[Counts]
    after: Sequence[Counts]
    spoken: int

    def gain(self, metric: str | None = None) -> Difference | None:
        """By how much a metric (None: the objective) of the speech held back grew, with its 95% interval."""
        return paired_difference(self.after, self.before, OBJECTIVE if metric is None else metric)

    @property
    def better(self) -> bool:
        """Whether the tuned weights are better on the speech held back, and not by chance."""
        gain = self.gain()
        return gain is not None and gain.low > 0


def objective(counts: Counts) -> float:
    """What is tuned for."""
    return sum(factor * (counts.rate(name) or 0.0) for name, factor in OBJECTIVE.items())


def descend(measure: Callable[[list[Setting]], list[float]], default: Setting) -> Setting:
    """The best setting found by choosing each value in turn; of equals the one that is there already."""
    chosen = dict(default)
    for key in (key for key in GRID if key in default):
        values = [chosen[key], *(value for value in GRID[key] if value != chosen[key])]
        scores = measure([{**chosen, key: value} for value in values])
        chosen[key] = values[scores.index(max(scores))]
    return chosen


def tune_weights(
    system: OwnSystem, items: Sequence[Item], lists: Sequence[Phrases], seed: int = 1, progress: bool = True
) -> Tuned:
    """Choose the weights on two thirds of the utterances and measure them on the rest, which is never tuned on.

    Args:
        items: utterances with log-probs, and `lists` one each.
        seed: of which utterances are held back.
    """
    order = random.Random(seed).sample(range(len(items)), len(items))
    held, used = sorted(order[::HELD_BACK]), sorted(set(order) - set(order[::HELD_BACK]))

    def measure(settings: list[Setting]) -> list[float]:
        runs = run_system(system, items, lists, settings, used, "tune", progress)
        return [objective(run.total) for run in runs]

    default = weights_of(system)
    chosen = descend(measure, default)
    before, after = run_system(system, items, lists, [default, chosen], held, "held back", progress)
    # Lists are normalised, and so the texts must be that they are looked for in.
    spoken = sum(is_spoken(word, normalise(items[place].row["text"])) for place in used for word in lists[place])
    return Tuned(chosen, default, before.counts, after.counts, spoken)
