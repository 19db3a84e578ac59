"""How much it counts that a model is sure of an ordinary word which sounds like a listed phrase ("brown", "Browne").

Lists seldom hold such phrases, so that lists as they usually are hardly tell; here some are put into them.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from nemo_ctcbias.phones.confidence import NAMES, Confidence, Formula

OWN = NAMES.index("own")
A_LIST = 3  # homophones, of as many ordinary words that are said
TRIED = np.arange(0, 3.01, 0.05)


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


def with_own(
    confidence: Confidence,
    usual: tuple[np.ndarray, np.ndarray, np.ndarray],
    alike: tuple[np.ndarray, np.ndarray, np.ndarray],
    precision: float,
) -> Confidence:
    """The same with the likeliest weights of `Evidence.own`, or smaller ones by which nothing right is lost.

    Args:
        confidence: all other weights stay.
        usual, alike: of candidates of usual lists, and of lists with homophones: evidence [n, len(NAMES)], which were
            written [n], which were right [n].
        precision: at which nothing right of usual lists is to fall.
    """
    asked = confidence.threshold(precision)
    kinds = {"written": True, "missing": False}
    return replace(
        confidence,
        **{
            name: _with_own(getattr(confidence, name), *(_of_kind(some, kind) for some in (usual, alike)), asked)
            for name, kind in kinds.items()
        },
    )


def _of_kind(examples: tuple[np.ndarray, np.ndarray, np.ndarray], kind: bool) -> tuple[np.ndarray, np.ndarray]:
    evidence, written, right = examples
    return evidence[written == kind], right[written == kind]


def _with_own(formula: Formula, usual, alike, asked: float) -> Formula:
    weights = np.array([0.0 if name == "own" else formula.weights[name] for name in NAMES])
    evidence, right = (np.concatenate(parts) for parts in zip(usual, alike, strict=True))
    logits, own = formula.bias + evidence @ weights, evidence[:, OWN]
    sure = np.log(asked / (1 - asked))

    def loss(weight: float) -> float:
        logit = logits + weight * own
        return float(np.sum(np.logaddexp(0, logit) - right * logit))

    def kept(weight: float) -> int:
        of_usual = slice(0, len(usual[1]))
        return int(np.sum((logits + weight * own)[of_usual][usual[1]] >= sure))

    likeliest = min(TRIED, key=loss)
    weight = max(one for one in TRIED if one <= likeliest and kept(one) == kept(0.0))
    return Formula(formula.bias, {**formula.weights, "own": round(float(weight), 2)})
