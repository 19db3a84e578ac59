"""Registration with NeMo: from here on `ASRModel.restore_from` accepts our classes.

NeMo 3 instantiates a checkpoint's `target` only if its module path starts with an allowed prefix.  Called by
`import nemo_ctcbias` and, in every Hydra application (NeMo's scripts are such), by `hydra_plugins`.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.abc import MetaPathFinder

HOST = "nemo.core.classes.common"
#: What a config may name: models (under their old place, too), the adapter, and the parts of the stronger base.
TARGETS = (
    "nemo_ctcbias.nemo.ctc_models.BiasedEncDecCTCModel",
    "nemo_ctcbias.nemo.ctc_models.BiasedEncDecCTCModelBPE",
    "nemo_ctcbias.models.ctc_models.BiasedEncDecCTCModel",
    "nemo_ctcbias.models.ctc_models.BiasedEncDecCTCModelBPE",
    "nemo_ctcbias.adapter.contextual_adapter.ContextualAdapter",
    "nemo_ctcbias.whisper.WhisperMel",
    "nemo_ctcbias.whisper.WhisperConformerEncoder",
)


def register() -> None:
    """Allow our classes now if NeMo is imported, else as soon as it is.  Safe to call again.

    Imports neither NeMo nor any model code of ours.
    """
    host = sys.modules.get(HOST)
    if host is not None:
        # NeMo 2 has the list but does not check targets against it; earlier versions have none.
        prefixes = getattr(host, "ALLOWED_TARGET_PREFIXES", None)
        if prefixes is not None:
            prefixes.extend(target for target in TARGETS if target not in prefixes)
    elif not any(isinstance(finder, _WhenImported) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WhenImported())


class _WhenImported(MetaPathFinder):
    """Waits for NeMo's module to be executed, registers, and is gone; looking for the module is not enough."""

    def __init__(self):
        self._searching = False

    def find_spec(self, name, path=None, target=None):
        if name != HOST or self._searching:
            return None
        self._searching = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._searching = False
        if spec is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module):
                execute(module)
                if self in sys.meta_path:
                    sys.meta_path.remove(self)
                register()

            spec.loader.exec_module = execute_and_register
        return spec
