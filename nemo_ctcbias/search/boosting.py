"""Adaptive subword boosting: what a token earns for continuing a listed phrase."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from nemo_ctcbias.errors import SettingError


@dataclass(frozen=True)
class BoostOptions:
    """How strongly a beam search prefers listed phrases.  All scores are natural logs.

    The credit of a token c that continues a listed phrase at a frame with log-probs l and top-1 value m is
    `weight * phrase weight * (gap_scale * (m - l[c]) + token_bonus)` where `m - l[c] <= max_gap` and the
    blank's probability is at most `max_blank` (after Dingliwal et al. 2022, adaptive subword boosting).  It is
    lent while the phrase is only partly matched and kept once the phrase ends at a word boundary, less what the
    length of the list and the spelling ask for.

    Args:
        weight: overall strength; 0 switches boosting off.
        gap_scale: share of the gap to the top-1 that is made up for; 1 lifts the token to the top-1 (the
            paper's rule), which also erases what the audio says between two listed phrases.
        token_bonus: constant credit of each continuing token, for phrases the audio already supports.
        max_gap: tokens further below the top-1 than this earn nothing and are not revived from pruning.
        max_blank: frames whose blank probability is above this give no credit, so silence spells no name.
        first_token: share of the credit that the first token of a phrase earns; 0 lets it win only by itself.
        suppress: what each token of a completed phrase of weight -1 costs.
    """

    weight: float = 1.0
    gap_scale: float = 0.5
    token_bonus: float = 1.5
    max_gap: float = 8.0
    max_blank: float = 0.95
    first_token: float = 0.7
    suppress: float = 2.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
                raise SettingError(f"biasing.boost.{field.name}: must be a number from 0 up, got {value!r}")
        for name in ("gap_scale", "max_blank", "first_token"):
            if getattr(self, name) > 1:
                raise SettingError(f"biasing.boost.{name}: must lie between 0 and 1, got {getattr(self, name)!r}")
