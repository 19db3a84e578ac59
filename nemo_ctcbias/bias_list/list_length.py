"""How much longer than usual a list is: the longer, the more of it sounds or is spelt like something else by chance."""

from __future__ import annotations

import math


def log_excess(phrases: int, free_list: float) -> float:
    """ln(N / free_list) of a list of N > free_list phrases, 0 of shorter ones."""
    return math.log(max(1.0, phrases / max(1.0, free_list)))
