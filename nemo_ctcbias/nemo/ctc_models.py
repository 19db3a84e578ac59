"""The model classes that NeMo restores: its CTC models and hybrids with a bias list."""

from __future__ import annotations

from nemo.collections.asr.models import (
    EncDecCTCModel,
    EncDecCTCModelBPE,
    EncDecHybridRNNTCTCBPEModel,
    EncDecHybridRNNTCTCBPEModelWithPrompt,
    EncDecHybridRNNTCTCModel,
)
from omegaconf import DictConfig

from nemo_ctcbias.nemo.biased_ctc import BiasedCTCMixin
from nemo_ctcbias.nemo.branch import CTCBranch, HybridMixin
from nemo_ctcbias.nemo.cache_aware import CacheAwareMixin
from nemo_ctcbias.nemo.contextual import ContextualMixin
from nemo_ctcbias.nemo.copies import CopyMixin
from nemo_ctcbias.nemo.language_model import LanguageModelMixin
from nemo_ctcbias.nemo.phonetic import PhoneticMixin
from nemo_ctcbias.nemo.streams import StreamMixin


class _Biased(
    CopyMixin, PhoneticMixin, ContextualMixin, LanguageModelMixin, CacheAwareMixin, StreamMixin, BiasedCTCMixin
):
    """All that is ours, of models with subwords."""

    def _make_decoding(self, config: DictConfig):
        from nemo_ctcbias.nemo.strategy import BiasedCTCBPEDecoding

        return BiasedCTCBPEDecoding(config, tokenizer=self.tokenizer)


class _BiasedCharacters(_Biased):
    """The same of models with characters."""

    def _make_decoding(self, config: DictConfig):
        from nemo_ctcbias.nemo.strategy import BiasedCTCDecoding

        return BiasedCTCDecoding(config, vocabulary=list(self.ctc_head.vocabulary))


class BiasedEncDecCTCModelBPE(_Biased, EncDecCTCModelBPE):
    """`EncDecCTCModelBPE` (subwords) that takes a bias list."""


class BiasedEncDecCTCModel(_BiasedCharacters, EncDecCTCModel):
    """`EncDecCTCModel` (characters) that takes a bias list."""


class BiasedEncDecHybridRNNTCTCBPEModel(HybridMixin, _Biased, EncDecHybridRNNTCTCBPEModel):
    """`EncDecHybridRNNTCTCBPEModel` (RNN-T or TDT beside CTC, subwords) that takes a bias list."""


class BiasedEncDecHybridRNNTCTCModel(HybridMixin, _BiasedCharacters, EncDecHybridRNNTCTCModel):
    """`EncDecHybridRNNTCTCModel` (the same with characters) that takes a bias list."""


class BiasedEncDecHybridRNNTCTCBPEModelWithPrompt(HybridMixin, _Biased, EncDecHybridRNNTCTCBPEModelWithPrompt):
    """`EncDecHybridRNNTCTCBPEModelWithPrompt` (subwords, told the language) that takes a bias list."""

    # Its batches carry prompts and no row of the manifest: there the stored list acts, without adapters.
    predict_step = EncDecHybridRNNTCTCBPEModelWithPrompt.predict_step


#: Of each kind that NeMo loads, the special ones first: ours.
BIASED = {
    kind.__mro__[kind.__mro__.index(CTCBranch) + 1]: kind
    for kind in (
        BiasedEncDecHybridRNNTCTCBPEModelWithPrompt,
        BiasedEncDecHybridRNNTCTCBPEModel,
        BiasedEncDecHybridRNNTCTCModel,
        BiasedEncDecCTCModelBPE,
        BiasedEncDecCTCModel,
    )
}
