"""The prior of one phrase among many: the longer a list, the more of it sounds or is spelt like something else.

One phrase of a list is spoken about as often whatever the length of the list, so each of N phrases needs N times the
evidence.  `biasing.list_cost` says how much of that is asked, in one place for all that listen to the list; what has
been asked once (by detection, where it can be told how the list sounds) is not asked again.
"""

from __future__ import annotations

import math

USUAL_LIST = 100.0  # phrases of the list that all weights are meant for
LIST_COST = 1.0  # 1 is the whole of ln N


def log_length(phrases: int) -> float:
    """ln(N / 100) of a list of N phrases, below 0 for shorter ones."""
    return math.log(max(phrases, 1) / USUAL_LIST)


def log_excess(phrases: int) -> float:
    """ln(N / 100) of a list of N > 100 phrases, 0 for shorter ones."""
    return max(0.0, log_length(phrases))
