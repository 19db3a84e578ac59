"""Weights of the joint model chosen on held-out speech: one after the other, from a few values each."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from nemo_ctcbias.evaluation.counts import Counts
from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.evaluation.own import JOINT_SYSTEM, OwnSystem
from nemo_ctcbias.evaluation.parts import RESCORING, STRENGTH, USUAL, VERIFYING
from nemo_ctcbias.evaluation.runner import run_system
from nemo_ctcbias.evaluation.systems import Context, Phrases, Setting
from nemo_ctcbias.nemo.config import phonetics_options
from nemo_ctcbias.phones.spotting import Spotting

#: Values tried, by key of the `biasing` section; the others stay as they are.
GRID: dict[str, tuple[float, ...]] = {
    "weight": (5.0, 7.5, 10.0, 12.5, 15.0),
    "boost.token_bonus": (0.5, 1.0, 1.5, 2.0),
    "phonetics.spotting.threshold": (3.5, 5.0, 6.5),
    "lm.alpha": (0.3, 0.5, 0.7),
    "lm.beta": (0.5, 1.5, 2.5),
    "phonetics.rescoring.weight": (0.0, 0.2, 0.4, 0.7),
    "phonetics.verification.threshold": (2.0, 5.0, 8.0),
}
HELD_BACK = 3  # one utterance in so many
FEW = 100  # spoken phrases: with fewer, a word more or less decides


class WeightedSystem(OwnSystem):
    """The joint model, its settings the keys of the `biasing` section."""

    def __init__(self) -> None:
        super().__init__(JOINT_SYSTEM)

    def prepare(self, context: Context) -> None:
        """As the joint model; `default` are the weights it has."""
        from nemo_ctcbias.nemo.phonetic import lexicon_of

        super().prepare(context)
        model = self._decoder._language_model
        phonetics = phonetics_options(context.biasing)
        self.default = {"weight": context.biasing.weight, "boost.token_bonus": self._decoder.boost.token_bonus}
        if model is not None:
            self.default |= {"lm.alpha": model.alpha, "lm.beta": model.beta}
        if self._recipe.spotting:
            self.default["phonetics.spotting.threshold"] = phonetics.spotting.threshold
            lexicon, g2p = lexicon_of(context.pronunciations), context.shared["g2p"]
            usual = phonetics.spotting
            self._spotting = lru_cache(lambda least: Spotting(replace(usual, threshold=least), lexicon, g2p))
        if self._recipe.second_pass:
            self.default["phonetics.rescoring.weight"] = phonetics.rescoring.weight
            self.default["phonetics.verification.threshold"] = phonetics.verification.threshold

    def decode(self, item: Item, bias: Any, setting: Setting) -> str:
        """Text of the best hypothesis with these weights."""
        self._decoder.boost = replace(self._decoder.boost, token_bonus=setting["boost.token_bonus"])
        if "lm.alpha" in setting:
            model = self._decoder._language_model
            model.alpha, model.beta = setting["lm.alpha"], setting["lm.beta"]
        if self._recipe.spotting:
            self._recipe.spotting = self._spotting(setting["phonetics.spotting.threshold"])
        used = {"hotword_weight": setting["weight"]}
        if self._recipe.adapted:
            used[STRENGTH] = setting["weight"] / USUAL  # as on a model, where one weight scales both
        if self._recipe.second_pass:
            used[RESCORING] = setting["phonetics.rescoring.weight"]
            used[VERIFYING] = setting["phonetics.verification.threshold"]
        return super().decode(item, bias, used)


@dataclass(frozen=True)
class Tuned:
    """What tuning found.

    setting: the weights chosen, those of `default` where they are no better on the speech held back.
    before, after: counts on that speech, with the default weights and the tuned ones.
    spoken: listed phrases spoken in the speech that was tuned on.
    """

    setting: Setting
    default: Setting
    before: Counts
    after: Counts
    spoken: int

    @property
    def better(self) -> bool:
        """Whether the tuned weights are better on the speech held back."""
        return objective(self.after) > objective(self.before)


def objective(counts: Counts) -> float:
    """F1 of listed words less WER, in points: finding names is not worth more wrong words than it saves."""
    return (counts.rate("f1") or 0.0) - (counts.rate("wer") or 0.0)


def descend(measure: Callable[[list[Setting]], list[float]], default: Setting) -> Setting:
    """The best setting found by choosing each value in turn; of equals the one that is there already."""
    chosen = dict(default)
    for key in (key for key in GRID if key in default):
        values = [chosen[key], *(value for value in GRID[key] if value != chosen[key])]
        scores = measure([{**chosen, key: value} for value in values])
        chosen[key] = values[scores.index(max(scores))]
    return chosen


def tune_weights(
    system: WeightedSystem, items: Sequence[Item], lists: Sequence[Phrases], seed: int = 1, progress: bool = True
) -> Tuned:
    """Choose the weights on two thirds of the utterances and measure them on the rest, which is never tuned on.

    Args:
        system: prepared.
        items: utterances with log-probs, and `lists` one each.
        seed: of which utterances are held back.
    """
    order = random.Random(seed).sample(range(len(items)), len(items))
    held, used = sorted(order[::HELD_BACK]), sorted(set(order) - set(order[::HELD_BACK]))

    def measure(settings: list[Setting]) -> list[float]:
        runs = run_system(system, items, lists, settings, used, "tune", progress)
        return [objective(run.total) for run in runs]

    chosen = descend(measure, system.default)
    before, after = run_system(system, items, lists, [system.default, chosen], held, "held back", progress)
    spoken = sum(len(set(items[place].row["text"].split()) & set(lists[place])) for place in used)
    return Tuned(chosen, dict(system.default), before.total, after.total, spoken)
