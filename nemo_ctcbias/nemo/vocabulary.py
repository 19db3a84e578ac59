"""What spelling and search need of a NeMo model's tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemo_ctcbias.bias_list import Vocabulary

if TYPE_CHECKING:
    from nemo.collections.asr.models import EncDecCTCModel


def vocabulary_of(model: EncDecCTCModel) -> Vocabulary:
    """The pieces of the model's CTC head (blank left out) and, for subwords, its tokenizer."""
    pieces = [str(piece) for piece in model.decoder.vocabulary]
    tokenizer = getattr(model, "tokenizer", None)
    if any(piece.startswith("##") for piece in pieces):
        # WordPiece marks the inside of words; everything here marks their beginning.
        special = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
        pieces = [p[2:] if p.startswith("##") else p if p in special else "▁" + p for p in pieces]
    return Vocabulary(pieces, tokenizer.text_to_ids if tokenizer is not None else None)
