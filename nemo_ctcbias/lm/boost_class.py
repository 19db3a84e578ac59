"""Unigram boosting: listed words take the place that a language model keeps for its BOOST class.

The language model stays as it is, whatever the list (after Dingliwal et al., SLT 2022, section on unigram
boosting).  In natural logs, h the history as KenLM's state:

    log P(w | h)  of a listed word  =  max( log P_lm(w | h),  log P_lm(<boost> | h) + class_weight + ln weight(w) )

The first is only there if the model knows w; the state behind is that of w or of <boost>, as the maximum says.
A model without the class has `<unk>` in its place.  Words not listed are scored as without a list, so that an
empty one changes nothing at all.

A phrase of several words is one member of the class.  Its words are scored one by one on the way, those unknown to
the model as listed words; when the last one ends the phrase, the maximum is taken over the whole:

    max( sum of its words' scores,  log P_lm(<boost> | h) + class_weight + ln weight )     h: before its first word

so that `new` of a listed `new york` gains nothing before `york`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from nemo_ctcbias.lm.kenlm_module import kenlm
from nemo_ctcbias.lm.listed_words import ListedWords
from nemo_ctcbias.lm.options import CLASS_TOKEN
from nemo_ctcbias.lm.word_model import LN10

NO_UNK = -99.0  # log10: KenLM gives <unk> -100 where the file has none
FLOOR = -6.0  # log10-prob of the class in a model that has neither class nor <unk>: one word in a million


class Begun(NamedTuple):
    """A phrase of several words that the last words begin (log10 scores).

    text: its words so far; charged: what they cost so far; whole: log P(class | h) of it all; behind: state after it.
    """

    text: str
    charged: float
    whole: float
    behind: kenlm.State


@dataclass(frozen=True, eq=False)
class Following:
    """Language model state in the middle of listed phrases."""

    state: kenlm.State
    begun: tuple[Begun, ...]


class BoostClass:
    """A language model in which the words of a list are members of its BOOST class.

    The model is shared, the list is its own: making one costs nothing.  Scores as `WordModel` returns them:
    alpha * natural log + beta.

    Args:
        model: a `WordModel`, or pyctcdecode's `LanguageModel`; its alpha, beta and unknown-word offset hold.
        listed: the list; an empty one leaves `model` as it is.
        class_weight: in-class weight, a natural log.
    """

    def __init__(self, model: Any, listed: ListedWords, class_weight: float = 0.0):
        self.model, self.listed = model, listed
        self._kenlm: kenlm.Model = model._kenlm_model
        self._token = CLASS_TOKEN if CLASS_TOKEN in self._kenlm else "<unk>"
        self._weight = class_weight / LN10
        self._least = FLOOR if self._missing() else None

    def _missing(self) -> bool:
        state = kenlm.State()
        self._kenlm.NullContextWrite(state)
        return self._kenlm.BaseScore(state, self._token, kenlm.State()) <= NO_UNK

    def get_start_state(self) -> kenlm.State:
        """State before the first word."""
        return self.model.get_start_state()

    def score_partial_token(self, partial_token: str) -> float:
        """Penalty of an unfinished word: none while a listed word may come of it."""
        return 0.0 if self.listed.begins(partial_token) else self.model.score_partial_token(partial_token)

    def score(self, prev_state: Any, word: str, is_last_word: bool = False) -> tuple[float, Any]:
        """Weighted score of a word, and the state behind it (always KenLM's own behind a last word)."""
        state, begun = (prev_state.state, prev_state.begun) if isinstance(prev_state, Following) else (prev_state, ())
        first = word in self.listed
        later = [one for one in begun if f"{one.text} {word}" in self.listed]
        if not first and not later:
            return self.model.score(state, word, is_last_word)
        score, behind, begun = self._score_listed(state, word, first, later)
        if is_last_word:
            score += self.model._get_raw_end_score(behind)
        weighted = self.model.alpha * score * LN10 + self.model.beta
        return weighted, Following(behind, begun) if begun and not is_last_word else behind

    def gains(self, words: Sequence[str], start_state: Any = None) -> list[float]:
        """By how much each word of a text scores better than in the model without the list (weighted, as `score`)."""
        state = plain = self.get_start_state() if start_state is None else start_state
        found = []
        for number, word in enumerate(words, 1):
            score, state = self.score(state, word, number == len(words))
            without, plain = self.model.score(plain, word, number == len(words))
            found.append(score - without)
        return found

    def _score_listed(
        self, state: kenlm.State, word: str, first: bool, later: list[Begun]
    ) -> tuple[float, kenlm.State, tuple[Begun, ...]]:
        """log10 score of a word that begins or goes on with listed phrases, state behind it, phrases still open."""
        whole, behind_class = self._class(state)
        if word in self._kenlm:
            behind = kenlm.State()
            score = self._kenlm.BaseScore(state, word, behind)
        else:
            score, behind = whole + self._weight + self.listed.weights.get(word, 0.0) / LN10, behind_class
        # The phrases that this word is part of, the longest first, as they stand behind it.
        open_ = [one._replace(text=f"{one.text} {word}", charged=one.charged + score) for one in later]
        if first:
            open_.append(Begun(word, score, whole, behind_class))
        gain, best = 0.0, None
        for place, one in enumerate(open_):
            if one.text in self.listed.weights:
                better = one.whole + self._weight + self.listed.weights[one.text] / LN10 - one.charged
                if better > gain:
                    gain, best = better, place
        if best is not None:
            behind = open_[best].behind
            # Phrases begun within the one that was just taken as a whole have no words of their own any more.
            open_ = [one._replace(charged=one.charged + gain) for one in open_[: best + 1]]
        return score + gain, behind, tuple(one for one in open_ if one.text in self.listed.longer)

    def _class(self, state: kenlm.State) -> tuple[float, kenlm.State]:
        behind = kenlm.State()
        score = self._kenlm.BaseScore(state, self._token, behind)
        return score if self._least is None else self._least, behind
