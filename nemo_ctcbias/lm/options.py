"""Weights of a language model in the search."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from nemo_ctcbias.errors import SettingError

CLASS_TOKEN = "<boost>"  # stands for every rare word of the training text, and for every listed word later


@dataclass(frozen=True)
class LanguageModelOptions:
    """Weights of a language model (the first three as in pyctcdecode).

    Args:
        alpha: factor of its log-probs.
        beta: score of each word, so that more words are no disadvantage in themselves.
        unk_offset: added to the log10-prob of words that it does not know (and to unfinished ones, after alpha).
        class_weight: in-class weight of a listed word, a natural log added to log P(class | history) before alpha;
            a phrase of weight w has ln w more. None scores listed words as any other.
        class_list_cost: by how much `class_weight` falls with the logarithm of the length of lists of more than
            `biasing.boost.free_list` phrases; 1 shares the class's probability evenly among them.
        boost_share: share of the adaptive boosting that stays where listed words are in the class.

    Two things speak for a listed word, and each is counted once. That it is listed, a matter of the prior, is the
    class's: P(class | history) in place of an unknown word's, and the in-class weight. That the acoustic model has
    never learnt to hear it is the boosting trie's, whose credit depends on the audio alone. Tuned without a language
    model, the trie had to make up for both; next to the class, `boost_share` of it is right, on the same scale of
    weights (`biasing.weight` 10 is the tuned strength either way).
    """

    alpha: float = 0.5
    beta: float = 1.5
    unk_offset: float = -10.0
    class_weight: float | None = -2.0
    class_list_cost: float = 1.5
    boost_share: float = 0.7

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and field.name == "class_weight":
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise SettingError(f"biasing.lm.{field.name}: must be a number, got {value!r}")
        if self.alpha < 0:
            raise SettingError(f"biasing.lm.alpha: must be 0 or more, got {self.alpha!r}")
        if self.class_list_cost < 0:
            raise SettingError(f"biasing.lm.class_list_cost: must be 0 or more, got {self.class_list_cost!r}")
        if not 0 <= self.boost_share <= 1:
            raise SettingError(f"biasing.lm.boost_share: must lie between 0 and 1, got {self.boost_share!r}")
        if self.unk_offset > 0:
            raise SettingError(f"biasing.lm.unk_offset: a log10-prob must be 0 or below, got {self.unk_offset!r}")
