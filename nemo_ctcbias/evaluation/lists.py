"""Seeded builders of the lists a decoder is offered: some words that are really spoken, among many that are not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.bias_list.near import NearIndex
from nemo_ctcbias.errors import BiasListError, SettingError
from nemo_ctcbias.evaluation.manifest import Row
from nemo_ctcbias.evaluation.normalise import normalise
from nemo_ctcbias.evaluation.rare_words import is_spoken, own_words, read_phrases, read_word_counts

WORDLESS = ("irrelevant", "unspoken")  # kinds of lists of which nothing is said
LIST_KINDS = ("utterance", "session", *WORDLESS, "close")
GIVEN = "given"  # the user's own list, the same for all utterances
_COMMON_LENGTH = 4  # letters; shorter spoken words have no meaningful neighbours


class GivenList(tuple):
    """A user's list as its normalised phrases, which are scored, and as it is, for systems that can use all of it.

    Attributes:
        bias_list: the list, with its weights, spoken and written forms.
    """

    bias_list: BiasList

    @classmethod
    def of(cls, bias_list: BiasList) -> GivenList:
        """The phrases that are listened for; suppressed ones are not scored.

        Raises:
            BiasListError: there are none.
        """
        wanted = (normalise(phrase.written) for phrase in bias_list if phrase.weight > 0)
        found = cls(sorted({phrase for phrase in wanted if phrase}))
        if not found:
            raise BiasListError(f"{bias_list.source or 'bias list'}: holds no phrase to listen for")
        found.bias_list = bias_list
        return found


@dataclass
class ListBuilder:
    """Builds the bias list of every utterance of a manifest.

    Kinds: `utterance` (its own rare words and N distractors), `session` (the rare words of all utterances of the same
    `session`, `document` or `speaker`, and N distractors), `irrelevant` (N distractors alone: the damage test),
    `unspoken` (the same, one list for all utterances, none of them spoken in any: false alarms), `close` (own rare
    words and N distractors spelled like spoken words; where neighbours run out, random ones fill up), `given` (the
    user's list as it stands).

    A distractor is never spoken in the utterance (or session). The draws depend on the seed and the utterance's (or
    session's) id only, not on the order of utterances, and a longer list holds the shorter one. Lists are sorted, so
    that the position in the list tells nothing and order-dependent peers meet a prefix before its extensions.

    Attributes:
        pool: distinct normalised phrases to draw distractors from.
        seed: of the draws.
        counts: occurrences of words, to find rare ones; None takes the rows' `rare_words`.
        at_most: occurrences up to which a word is rare.
        given: the user's list.
    """

    pool: Sequence[str]
    seed: int = 0
    counts: Mapping[str, int] | None = None
    at_most: int = 2
    given: GivenList | None = None
    _index: NearIndex | None = field(default=None, init=False, repr=False)

    @classmethod
    def of_files(
        cls, lists: Sequence[Path], distractors: Path | None, word_counts: Path | None, seed: int, at_most: int = 2
    ) -> ListBuilder:
        """Of files: a user's lists, joined, else of distractors (`read_phrases`); and of `read_word_counts`."""
        counts = read_word_counts(word_counts) if word_counts else None
        if not lists:
            return cls(read_phrases(distractors) if distractors else [], seed, counts, at_most)
        given = GivenList.of(BiasList.joined([BiasList.load(file) for file in lists]))
        return cls(list(given), seed, counts, at_most, given)

    def build(self, rows: Sequence[Row], kind: str, size: int) -> list[tuple[str, ...]]:
        """One list a row, sorted; rows of one session share one tuple.

        Raises:
            SettingError: unknown kind or negative size.
            BiasListError: the pool has fewer than `size` unspoken phrases, or no utterance has a listed word.
            ManifestError: a row has no `rare_words` and there are no counts.
        """
        if kind == GIVEN and self.given is not None:
            return [self.given] * len(rows)
        if kind not in LIST_KINDS:
            raise SettingError(f"unknown list kind {kind!r}; choose one of {', '.join(LIST_KINDS)}")
        if size < 0:
            raise SettingError(f"list size {size} is negative; give the number of distractors")
        if kind not in WORDLESS and not any(own_words(row, self.counts, self.at_most) for row in rows):
            raise BiasListError(
                f"no utterance has a listed word, so {kind!r} lists would measure nothing; mark 'rare_words' in the "
                "manifest, give --word-counts or your own --bias-list, or measure damage with --list-kind irrelevant "
                "or unspoken"
            )
        if kind == "session":
            return self._sessions(rows, size)
        if kind == "unspoken":
            text = " | ".join(sorted(normalise(row["text"]) for row in rows))
            return [self._merge((), text, self._random("unspoken"), size, "all utterances")] * len(rows)
        return [self._one(row, kind, size) for row in rows]

    def _one(self, row: Row, kind: str, size: int) -> tuple[str, ...]:
        own = () if kind == "irrelevant" else own_words(row, self.counts, self.at_most)
        text = normalise(row["text"])
        if kind == "close":
            candidates = self._near(own, text, row["id"])
        else:
            candidates = self._random(f"utterance:{row['id']}")
        return self._merge(own, text, candidates, size, f"utterance {row['id']!r}")

    def _sessions(self, rows: Sequence[Row], size: int) -> list[tuple[str, ...]]:
        members: dict[str, list[Row]] = {}
        for row in rows:
            members.setdefault(session_of(row), []).append(row)
        lists = {}
        for session, group in members.items():
            own = sorted({word for row in group for word in own_words(row, self.counts, self.at_most)})
            text = " | ".join(sorted(normalise(row["text"]) for row in group))
            lists[session] = self._merge(own, text, self._random(f"session:{session}"), size, f"session {session!r}")
        return [lists[session_of(row)] for row in rows]

    def _merge(
        self, own: Sequence[str], text: str, candidates: Iterator[int], size: int, where: str
    ) -> tuple[str, ...]:
        words = set(text.split())
        chosen: dict[str, None] = {}
        for position in candidates:
            if len(chosen) == size:
                break
            phrase = self.pool[position]
            # The first test is the cheap one; most phrases share no word with the text.
            if phrase.split(" ", 1)[0] in words and is_spoken(phrase, text):
                continue
            chosen[phrase] = None
        if len(chosen) < size:
            raise BiasListError(
                f"{where}: {size} distractors wanted, the pool has {len(chosen)} that are not spoken there; "
                "give a longer --distractors file or smaller --list-sizes"
            )
        return tuple(sorted(chosen.keys() | set(own)))

    def _random(self, key: str) -> Iterator[int]:
        """Pool positions in a random order that depends on the seed and `key` alone, each once."""
        total = len(self.pool)
        digest = hashlib.sha256(f"{self.seed}\n{key}".encode()).digest()
        # Raw PCG64 output: numpy guarantees its stream over versions, which it does not for `choice`.
        generator = np.random.PCG64(int.from_bytes(digest[:16], "big"))
        seen: set[int] = set()
        # After 16 draws a phrase, few are left; they follow in the pool's order.
        for _ in range(16 * total // 4096 + 1):
            for position in (generator.random_raw(4096) % np.uint64(max(total, 1))).tolist():
                if position not in seen and total:
                    seen.add(position)
                    yield position
        yield from (position for position in range(total) if position not in seen)

    def _near(self, own: Sequence[str], text: str, key: str) -> Iterator[int]:
        """Neighbours of the spoken words, the nearest of each word first, own words before others; then random ones."""
        if self._index is None:
            self._index = NearIndex(self.pool)
        others = sorted({word for word in text.split() if len(word) >= _COMMON_LENGTH} - set(own))
        seen: set[int] = set()
        for group in (own, others):
            neighbours = [self._index.neighbours(word) for word in group]
            for rank in range(max(map(len, neighbours), default=0)):
                for found in neighbours:
                    if rank < len(found) and found[rank] not in seen:
                        seen.add(found[rank])
                        yield found[rank]
        yield from (position for position in self._random(f"close:{key}") if position not in seen)


def session_of(row: Row) -> str:
    """The session an utterance belongs to: `session`, `document` or `speaker`, else the utterance itself."""
    for key in ("session", "document", "speaker"):
        if row.get(key):
            return str(row[key])
    return str(row["id"])
