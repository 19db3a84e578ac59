"""What spelling and search need of a NeMo model's tokens."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from nemo_ctcbias.bias_list import Vocabulary

if TYPE_CHECKING:
    from nemo.collections.asr.models import ASRModel
    from torch import nn


def head_of(model: ASRModel) -> nn.Module:
    """The CTC head of a CTC model or hybrid, of NeMo's or ours."""
    return getattr(model, "ctc_decoder", model.decoder)


def vocabulary_of(model: ASRModel) -> Vocabulary:
    """The pieces of the model's CTC head (blank left out) and, for subwords, its tokenizer."""
    pieces = [str(piece) for piece in head_of(model).vocabulary]
    tokenizer = getattr(model, "tokenizer", None)
    if tokenizer is None:
        return Vocabulary(pieces)
    if hasattr(tokenizer, "tokenizers_dict"):  # an aggregate: several languages, each with tokens of its own
        starts, sizes = tokenizer.token_id_offset, {k: len(v.vocab) for k, v in tokenizer.tokenizers_dict.items()}
        aggregated = [
            (range(starts[name], starts[name] + sizes[name]), partial(tokenizer.text_to_ids, lang_id=name))
            for name in sizes
        ]
        return Vocabulary(pieces, languages=[name[:2].lower() for name in sizes], aggregated=aggregated)
    if any(piece.startswith("##") for piece in pieces):
        # WordPiece marks the inside of words; everything here marks their beginning.
        special = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
        pieces = tokenizer.ids_to_tokens(list(range(len(pieces))))  # the head's are in no order
        pieces = [p[2:] if p.startswith("##") else p if p in special else "▁" + p for p in pieces]
        return Vocabulary(pieces, tokenizer.text_to_ids, marks_apart=True)
    return Vocabulary(pieces, tokenizer.text_to_ids)
