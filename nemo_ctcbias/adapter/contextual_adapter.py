"""The contextual adapter of Dingliwal et al. (SLT 2022), extended by attention to the tokens of the best phrases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nemo_ctcbias.adapter.attention import PhraseAttention, TokenAttention
from nemo_ctcbias.adapter.evidence import FLOOR, Evidence, NearbyTokens
from nemo_ctcbias.adapter.phrase_bank import PhraseBank, TokenList
from nemo_ctcbias.adapter.phrase_encoder import PhraseEncoder

_CHUNK = 2048  # phrases embedded at once, which bounds the memory


@dataclass
class Attention:
    """Where an utterance's frames looked.

    Attributes:
        weights: [B, H, T, K + 1] over the K phrases that took part and `<no-bias>`.
        phrases: int [B or 1, K], which rows of the bank these are.
        token_weights: [B, T, k, L] inside the best k phrases, None without token attention.
        token_phrases: int [B, k], which of the K these are.
    """

    weights: Tensor
    phrases: Tensor
    token_weights: Tensor | None = None
    token_phrases: Tensor | None = None


class Query(nn.Module):
    """Weighted sum of encoder layers, each normalised and projected, then mixed over neighbouring frames.

    Layers of another frame rate are repeated or thinned to the encoder output's.
    """

    def __init__(self, widths: Sequence[int], dim: int, context: int, dropout: float):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths)
        self.projections = nn.ModuleList(nn.Linear(width, dim) for width in widths)
        self.mix = nn.Parameter(torch.zeros(len(widths)))
        self.norm = nn.LayerNorm(dim)
        self.context = nn.Conv1d(dim, dim, context, padding=context // 2, groups=dim) if context > 1 else None
        self.out = nn.Sequential(nn.SiLU(), nn.Dropout(dropout), nn.Linear(dim, dim))

    def forward(self, layers: Sequence[Tensor], inside: Tensor) -> Tensor:
        """Queries [B, T, D] from layers [B, T_i, C_i]; `inside` bool [B, T] tells frames from padding."""
        frames = inside.shape[1]
        share = self.mix.softmax(dim=0)
        total = 0.0
        for weight, norm, project, layer in zip(share, self.norms, self.projections, layers, strict=True):
            if layer.shape[1] != frames:
                index = torch.arange(frames, device=layer.device) * layer.shape[1] // frames
                layer = layer[:, index]
            total = total + weight * project(norm(layer))
        queries = self.norm(total) * inside[..., None]  # what follows an utterance must not reach into it
        if self.context is not None:
            queries = queries + self.context(queries.transpose(1, 2)).transpose(1, 2)
        return self.out(queries)


class PhraseEvidence(nn.Module):
    """What the evidence adds to the scores of the attention over phrases, learned for each head.

    It begins where a regression on forced alignments of real speech ended (mean, worst and ln of the length).
    """

    def __init__(self, heads: int):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([[2.0, 0.25, 2.5]]).repeat(heads, 1))
        self.offset = nn.Parameter(torch.full((heads,), 0.5))

    def forward(self, evidence: Evidence, lengths: Tensor) -> Tensor:
        """[B, H, T, K] from the evidence and the phrases' lengths [B, K] in tokens."""
        long = lengths.float().log()[..., None].expand_as(evidence.mean)
        seen = torch.stack([evidence.mean, evidence.worst, long], dim=-1)  # [B, K, T, 3]
        # In single precision, as the evidence: log-probs of phrases differ in what half precision leaves out.
        return torch.einsum("bkti,hi->bhtk", seen, self.scale.float()) + self.offset.float()[:, None, None]


