"""Where checkpoints saved before `nemo_ctcbias.nemo` look for their classes: the one place that maps old paths."""

from nemo_ctcbias.nemo.ctc_models import BiasedEncDecCTCModel, BiasedEncDecCTCModelBPE

__all__ = ["BiasedEncDecCTCModel", "BiasedEncDecCTCModelBPE"]
