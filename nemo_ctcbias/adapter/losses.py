"""Supervision of the attention from a forced alignment: frames of a listed phrase attend to it, others to <no-bias>.

CTC alone trains a weak adapter: on most frames the base model is right and nothing is learned.  The attention
loss tells every frame what to look at, as follow-up work to the paper does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nemo_ctcbias.adapter.contextual_adapter import Attention

NO_BIAS, IGNORE = -1, -100


@dataclass
class Labels:
    """What the frames of a batch should look at.

    Attributes:
        phrases: int [B, T], row of the bank, NO_BIAS for the slot of that name, IGNORE after the end of an utterance.
        tokens: int [B, T], position in the phrase where a token is emitted, else IGNORE.
    """

    phrases: Tensor
    tokens: Tensor


@dataclass
class AttentionLoss:
    """Losses, and what is shown beside them.

    Attributes:
        phrase, token: mean negative log attention on the right phrase, and on the right token of it.
        found, clean: share of the frames of listed phrases, and of the others, that attend most to what they should.
    """

    phrase: Tensor
    token: Tensor
    found: Tensor
    clean: Tensor


def attention_loss(attention: Attention, labels: Labels) -> AttentionLoss:
    """How far the attention is from the labels.

    The phrase loss is taken of the mean of the heads: heads are free to divide the work.
    """
    wanted = _slots(attention, labels)
    count = attention.weights.shape[-1]
    mean = attention.weights.float().mean(dim=1).clamp_min(1e-6)
    phrase = torch.nn.functional.nll_loss(mean.log().flatten(0, 1), wanted.flatten(), ignore_index=IGNORE)
    right = (mean.argmax(dim=-1) == wanted).float()
    spoken = (wanted != IGNORE) & (wanted != count - 1)
    found = (right * spoken).sum() / spoken.sum().clamp_min(1)
    silent = wanted == count - 1
    clean = (right * silent).sum() / silent.sum().clamp_min(1)
    token = phrase.new_zeros(())
    if attention.token_weights is not None and count > 1:
        # Where the right phrase is among those attended token by token: its own weights at the right token.
        same = attention.token_phrases[:, None] == wanted[..., None]  # [B, T, k]
        asked = same.any(dim=-1) & (labels.tokens != IGNORE)
        if asked.any():
            which = same.int().argmax(dim=-1)[asked]
            inside = attention.token_weights[asked]  # [M, k, L]
            at = inside[torch.arange(len(which)), which, labels.tokens[asked]]
            token = -at.float().clamp_min(1e-6).log().mean()
    return AttentionLoss(phrase, token, found, clean)


def _slots(attention: Attention, labels: Labels) -> Tensor:
    """[B, T] the labels as slots of the attention; IGNORE where the phrase did not take part."""
    slots = torch.full_like(labels.phrases, IGNORE)
    slots[labels.phrases == NO_BIAS] = attention.weights.shape[-1] - 1
    same = labels.phrases[..., None] == attention.phrases[:, None]  # [B, T, K]
    there = same.any(dim=-1)
    slots[there] = same[there].int().argmax(dim=-1)
    return slots


def label_frames(
    paths: Sequence[Sequence[int]],
    spans: Sequence[Sequence[tuple[int, int, int]]],
    frames: int,
    blank: int,
) -> Labels:
    """Labels from forced alignments.

    Args:
        paths: for each utterance the aligned label of each frame (token ids and blanks).
        spans: for each utterance (row of the bank, first token, last token + 1) of its listed phrases, by the
            number of the token in the transcript; they do not overlap.
    """
    phrases = torch.full((len(paths), frames), IGNORE)
    tokens = torch.full((len(paths), frames), IGNORE)
    for row, (path, found) in enumerate(zip(paths, spans, strict=True)):
        phrases[row, : len(path)] = NO_BIAS
        frames_of: list[list[int]] = []  # of each token in turn
        previous = blank
        for frame, label in enumerate(path):
            if label != blank and label != previous:
                frames_of.append([])
            if label != blank:
                frames_of[-1].append(frame)
            previous = label
        for phrase, first, last in found:
            phrases[row, frames_of[first][0] : frames_of[last - 1][-1] + 1] = phrase
            for number in range(first, last):
                tokens[row, frames_of[number]] = number - first
    return Labels(phrases, tokens)