class ContextualAdapter(nn.Module):
    """Adds to each frame of the encoder's output what the listed phrases suggest there.

    An adapter just made adds exactly nothing (its output projections are zero), as does an empty list.

    Args:
        width: C, of the encoder's output.
        layer_widths: of the layers that the query looks at, in the order in which `forward` gets them.
        vocabulary_size: V, without the blank.
        others: see `ContextualAdapterConfig`.
    """

    def __init__(
        self,
        width: int,
        layer_widths: Sequence[int],
        vocabulary_size: int,
        query_layers: Sequence[int] | None = None,
        final_layer: bool = True,
        query_context: int = 9,
        dim: int = 128,
        heads: int = 4,
        embedding: str = "decoder",
        token_attention: bool = True,
        token_phrases: int = 16,
        types: Sequence[str] = (),
        evidence_context: int = 10,
        preselect: int = 128,
        max_phrases: int = 50_000,
        usual_size: int = 2000,
        strength: float = 1.0,
        dropout: float = 0.1,
        base: dict[str, Any] | None = None,
        adapter_strategy: Any = None,
    ):
        super().__init__()
        self.query_layers, self.final_layer = tuple(query_layers or ()), final_layer
        self.types, self.max_phrases = tuple(types), max_phrases
        self.preselect, self.token_phrases = preselect, token_phrases
        self.evidence_context, self.usual_size, self.strength = evidence_context, usual_size, strength
        self.starts_from_decoder = embedding == "decoder"
        self.encoder = PhraseEncoder(vocabulary_size, width, dim, len(types), dropout)
        self.query = Query(layer_widths, dim, query_context, dropout)
        self.phrase_attention = PhraseAttention(dim, heads)
        self.token_attention = TokenAttention(dim) if token_attention else None
        self.phrase_evidence = PhraseEvidence(heads)
        self.token_evidence = nn.Parameter(torch.ones(()))
        self.phrase_out = _zero_linear(dim, width)
        self.token_out = _zero_linear(dim, width) if token_attention else None

    @property
    def looks_ahead(self) -> int:
        """How many frames behind the one that it adds to it looks at."""
        query = self.query.context.kernel_size[0] // 2 if self.query.context is not None else 0
        return max(query, self.evidence_context)

    def adapter_unfreeze(self) -> None:
        """Let all parameters train (NeMo calls this)."""
        self.requires_grad_(True)

    def embed(self, listed: TokenList) -> PhraseBank:
        """The bank of one list: N phrases, B = 1."""
        weight = self.encoder.phrase.weight
        device = weight.device
        number = {name: index for index, name in enumerate(self.types, start=1)}
        types = torch.tensor([number.get(name, 0) for name in listed.types], dtype=torch.long, device=device)
        tokens, lengths = listed.tokens.to(device), listed.lengths
        parts = [
            self.encoder(tokens[at : at + _CHUNK], lengths[at : at + _CHUNK], types[at : at + _CHUNK])
            for at in range(0, len(listed), _CHUNK)
        ] or [(weight.new_zeros(0, len(weight)), weight.new_zeros(0, tokens.shape[1], len(weight)))]
        kept = len(parts) == 1 and not self.training  # in training the tokens have a dropout of their own
        return PhraseBank(
            phrases=torch.cat([phrases for phrases, _ in parts])[None],
            tokens=tokens[None],
            lengths=lengths.to(device)[None],
            types=types[None],
            bias=listed.log_weights.to(device)[None],
            vectors=parts[0][1][None] if kept else None,
        )

    def forward(
        self, encoded: Tensor, layers: Sequence[Tensor], lengths: Tensor, log_probs: Tensor, bank: PhraseBank
    ) -> Tensor:
        """What to add to the encoder's output, [B, T, C]; see `attend`."""
        return self.attend(encoded, layers, lengths, log_probs, bank)[0]

    def attend(
        self, encoded: Tensor, layers: Sequence[Tensor], lengths: Tensor, log_probs: Tensor, bank: PhraseBank
    ) -> tuple[Tensor, Attention]:
        """What to add to the encoder's output, and where its frames looked.

        Args:
            encoded: [B, T, C] encoder output.
            layers: [B, T_i, C_i] outputs of `query_layers`.
            lengths: int [B], valid frames.
            log_probs: [B, T, V + 1] that the decoder makes of `encoded`, blank last.
            bank: of the batch, or of all its utterances (B = 1).
        """
        inside = torch.arange(encoded.shape[1], device=encoded.device) < lengths[:, None]
        # One phrase of a list of N is spoken about as often whatever N is, so each needs N times the evidence.
        listed = bank.bias.isfinite().sum(dim=1)
        rarer = (listed / self.usual_size).clamp_min(1).log()
        heard = NearbyTokens(log_probs, inside, self.evidence_context)
        if len(bank) > self.preselect:
            chosen = heard.best(bank.tokens, bank.lengths, bank.bias, self.preselect)
        else:
            chosen = torch.arange(len(bank), device=encoded.device).expand(len(encoded), -1)
        bank = bank.take(chosen)
        queries = self.query([*layers, encoded] if self.final_layer else list(layers), inside)
        evidence = heard.of(bank.tokens, bank.lengths)
        bias = (bank.bias - rarer[:, None])[:, None, None] + self.phrase_evidence(evidence, bank.lengths)
        context, weights = self.phrase_attention(queries, bank.phrases, bias)
        added, attention = self.phrase_out(context), Attention(weights, chosen)
        if self.token_attention is not None:
            best = self._best(weights, inside)
            context, attention.token_weights = self._of_tokens(queries, bank, evidence, weights, best)
            added, attention.token_phrases = added + self.token_out(context), best
        return self.strength * added, attention

    def _of_tokens(
        self, queries: Tensor, bank: PhraseBank, evidence: Evidence, weights: Tensor, best: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Context [B, T, D] of the tokens of the phrases `best` [B, k], and the weights inside these [B, T, k, L]."""
        some = bank.take(best)
        tokens = some.vectors
        if tokens is None:
            _, tokens = self.encoder(some.tokens.flatten(0, 1), some.lengths.flatten(), some.types.flatten())
            tokens = tokens.unflatten(0, best.shape)
        mean = weights[..., :-1].mean(dim=1)  # [B, T, K]
        of_best = mean.gather(2, best[:, None].expand(-1, mean.shape[1], -1))
        rows = torch.arange(len(best), device=best.device)[:, None]
        at = evidence.at[rows, best, : some.tokens.shape[2]].permute(0, 3, 1, 2)
        bias = self.token_evidence * at.clamp_min(2 * FLOOR) * some.lengths[:, None, :, None]
        return self.token_attention(queries, tokens, some.lengths, of_best, bias)

    def _best(self, weights: Tensor, inside: Tensor) -> Tensor:
        """[B, k] of the K phrases that got the most attention in some frame."""
        most = (weights[..., :-1].detach().mean(dim=1) * inside[..., None]).amax(dim=1)
        return most.topk(min(self.token_phrases, most.shape[1]), dim=1).indices.sort(dim=1).values


def _zero_linear(inputs: int, outputs: int) -> nn.Linear:
    linear = nn.Linear(inputs, outputs, bias=False)  # no bias: a frame that attends to <no-bias> gets exactly nothing
    nn.init.zeros_(linear.weight)
    return linear
