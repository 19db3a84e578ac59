"""The model classes that NeMo restores: its CTC models with a bias list."""

from __future__ import annotations

from nemo.collections.asr.models import EncDecCTCModel, EncDecCTCModelBPE
from omegaconf import DictConfig, OmegaConf

from nemo_ctcbias.nemo.biased_ctc import BiasedCTCMixin
from nemo_ctcbias.nemo.contextual import ContextualMixin
from nemo_ctcbias.nemo.language_model import LanguageModelMixin
from nemo_ctcbias.nemo.phonetic import PhoneticMixin


class BiasedEncDecCTCModelBPE(PhoneticMixin, ContextualMixin, LanguageModelMixin, BiasedCTCMixin, EncDecCTCModelBPE):
    """`EncDecCTCModelBPE` (subwords) that takes a bias list."""

    def _make_decoding(self, config: DictConfig):
        from nemo_ctcbias.nemo.strategy import BiasedCTCBPEDecoding

        return BiasedCTCBPEDecoding(config, tokenizer=self.tokenizer)


class BiasedEncDecCTCModel(PhoneticMixin, ContextualMixin, LanguageModelMixin, BiasedCTCMixin, EncDecCTCModel):
    """`EncDecCTCModel` (characters) that takes a bias list."""

    def _make_decoding(self, config: DictConfig):
        from nemo_ctcbias.nemo.strategy import BiasedCTCDecoding

        return BiasedCTCDecoding(config, vocabulary=OmegaConf.to_container(self.decoder.vocabulary))
