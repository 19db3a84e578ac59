"""Word language model inside the token search: scores cached by search prefix and by text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol


class WordLanguageModel(Protocol):
    """What the search needs of a language model; pyctcdecode's `LanguageModel` provides it."""

    def get_start_state(self) -> Any:
        """State before the first word."""

    def score(self, prev_state: Any, word: str, is_last_word: bool = False) -> tuple[float, Any]:
        """Weighted log-prob of `word` after `prev_state`, and the state behind it."""

    def score_partial_token(self, partial_token: str) -> float:
        """Penalty (0 or below) of a word that is still growing."""


class WordScorer:
    """Scores the words of growing prefixes; each prefix is an integer that the search hands out.

    A prefix stands for (language model state before its last word, text of that word).  Prefix 0 is empty.
    """

    def __init__(
        self, model: WordLanguageModel, pieces: Sequence[str], starts_word: Iterable[bool], start_state: Any = None
    ):
        self.model = model
        self.pieces = [piece.replace("▁", "").strip() for piece in pieces]
        self.starts_word = [bool(starts) for starts in starts_word]
        self._at = {0: (start_state if start_state is not None else model.get_start_state(), "")}
        self._ended: dict[int, tuple[float, Any]] = {}
        self._before_separator: dict[int, tuple[Any, str]] = {}  # of prefixes that end in a bare separator
        self._partial: dict[str, float] = {"": 0.0}

    def end_word(self, prefix: int, last: bool = False) -> tuple[float, Any]:
        """Score of the prefix's last word as a finished word, and the state after it."""
        if last:
            return self._end_text(prefix)
        ended = self._ended.get(prefix)
        if ended is None:
            state, word = self._at[prefix]
            ended = self._ended[prefix] = self.model.score(state, word) if word else (0.0, state)
        return ended

    def _end_text(self, prefix: int) -> tuple[float, Any]:
        state, word = self._at[prefix]
        if word:
            return self.model.score(state, word, is_last_word=True)
        if prefix not in self._before_separator:
            return 0.0, state
        # The last word is scored already; what is left is the end of the text, which a space must not escape.
        before, word = self._before_separator[prefix]
        return self.model.score(before, word, is_last_word=True)[0] - self.model.score(before, word)[0], state

    def partial(self, prefix: int, token: int) -> float:
        """Penalty (at most 0) of the unfinished word that `token` makes of the prefix."""
        text = self.pieces[token] if self.starts_word[token] else self._at[prefix][1] + self.pieces[token]
        score = self._partial.get(text)
        if score is None:
            score = self._partial[text] = float(self.model.score_partial_token(text))
        return score

    def extend(self, prefix: int, token: int, new: int) -> None:
        """Note that prefix `new` is `prefix` followed by `token`."""
        if new not in self._at:
            if self.starts_word[token]:
                before = self._at[prefix] if self._at[prefix][1] else self._before_separator.get(prefix)
                if before is not None and not self.pieces[token]:
                    self._before_separator[new] = before
                self._at[new] = (self.end_word(prefix)[1], self.pieces[token])
            else:
                state, word = self._at[prefix]
                self._at[new] = (state, word + self.pieces[token])
