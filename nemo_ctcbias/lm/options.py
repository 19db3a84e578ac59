"""Weights of a language model in the search."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nemo_ctcbias.errors import SettingError

CLASS_TOKEN = "<boost>"  # stands for every rare word of the training text, and for every listed word later

CLASS_WEIGHT = -2.0  # in-class weight of a listed word; the default of `biasing.lm.class_weight`
# Two things speak for a listed word, and each is counted once. That it is listed, a matter of the prior, is the
# class's: P(class | history) in place of an unknown word's, and the in-class weight. That the acoustic model has never
# learnt to hear it is the boosting trie's, whose credit depends on the audio alone. Tuned without a language model, the
# trie had to make up for both; next to the class, this share of it is right, on the same scale of weights.
BOOST_SHARE = 0.7
CLASS_PRIOR = 1.5  # times the prior of a long list, that the class's weight falls; alpha takes half of it away again
UNK_OFFSET = -10.0  # pyctcdecode's: added to the log10-prob of words that the model does not know


@dataclass(frozen=True)
class LanguageModelOptions:
    """Weights of a language model (the first two as in pyctcdecode).

    Args:
        alpha: factor of its log-probs.
        beta: score of each word, so that more words are no disadvantage in themselves.
        class_weight: in-class weight of a listed word, a natural log added to log P(class | history) before alpha;
            a phrase of weight w has ln w more. None scores listed words as any other.
    """

    alpha: float = 0.5
    beta: float = 1.5
    class_weight: float | None = CLASS_WEIGHT

    def __post_init__(self) -> None:
        for name in ("alpha", "beta", "class_weight"):
            value = getattr(self, name)
            if value is None and name == "class_weight":
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise SettingError(f"biasing.lm.{name}: must be a number, got {value!r}")
        if self.alpha < 0:
            raise SettingError(f"biasing.lm.alpha: must be 0 or more, got {self.alpha!r}")
