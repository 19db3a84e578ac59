"""Whether KenLM's own programs are there."""

import pytest

from nemo_ctcbias.errors import MissingDependencyError
from nemo_ctcbias.lm import lmplz


def has_lmplz() -> bool:
    try:
        return all(map(lmplz.find, ("lmplz", "build_binary")))
    except MissingDependencyError:
        return False


needs_lmplz = pytest.mark.skipif(not has_lmplz(), reason="KenLM's lmplz is not built (see nemo_ctcbias/lm/lmplz.py)")
