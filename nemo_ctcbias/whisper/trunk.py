"""Whisper's encoder (Radford et al. 2022, section 2.2): two convolutions and pre-norm transformer blocks."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """Self-attention and feed-forward, each behind a layer norm and added to its input [B, T, D]."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.attn_ln, self.mlp_ln = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """One block on; `mask` [B, 1, 1, T] is true for frames that may be attended to, None for all."""
        batch, frames, width = x.shape
        qkv = self.qkv(self.attn_ln(x)).view(batch, frames, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = x + self.out(seen.transpose(1, 2).reshape(batch, frames, width))
        return x + self.fc2(functional.gelu(self.fc1(self.mlp_ln(x))))


class WhisperTrunk(nn.Module):
    """Features [B, 80, T] to [B, T / 2, D], 20 ms a frame; T up to 3,000 (30 s), where Whisper's positions end.

    Args:
        width, blocks, heads, features: those of Whisper-base by default.
    """

    def __init__(self, width: int = 512, blocks: int = 6, heads: int = 8, features: int = 80):
        super().__init__()
        self.width = width
        self.conv1 = nn.Conv1d(features, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(blocks))
        self.ln = nn.LayerNorm(width)

    def enter(self, mel: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features [B, 80, T] to what the first block takes [B, T / 2, D], and lengths [B]."""
        x = functional.gelu(self.conv1(mel))
        # What the first convolution makes of the silence behind the end must not reach the second.
        x = x * (torch.arange(x.shape[2], device=x.device) < lengths[:, None])[:, None]
        x = functional.gelu(self.conv2(x)).transpose(1, 2)
        positions = _positions(x.shape[1], self.width, x.device)
        return x + positions.to(x.dtype), torch.div(lengths + 1, 2, rounding_mode="floor")

    def go_on(self, x: Tensor, lengths: Tensor, first: int = 0) -> Tensor:
        """What block number `first` takes [B, T, D] to the output of the last one, normalised."""
        mask = (torch.arange(x.shape[1], device=x.device) < lengths[:, None])[:, None, None]
        for block in self.blocks[first:]:
            x = block(x, mask)
        return self.ln(x)

    def forward(self, mel: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features [B, 80, T] to [B, T / 2, D] and lengths [B]."""
        x, lengths = self.enter(mel, lengths)
        return self.go_on(x, lengths), lengths


def _positions(frames: int, width: int, device: torch.device) -> Tensor:
    """Whisper's sinusoids [frames, width]."""
    rates = torch.exp(-math.log(10000) / (width // 2 - 1) * torch.arange(width // 2, device=device))
    angles = torch.arange(frames, device=device)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], 1)
