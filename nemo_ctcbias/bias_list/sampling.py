"""Bias lists to train on, drawn for each batch from its own transcripts."""

from __future__ import annotations

import random
import string
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nemo_ctcbias.bias_list.near import NearIndex
from nemo_ctcbias.errors import SettingError


@dataclass
class SamplingOptions:
    """How training lists are drawn.

    Args:
        min_size, max_size: distractors of a list; the number is drawn evenly on a log scale.
        absent: share of lists without any phrase that is spoken.
        per_utterance: chances of 0, 1, 2, ... spoken phrases of an utterance.
        words: chances of a phrase of 1, 2, 3, ... words.
        rarity: a word that occurs n times in the training text begins a phrase in proportion to n ** -rarity.
        close: chance that a spoken phrase brings a distractor spelled much like it.
        dropped: chance that a phrase already drawn is left out again.
    """

    min_size: int = 1
    max_size: int = 300
    absent: float = 0.1
    per_utterance: tuple[float, ...] = (0.25, 0.45, 0.2, 0.1)
    words: tuple[float, ...] = (0.75, 0.15, 0.07, 0.03)
    rarity: float = 0.7
    close: float = 0.3
    dropped: float = 0.1

    def __post_init__(self) -> None:
        self.per_utterance, self.words = tuple(self.per_utterance), tuple(self.words)
        if not 0 <= self.min_size <= self.max_size:
            raise SettingError(f"lists: min_size {self.min_size} to max_size {self.max_size} is no range from 0 up")
        for name in ("absent", "close", "dropped"):
            if not 0 <= getattr(self, name) <= 1:
                raise SettingError(f"lists.{name}: a share from 0 to 1, got {getattr(self, name)}")
        for name in ("per_utterance", "words"):
            if not getattr(self, name) or min(getattr(self, name)) < 0 or sum(getattr(self, name)) <= 0:
                raise SettingError(f"lists.{name}: give chances, such as [0.5, 0.5], got {list(getattr(self, name))}")


class ListSampler:
    """Draws lists; the same generator state gives the same lists.

    Args:
        texts: the training transcripts, for how rare words are.
        distractors: words and phrases to fill lists with; the transcripts' own words where empty.
    """

    def __init__(
        self, texts: Iterable[str], distractors: Sequence[str] = (), options: SamplingOptions = SamplingOptions()
    ):
        self.counts = Counter(word for text in texts for word in words_of(text))
        self.pool = tuple(dict.fromkeys(distractors)) or tuple(sorted(self.counts))
        self.options = options
        self._near = NearIndex(self.pool, shortlist=8) if options.close else None
        if not self.pool:
            raise SettingError("lists: neither transcripts nor distractors have any word")

    def sample(self, texts: Sequence[str], rng: random.Random) -> list[str]:
        """Distinct phrases for a batch of transcripts, in random order; at least one."""
        options = self.options
        phrases: dict[str, None] = {}
        if rng.random() >= options.absent:
            for text in texts:
                phrases.update(dict.fromkeys(self.spoken(text, rng)))
            phrases = {phrase: None for phrase in phrases if rng.random() >= options.dropped}
        for phrase in list(phrases):
            if self._near is not None and rng.random() < options.close:
                word = rng.choice(phrase.split())
                near = self._near.neighbours(word)[:4]
                if near:
                    phrases[phrase.replace(word, self.pool[rng.choice(near)], 1)] = None
        low, high = max(options.min_size, 1), max(options.max_size, 1)
        count = round(low * (high / low) ** rng.random())
        phrases.update(dict.fromkeys(self.pool[rng.randrange(len(self.pool))] for _ in range(count)))
        drawn = list(phrases)
        rng.shuffle(drawn)
        return drawn

    def spoken(self, text: str, rng: random.Random) -> list[str]:
        """Phrases of one transcript, rare words more often."""
        words = words_of(text)
        if not words:
            return []
        chances = [max(self.counts[word], 1) ** -self.options.rarity for word in words]
        found = []
        for _ in range(_draw(self.options.per_utterance, rng)):
            start = rng.choices(range(len(words)), chances)[0]
            found.append(" ".join(words[start : start + 1 + _draw(self.options.words, rng)]))
        return found


def words_of(text: str) -> list[str]:
    """The words of a transcript as people list them, without the punctuation around them."""
    return [word for part in text.split() if (word := part.strip(string.punctuation))]


def _draw(chances: Sequence[float], rng: random.Random) -> int:
    return rng.choices(range(len(chances)), chances)[0]
