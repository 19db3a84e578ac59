"""Attention of frames over phrases, and over the tokens of the best of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PhraseAttention(nn.Module):
    """Multi-head scaled dot-product attention over N phrases and `<no-bias>` (Dingliwal et al., SLT 2022).

    The `<no-bias>` slot has a learned key and the value zero: attending to it leaves the encoder's output alone.
    """

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(dim, dim) for _ in range(3))
        self.no_bias = nn.Parameter(torch.zeros(heads, dim // heads))

    def forward(self, queries: Tensor, phrases: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Context of each frame and the weights it came by.

        Args:
            queries: [B, T, D].
            phrases: [B or 1, N, D].
            bias: [B or 1, H or 1, T or 1, N], added to the scores; -inf where there is no phrase.

        Returns:
            context [B, T, D], weights [B, H, T, N + 1] with `<no-bias>` last.
        """
        query, key = self._split(self.query(queries)), self._split(self.key(phrases))
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5 + bias.to(queries.dtype)
        nothing = torch.einsum("bhtd,hd->bht", query, self.no_bias) / query.shape[-1] ** 0.5
        weights = torch.cat([scores, nothing[..., None]], dim=-1).float().softmax(dim=-1).to(queries.dtype)
        context = weights[..., :-1] @ self._split(self.value(phrases))
        return context.transpose(1, 2).flatten(2), weights

    def _split(self, values: Tensor) -> Tensor:
        """[B, N, D] to [B, H, N, D / H]."""
        return values.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class TokenAttention(nn.Module):
    """Which token of each phrase is due at a frame: attention inside K phrases, times the phrases' own weights."""

    def __init__(self, dim: int):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(dim, dim) for _ in range(3))

    def forward(
        self, queries: Tensor, tokens: Tensor, lengths: Tensor, phrase_weights: Tensor, bias: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Context of each frame and the token weights inside each phrase.

        Args:
            queries: [B, T, D].
            tokens: [B, K, L, D] vectors.
            lengths: int [B, K].
            phrase_weights: [B, T, K].
            bias: [B, T, K, L], added to the scores.

        Returns:
            context [B, T, D], weights [B, T, K, L] that sum to 1 over the tokens of each phrase.
        """
        key, value = self.key(tokens), self.value(tokens)
        scores = torch.einsum("btd,bkld->btkl", self.query(queries), key) / key.shape[-1] ** 0.5
        if bias is not None:
            scores = scores + bias
        beyond = torch.arange(tokens.shape[2], device=tokens.device) >= lengths[..., None]  # [B, K, L]
        scores = scores.float().masked_fill(beyond[:, None], float("-inf"))
        weights = scores.softmax(dim=-1).to(queries.dtype)
        joint = weights * phrase_weights[..., None]
        return torch.einsum("btkl,bkld->btd", joint, value), weights
