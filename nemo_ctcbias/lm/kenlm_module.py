"""KenLM's Python module, which is optional: language models need it, and nothing else does.

There are no wheels of it, and not every machine has a C++ compiler.
"""

from __future__ import annotations

import logging
from functools import cache
from types import ModuleType

from nemo_ctcbias.errors import MissingDependencyError

try:
    import kenlm
except ImportError:
    kenlm = None

INSTALL = "pip install 'nemo-ctcbias[lm]' (it takes a C++ compiler)"

logger = logging.getLogger(__name__)


def needed_for(what: str) -> ModuleType:
    """KenLM's module.

    Args:
        what: needs it, for the message.

    Raises:
        MissingDependencyError: it is not installed.
    """
    if kenlm is None:
        raise MissingDependencyError(f"{what} needs kenlm, which is not installed; {INSTALL}")
    return kenlm


@cache
def tell_what_is_left_out() -> None:
    """Log, once, what a model that would use KenLM does without."""
    logger.warning(
        f"kenlm is not installed, so the language model is left out; everything else acts without. {INSTALL}"
    )
