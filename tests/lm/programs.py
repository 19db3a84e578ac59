"""Whether KenLM's own programs are there."""

import pytest

from nemo_ctcbias.lm import lmplz

needs_lmplz = pytest.mark.skipif(not lmplz.available(), reason="KenLM's lmplz is not built (see lm/lmplz.py)")
