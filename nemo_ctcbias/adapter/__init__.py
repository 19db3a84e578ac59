"""The contextual adapter: attention over the listed phrases between a CTC model's encoder and decoder (plain torch)."""

from nemo_ctcbias.adapter.config import ContextualAdapterConfig
from nemo_ctcbias.adapter.contextual_adapter import Attention, ContextualAdapter
from nemo_ctcbias.adapter.phrase_bank import PhraseBank

__all__ = ["Attention", "ContextualAdapter", "ContextualAdapterConfig", "PhraseBank"]
