"""How much it counts that a model is sure of an ordinary word which sounds like a listed phrase ("brown", "Browne").

Lists seldom hold such phrases, so that lists as they usually are hardly tell; here some are put into them.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from nemo_ctcbias.phones.confidence import NAMES, Confidence

OWN = NAMES.index("own")
A_LIST = 3  # homophones, of as many ordinary words that are said
TRIED = (0.0, 0.2, 0.35, 0.5, 0.8, 1.0, 1.3, 2.0)


class Homophones:
    """Words that sound like ordinary ones.

    Args:
        lexicon: words and their pronunciations.
        ordinary: whether a word is an ordinary one.
    """

    def __init__(self, lexicon: Mapping[str, Sequence], ordinary: Callable[[str], bool]):
        self._lexicon, self._ordinary = lexicon, ordinary
        self._alike = defaultdict(set)
        for word, pronunciations in lexicon.items():
            for one in pronunciations:
                if word.isalpha() and not ordinary(word):
                    self._alike[one].add(word)

    def among(self, phrases: Sequence[str], said: Sequence[str], rng: random.Random) -> list[str]:
        """The list with homophones of words that are said in the places of its last phrases."""
        words = sorted({word for word in said if len(word) > 2 and word in self._lexicon and self._ordinary(word)})
        alike = [sorted({one for sound in self._lexicon[word] for one in self._alike[sound]}) for word in words]
        found = [rng.choice(some).capitalize() for some in alike if some]
        chosen = rng.sample(found, min(A_LIST, len(found)))
        return [*phrases[: len(phrases) - len(chosen)], *chosen]


def kept(confidence: Confidence, evidence: np.ndarray, written: np.ndarray, right: np.ndarray, precision: float) -> str:
    """By weights of `Evidence.own`: how many candidates are kept at a precision, how many of them right, a line a kind.

    Args:
        confidence: all other weights are its.
        evidence: [n, len(NAMES)]; written, right: [n].
    """
    asked = confidence.threshold(precision)
    lines = []
    for name, kind in (("written", True), ("missing", False)):
        formula, of_kind = getattr(confidence, name), written == kind
        weights = np.array([0.0 if one == "own" else formula.weights[one] for one in NAMES])
        logits, own = formula.bias + evidence[of_kind] @ weights, evidence[of_kind, OWN]
        counts = []
        for weight in TRIED:
            sure = logits + weight * own >= np.log(asked / (1 - asked))
            counts.append(f"{weight:g}: {sure.sum()} ({right[of_kind][sure].sum()})")
        lines.append(f"  {name} " + ", ".join(counts))
    return "\n".join(lines)
