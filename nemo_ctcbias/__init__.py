"""Contextual biasing for NVIDIA NeMo CTC models: say which names matter, and they come out right.

Importing this package registers its model classes with NeMo and loads nothing else; the public names below
are imported when first used.
"""

from __future__ import annotations

import importlib
from typing import Any

from nemo_ctcbias.nemo.registration import register

__version__ = "0.1.0"

_HOME = {
    "BiasList": "nemo_ctcbias.bias_list",
    "Phrase": "nemo_ctcbias.bias_list",
    "ContextualAdapterConfig": "nemo_ctcbias.adapter.config",
    "BoostOptions": "nemo_ctcbias.search.boosting",
    "BeamOptions": "nemo_ctcbias.search.beam_search",
    "HotwordBeamDecoder": "nemo_ctcbias.search.hotword_decoder",
    "BiasedEncDecCTCModel": "nemo_ctcbias.nemo.ctc_models",
    "BiasedEncDecCTCModelBPE": "nemo_ctcbias.nemo.ctc_models",
    "BiasedEncDecHybridRNNTCTCModel": "nemo_ctcbias.nemo.ctc_models",
    "BiasedEncDecHybridRNNTCTCBPEModel": "nemo_ctcbias.nemo.ctc_models",
    "BiasedEncDecHybridRNNTCTCBPEModelWithPrompt": "nemo_ctcbias.nemo.ctc_models",
    "from_ctc": "nemo_ctcbias.nemo.ctc_models",
    "load_biased": "nemo_ctcbias.nemo.loading",
}

__all__ = [*sorted(_HOME), "__version__", "register"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'nemo_ctcbias' has no attribute {name!r}")


register()
