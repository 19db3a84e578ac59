"""Words as a language model knows them: a CTC model writes "Okonkwo," and "well-known", the other "okonkwo", "well"."""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Iterator, Sequence
from functools import lru_cache
from typing import Any

from nemo_ctcbias.lm.boost_class import BoostClass
from nemo_ctcbias.lm.word_model import LN10, WordModel

APOSTROPHES = frozenset("'’ʼ")


class SpokenWords:
    """A language model that is asked for written words, whatever case and punctuation they carry.

    A word is looked up as it is written, then without punctuation, then in lower case, among the words of the model
    and then among those of its class: a model of cased words answers for cased ones, any other for what is left
    without. Apostrophes are letters, or "you'" would pass for a word. Parts of a hyphenated word that is not known are
    words of their own; punctuation alone says nothing.

    Args:
        model: with the `score` and `score_partial_token` of a `WordModel`.
        known: words of the model, then those of its class.
    """

    def __init__(self, model: Any, *known: Container[str]):
        self.model, self._known = model, known

    @classmethod
    def of(cls, model: WordModel | BoostClass) -> SpokenWords:
        """Of a KenLM model, with or without a list in its class."""
        if isinstance(model, BoostClass):
            return cls(model, model.model._kenlm_model, model.listed)
        return cls(model, model._kenlm_model)

    def get_start_state(self) -> Any:
        """State before the first word."""
        return self.model.get_start_state()

    def score(self, prev_state: Any, word: str, is_last_word: bool = False) -> tuple[float, Any]:
        """Weighted log-prob of what is said by a written word, and the state behind it."""
        words = self.words(word)
        if not words and is_last_word:  # the end of the text is to be paid for all the same
            return self._end(prev_state)
        total, state = 0.0, prev_state
        for number, one in enumerate(words, 1):
            score, state = self.model.score(state, one, is_last_word and number == len(words))
            total += score
        return total, state

    def _end(self, state: Any) -> tuple[float, Any]:
        plain = getattr(self.model, "model", self.model)  # without the class of listed words
        return plain.alpha * LN10 * plain._get_raw_end_score(getattr(state, "state", state)), state

    def score_partial_token(self, partial_token: str) -> float:
        """Penalty of an unfinished word: the least of the ways to look it up.

        Parts of it that are over ("well" of "well-kno") cost what they will cost in the end, without what stood before:
        or words held together by commas would go on for nothing, and outrun all others.
        """
        *over, rest = list(parts_of(partial_token)) or [""]
        whole = self.model.score_partial_token(partial_token)
        last = max(self.model.score_partial_token(form) for form in (rest, rest.lower()))
        if not over or whole == 0:
            return max(whole, last)
        due = sum(self.model.score(self.get_start_state(), self._part(part))[0] for part in over)
        return min(due, 0.0) + last

    def words(self, written: str) -> list[str]:
        """What of a written word the model is asked for."""
        bare = written.strip("".join(c for c in set(written) if _separates(c)))
        if bare:
            whole = self._found(written, bare, bare.lower())
            if whole is not None:
                return [whole]
        return list(map(self._part, parts_of(written)))

    def _part(self, part: str) -> str:
        return self._found(part, part.lower()) or part.lower()

    def _found(self, *forms: str) -> str | None:
        return next((form for known in self._known for form in forms if form in known), None)

    def gains(self, written: Sequence[str], start_state: Any = None) -> list[float]:
        """By how much each written word of a text scores better than in the model without the list."""
        words = [self.words(word) for word in written]
        gains = iter(self.model.gains([one for some in words for one in some], start_state))
        return [sum(next(gains) for _ in some) for some in words]


def parts_of(written: str) -> Iterator[str]:
    """The words in a written one, without punctuation.

    >>> list(parts_of("“Well-known,")), list(parts_of("o'brien's.")), list(parts_of("..."))
    (['Well', 'known'], ["o'brien's"], [])
    """
    part = ""
    for character in (*written, " "):
        if not _separates(character) and not character.isspace():
            part += character
            continue
        if part:
            yield part
        part = ""


def said_by(form: str) -> Iterator[str]:
    """A written phrase in the forms in which its words are looked up."""
    bare = form if form.isalpha() else " ".join(part for word in form.split() for part in parts_of(word))
    yield from dict.fromkeys((form, bare, bare.lower()))


@lru_cache(maxsize=1 << 12)
def _separates(character: str) -> bool:
    return character not in APOSTROPHES and unicodedata.category(character)[0] in "PSZC"
