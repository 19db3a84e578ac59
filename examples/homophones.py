"""Lists with words that sound like ordinary ones which are said ("brown", Browne): lists seldom hold such phrases."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

A_LIST = 3  # homophones, of as many ordinary words that are said


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
        """The list, homophones of words that are said in the places of some of its phrases that are not said."""
        words = sorted({word for word in said if len(word) > 2 and word in self._lexicon and self._ordinary(word)})
        alike = [sorted({one for sound in self._lexicon[word] for one in self._alike[sound]}) for word in words]
        found = [rng.choice(some).capitalize() for some in alike if some]
        chosen = rng.sample(found, min(A_LIST, len(found)))
        spoken = set(said)
        kept = [phrase for phrase in phrases if not spoken.issuperset(phrase.lower().split())]
        gone = set(kept[len(kept) - len(chosen) :])
        return [*(phrase for phrase in phrases if phrase not in gone), *chosen]
