"""Adapters leave possessive endings alone: no list names these, and adapters repeat a phrase's last token over them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

BEHIND = 2  # frames behind an apostrophe in which the rest of its ending is said


def keep_possessives(adapted: Tensor, without: Tensor, marks: Tensor, rests: Tensor) -> Tensor:
    """Log-probs in which no token of a possessive ending is less likely than without adapters.

    Args:
        adapted: [B, T, V + 1], blank last.
        without: [B, T, V + 1] of the base model.
        marks: tokens by which such an ending begins.
        rests: tokens that it ends with; kept right behind frames whose likeliest token is one of `marks`.
    """
    kept = _at_least(adapted, without, marks)
    marked = torch.isin(without[..., :-1].argmax(dim=-1), marks).float()
    before = nn.functional.pad(marked, (BEHIND, -1))
    behind = nn.functional.max_pool1d(before[:, None], BEHIND, stride=1)[:, 0] > 0
    return torch.where(behind[..., None], _at_least(kept, without, rests), kept)


def _at_least(log_probs: Tensor, least: Tensor, tokens: Tensor) -> Tensor:
    """Log-probs of which some tokens' are no less than others."""
    return log_probs.index_copy(-1, tokens, torch.maximum(log_probs[..., tokens], least.to(log_probs)[..., tokens]))
