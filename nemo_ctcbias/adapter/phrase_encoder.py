"""Phrases to vectors: token embedding, BiLSTM, final states (Dingliwal et al., SLT 2022)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class PhraseEncoder(nn.Module):
    """Embeds each phrase from its subwords.

    Args:
        vocabulary_size: V, without the blank.
        embedding_dim: of the token embedding.
        dim: D, of what comes out.
        types: kinds of lists, each with an embedding; 0 for none.
        dropout: on the token embeddings while training.
    """

    def __init__(self, vocabulary_size: int, embedding_dim: int, dim: int, types: int = 0, dropout: float = 0.0):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, embedding_dim)
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(embedding_dim, dim, bidirectional=True, batch_first=True)
        self.phrase = nn.Linear(2 * dim, dim)
        self.token = nn.Linear(2 * dim + embedding_dim, dim)
        self.kind = nn.Embedding(types + 1, dim, padding_idx=0) if types else None

    def start_from(self, rows: Tensor) -> None:
        """Begin with the decoder's vectors: `rows` [V, embedding_dim], scaled to unit mean norm."""
        with torch.no_grad():
            self.embedding.weight.copy_(rows / rows.norm(dim=1).mean() * rows.shape[1] ** 0.5 / 4)

    def forward(self, tokens: Tensor, lengths: Tensor, types: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Vectors of phrases and of their tokens, in the precision of the weights whatever autocast says.

        They are kept for later batches of any precision, and not every CPU has an LSTM in half precision.

        Args:
            tokens: int [N, L] token ids, padded with anything.
            lengths: int [N], at least 1 each.
            types: int [N], 0 for none.

        Returns:
            phrases [N, D], tokens [N, L, D]; what is padded never changes them (vectors at padding are arbitrary).
        """
        with torch.autocast(tokens.device.type, enabled=False):
            embedded = self.dropout(self.embedding(tokens))
            packed = pack_padded_sequence(embedded, lengths.cpu(), batch_first=True, enforce_sorted=False)
            states, (final, _) = self.lstm(packed)
            states, _ = pad_packed_sequence(states, batch_first=True, total_length=tokens.shape[1])
            phrases = self.phrase(torch.cat([final[0], final[1]], dim=-1))
            if self.kind is not None and types is not None:
                phrases = phrases + self.kind(types)
            return phrases, self.token(torch.cat([states, embedded], dim=-1))
