"""Word language model inside the token search: each word is scored once, each unfinished word once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from nemo_ctcbias.bias_list.vocabulary import readable
from nemo_ctcbias.search.beams import Tree, new_tree
from nemo_ctcbias.search.selection import insert, with_room


class WordLanguageModel(Protocol):
    """What the search needs of a language model; our `WordModel` and pyctcdecode's `LanguageModel` provide it."""

    def get_start_state(self) -> Any:
        """State before the first word."""

    def score(self, prev_state: Any, word: str, is_last_word: bool = False) -> tuple[float, Any]:
        """Weighted log-prob of `word` after `prev_state`, and the state behind it."""

    def score_partial_token(self, partial_token: str) -> float:
        """Penalty (0 or below) of a word that is still growing."""


class WordScorer:
    """Scores words that the search spells; it numbers language model states (0: the first) and words' spellings.

    Attributes:
        words: tree of the spellings met so far, from their first token on; their values are the penalties of unfinished
            words.
    """

    def __init__(self, model: WordLanguageModel, pieces: Sequence[str], start_state: Any = None):
        self.model = model
        self.pieces = [piece.replace("▁", "").strip() for piece in pieces]
        self.words, self._texts = new_tree(), [""]
        self._states, self._numbers = [start_state if start_state is not None else model.get_start_state()], {}
        self._partial: dict[str, float] = {"": 0.0}
        self._ended: dict[tuple[int, str], tuple[float, int]] = {}
        self._led: dict[int, tuple[Any, str]] = {}  # for each number a state and a word that led to it

    def with_room(self, more: int) -> Tree:
        """`words`, which so many more nodes may be put into."""
        self.words = with_room(self.words, more)
        return self.words

    def price(self, nodes: np.ndarray) -> None:
        """Give new nodes of `words`, in their order, the penalties of the unfinished words that they spell."""
        parents, tokens, penalties = self.words.parent[nodes], self.words.token[nodes], []
        for parent, token in zip(parents.tolist(), tokens.tolist(), strict=True):
            text = self._texts[parent] + self.pieces[token]
            penalty = self._partial.get(text)
            if penalty is None:
                penalty = self._partial[text] = float(self.model.score_partial_token(readable(text)))
            self._texts.append(text)
            penalties.append(penalty)
        self.words.value[nodes] = penalties

    def end_words(self, beams: np.ndarray) -> None:
        """Score the last words of `BEAM`s as finished ones, where that was not done yet."""
        new = np.flatnonzero(np.isnan(beams["ended"]))
        # Many hypotheses end the same word in the same state.
        pairs, which = np.unique(beams["before"][new] * len(self._texts) + beams["word"][new], return_inverse=True)
        ended = [self._end(*divmod(pair, len(self._texts))) for pair in pairs.tolist()]
        if ended:
            scores, behind = map(np.array, zip(*ended, strict=True))
            beams["ended"][new], beams["behind"][new] = scores[which], behind[which]

    def _end(self, state: int, node: int) -> tuple[float, int]:
        """Score of a finished word, number of the state behind it."""
        word = readable(self._texts[node])
        ended = self._ended.get((state, word))
        if ended is None:
            score, behind = self.model.score(self._states[state], word) if word else (0.0, self._states[state])
            ended = self._ended[state, word] = float(score), self._number(behind)
            if word:
                self._led.setdefault(ended[1], (self._states[state], word))
        return ended

    def _number(self, state: Any) -> int:
        """Number of a language model state; equal ones share it where they can be told."""
        try:
            number = self._numbers.setdefault(state, len(self._states))
        except TypeError:  # lists, for example, have no hash
            number = len(self._states)
        if number == len(self._states):
            self._states.append(state)
        return number

    def handed_on(
        self, beams: np.ndarray, model: WordLanguageModel, taken: Callable[[Any], Any] = lambda state: state
    ) -> WordScorer:
        """A scorer that knows no more than some `BEAM`s need, which are changed to its numbers.

        Args:
            model: this scorer's, or one that has other words in its class.
            taken: makes states of that of this scorer's.
        """
        new, same = copy.copy(self), model is self.model
        new.model, new.words, new._texts = model, new_tree(), [""]
        new._states, new._numbers, new._partial, new._ended, new._led = self._states[:1], {}, {"": 0.0}, {}, {}
        numbers, nodes = {0: 0}, {0: 0}
        for name in ("before", "behind"):
            for number in np.unique(beams[name]).tolist():
                if number not in numbers:
                    numbers[number] = new._number(taken(self._states[number]))
                    if number in self._led:
                        before, word = self._led[number]
                        new._led.setdefault(numbers[number], (taken(before), word))
            beams[name] = [numbers[number] for number in beams[name].tolist()]
        for node in np.unique(beams["word"]).tolist():
            way = [node]
            while way[-1] not in nodes:
                way.append(int(self.words.parent[way[-1]]))
            for one in reversed(way[:-1]):
                place = insert(new.with_room(1), nodes[int(self.words.parent[one])], int(self.words.token[one]), np.nan)
                nodes[one] = int(place)
                new.price(np.array([place]))
        beams["word"] = [nodes[node] for node in beams["word"].tolist()]
        if not same:
            beams["partial"], beams["ended"] = new.words.value[beams["word"]], np.nan
        return new

    def end_text(self, number: int, node: int) -> tuple[float, Any]:
        """Score that the end of the text adds, and the state behind it.

        Args:
            number, node: of the state before the last word, and of that word.
        """
        word, state = readable(self._texts[node]), self._states[number]
        if word:
            return self.model.score(state, word, is_last_word=True)
        # A bare separator stands last, if anything does. The word before it is scored already; what is left is the end
        # of the text, which a space must not escape. It follows from the state, whichever word led there, but for the
        # last digits.
        if number not in self._led:
            return 0.0, state
        before, word = self._led[number]
        return round(self.model.score(before, word, is_last_word=True)[0] - self.model.score(before, word)[0], 9), state
