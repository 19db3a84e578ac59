"""Whether a phrase's tokens were heard around a frame, from the base model's own log-probs.

The phrase vectors of the paper learn slowly from little speech what the CTC head knows already: which tokens are
near.  The evidence says it outright, and attention starts from there (ours, not in the paper).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag, max_pool1d, pad

FLOOR = -8.0  # log-probs below say no more than this
AT_FRAME = 1  # frames to either side in which the token that a frame belongs to must be heard
_CHUNK = 2048


@dataclass
class Evidence:
    """Log-probs of phrases around each frame.

    Attributes:
        mean: [B, K, T] mean over the tokens, in the best order-keeping way.
        worst: [B, K, T] of the least likely token.
        at: [B, K, L, T] as `mean`, if the frame belongs to that token; -inf after the last token.
    """

    mean: Tensor
    worst: Tensor
    at: Tensor


class NearbyTokens:
    """The best log-prob of each token before and after each frame.

    Args:
        log_probs: [B, T, V + 1], blank last.
        inside: bool [B, T], False for padding.
        context: frames to either side.
    """

    def __init__(self, log_probs: Tensor, inside: Tensor, context: int):
        heard = log_probs.detach()[..., :-1].float().clamp_min(FLOOR)
        heard = heard.masked_fill(~inside[..., None], FLOOR).transpose(1, 2)
        heard = pad(heard, (0, 0, 0, 1))  # a token that is always heard stands for those after a phrase's last
        self.before = _best(heard, context, 0)  # [B, V + 1, T]
        self.after = _best(heard, 0, context)
        self.here = _best(heard, AT_FRAME, AT_FRAME)
        self.stride = max(1, context // 3)

    @torch.no_grad()
    def best(self, tokens: Tensor, lengths: Tensor, bias: Tensor, count: int) -> Tensor:
        """The `count` phrases of each utterance whose tokens are all near some frame, ascending.

        Neighbouring frames have heard nearly the same: only those a third of the context apart are asked.

        Args:
            tokens, lengths, bias: of a bank: [B or 1, N, L], [B or 1, N] and [B or 1, N].

        Returns:
            int [B, count].
        """
        chosen = []
        before, after = self.before[..., :: self.stride], self.after[..., :: self.stride]
        for row, around in enumerate(torch.maximum(before, after)):  # [V + 1, T']
            of = row if len(tokens) > 1 else 0
            fits = []
            for at in range(0, tokens.shape[1], _CHUNK):
                some, length = tokens[of, at : at + _CHUNK], lengths[of, at : at + _CHUNK]
                inside = torch.arange(some.shape[1], device=some.device) < length[:, None]
                first = length.cumsum(dim=0) - length
                fits.append(embedding_bag(some[inside], around, first, mode="mean").amax(dim=1))  # of [n, T']
            chosen.append((torch.cat(fits) + bias[of]).topk(count).indices.sort().values)
        return torch.stack(chosen)

    @torch.no_grad()
    def of(self, tokens: Tensor, lengths: Tensor) -> Evidence:
        """Evidence for each utterance's phrases: tokens [B, K, L], lengths [B, K].

        A frame that belongs to token j hears j, has heard the tokens before j and will hear those after it.
        """
        beyond = torch.arange(tokens.shape[2], device=tokens.device) >= lengths[..., None]  # [B, K, L]
        rows = torch.arange(len(tokens), device=tokens.device)[:, None, None]
        tokens = tokens.masked_fill(beyond, self.here.shape[1] - 1)
        before, after, here = (heard[rows, tokens] for heard in (self.before, self.after, self.here))
        # The sum of `before` over earlier tokens, `here` of this one and `after` over later ones, with one cumsum.
        at = (before - after).cumsum(dim=2).add_(here).sub_(before).add_(after.sum(dim=2, keepdim=True))
        at = at.div_(lengths[..., None, None]).masked_fill_(beyond[..., None], float("-inf"))
        return Evidence(mean=at.amax(dim=2), worst=torch.maximum(before, after).amin(dim=2), at=at)


def _best(heard: Tensor, before: int, after: int) -> Tensor:
    """The best value from `before` frames earlier to `after` frames later; `heard` and result [B, V + 1, T]."""
    return max_pool1d(pad(heard, (before, after), value=FLOOR), before + after + 1, stride=1)
