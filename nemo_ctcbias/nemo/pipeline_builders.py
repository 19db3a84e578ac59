"""NeMo's builders of inference pipelines, made to build pipelines with lists."""

from __future__ import annotations

import sys

from nemo_ctcbias.nemo.internals import PIPELINE_NAMES


def offer_pipelines() -> None:
    """Where NeMo's builders of inference pipelines are loaded, they make pipelines with lists from now on.

    They look for the class after they have restored the model, so this is early enough for the first one.
    """
    for (module, kind), names in PIPELINE_NAMES.items():
        builder = sys.modules.get(module)
        if not kind and builder is not None:
            from nemo_ctcbias.nemo import pipelines

            for name in names:
                setattr(builder, name, getattr(pipelines, f"Biased{name}"))
