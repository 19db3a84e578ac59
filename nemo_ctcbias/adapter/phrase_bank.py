"""Embedded bias lists of a batch: what the attention looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import zip_longest

import torch
from torch import Tensor
from torch.nn.functional import pad


@dataclass
class TokenList:
    """The spellings of one bias list in a fixed order, whatever the order of the list.

    Attributes:
        tokens: int [N, L], padded with 0.
        lengths: int [N].
        log_weights: [N], ln of the phrases' weights.
        types: N names of the lists that the phrases belong to, None for none.
        owners: for each row the phrase of the bias list that it spells.
    """

    tokens: Tensor
    lengths: Tensor
    log_weights: Tensor
    types: tuple[str | None, ...]
    owners: tuple[int, ...]

    @classmethod
    def of(
        cls,
        sequences: Sequence[Sequence[int]],
        weights: Sequence[float] | None = None,
        types: Sequence[str | None] | None = None,
        owners: Sequence[int] | None = None,
    ) -> TokenList:
        """From token sequences; those that are equal become one row (the first one's)."""
        first: dict[tuple[int, ...], int] = {}
        for index, sequence in enumerate(sequences):
            first.setdefault(tuple(sequence), index)
        order = sorted(first)
        rows = [first[sequence] for sequence in order]
        weights = torch.tensor([1.0 if weights is None else float(weights[row]) for row in rows])
        return cls(
            tokens=torch.tensor(list(zip_longest(*order, fillvalue=0))).T.contiguous()
            if order
            else torch.zeros(0, 1, dtype=torch.long),
            lengths=torch.tensor([len(sequence) for sequence in order], dtype=torch.long),
            log_weights=weights.log(),
            types=tuple(types[row] if types else None for row in rows),
            owners=tuple(rows if owners is None else (owners[row] for row in rows)),
        )

    @property
    def nbytes(self) -> int:
        """Memory of the tensors."""
        return sum(one.element_size() * one.nelement() for one in (self.tokens, self.lengths, self.log_weights))

    def heard(self, factors: Sequence[float]) -> TokenList:
        """The rows of phrases whose factor (one for each phrase of the bias list) is above 0, weights times it."""
        factors = torch.tensor([float(factors[owner]) for owner in self.owners])
        rows = factors.nonzero()[:, 0]
        lengths = self.lengths[rows]
        return TokenList(
            tokens=self.tokens[rows, : max(lengths.tolist(), default=1)],
            lengths=lengths,
            log_weights=self.log_weights[rows] + factors[rows].log(),
            types=tuple(self.types[row] for row in rows.tolist()),
            owners=tuple(self.owners[row] for row in rows.tolist()),
        )

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass
class PhraseBank:
    """Embedded phrases; B is 1 where all utterances of a batch share the list.

    Attributes:
        phrases: [B, N, D] embeddings.
        tokens, lengths, types: int [B, N, L], [B, N] and [B, N].
        bias: [B, N] added to the attention's scores: ln of the weight, -inf where there is no phrase.
        vectors: [B, N, L, D] of the phrases' tokens; None in training and for long lists: made anew for the few needed.
    """

    phrases: Tensor
    tokens: Tensor
    lengths: Tensor
    types: Tensor
    bias: Tensor
    vectors: Tensor | None = None

    @property
    def nbytes(self) -> int:
        """Memory of the tensors."""
        tensors = [getattr(self, item.name) for item in fields(self)]
        return sum(one.element_size() * one.nelement() for one in tensors if one is not None)

    @classmethod
    def stack(cls, banks: Sequence[PhraseBank]) -> PhraseBank:
        """One bank of several utterances' (B = 1 each), padded to the longest list and phrase."""
        if all(bank is banks[0] for bank in banks):
            return banks[0]
        phrases = max(bank.bias.shape[1] for bank in banks)
        tokens = max(bank.tokens.shape[2] for bank in banks)

        def grown(bank: PhraseBank, name: str) -> Tensor:
            more = phrases - bank.bias.shape[1]
            value = getattr(bank, name)
            if name == "phrases":
                return pad(value, (0, 0, 0, more))
            if name == "vectors":
                return pad(value, (0, 0, 0, tokens - value.shape[2], 0, more))
            if name == "tokens":
                return pad(value, (0, tokens - value.shape[2], 0, more))
            return pad(value, (0, more), value={"bias": float("-inf"), "lengths": 1}.get(name, 0))

        kept = [f.name for f in fields(cls) if all(getattr(bank, f.name) is not None for bank in banks)]
        return cls(**{name: torch.cat([grown(bank, name) for bank in banks]) for name in kept})

    def take(self, index: Tensor) -> PhraseBank:
        """The phrases `index` [B, K] of each utterance; L is that of the longest of them."""
        rows = torch.arange(len(index), device=index.device)[:, None] if len(self.bias) > 1 else 0
        lengths = self.lengths[rows, index]
        longest = int(lengths.max()) if lengths.numel() else 1
        return PhraseBank(
            phrases=self.phrases[rows, index],
            tokens=self.tokens[rows, index, :longest],
            lengths=lengths,
            types=self.types[rows, index],
            bias=self.bias[rows, index],
            vectors=None if self.vectors is None else self.vectors[rows, index, :longest],
        )

    def __len__(self) -> int:
        return self.bias.shape[1]
