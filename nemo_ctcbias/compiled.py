"""Loops over numbers, compiled by numba (which NeMo brings)."""

from __future__ import annotations

from collections.abc import Callable

import numba


def compiled(function: Callable) -> Callable:
    """Compile when first called; the code is kept on disk for the next process, where there is a place for it.

    What is kept is only thrown away with a change of the function's own file: compiled functions call none of others.
    """
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba's, where neither the package's folder nor the user's cache can be written
        return numba.njit(nogil=True)(function)
