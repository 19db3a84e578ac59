"""Words scored by a KenLM model: weights, words that it does not know, words that are still growing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from nemo_ctcbias.lm.kenlm_module import kenlm
from nemo_ctcbias.lm.options import UNK_OFFSET, LanguageModelOptions

LN10 = 2.302585092994046
USUAL_LENGTH = 6  # letters; a longer beginning of no known word is the less likely for each letter more


class WordModel:
    """The scores, and the names, of pyctcdecode 0.5.0's `LanguageModel`, which does in its place.

    A word w behind the state h has alpha * ln 10 * log10 P(w | h) + beta; to the log10 is added `unk_score_offset` for
    a word that is not known, and log10 P(</s> | h, w) behind the last one.  (pyctcdecode asks for numpy 1, and it keeps
    words in a trie that takes long to build and much memory.)

    Args:
        words: that it knows; None where the file does not say (then every unfinished word counts as unknown).
        unk_score_offset: added to the log10-prob of an unknown word.
    """

    def __init__(
        self,
        model: kenlm.Model,
        words: Iterable[str] | None,
        alpha: float = LanguageModelOptions.alpha,
        beta: float = LanguageModelOptions.beta,
        unk_score_offset: float = UNK_OFFSET,
    ):
        self._kenlm_model = model
        self._unigram_set = {word for word in words or () if word in model}
        self._sorted = sorted(self._unigram_set)
        self.alpha, self.beta, self.unk_score_offset = alpha, beta, unk_score_offset

    def get_start_state(self) -> kenlm.State:
        """State before the first word."""
        state = kenlm.State()
        self._kenlm_model.BeginSentenceWrite(state)
        return state

    def _get_raw_end_score(self, state: kenlm.State) -> float:
        """log10-prob that the text ends."""
        return self._kenlm_model.BaseScore(state, "</s>", kenlm.State())

    def score(self, prev_state: kenlm.State, word: str, is_last_word: bool = False) -> tuple[float, kenlm.State]:
        """Weighted log-prob of a word, and the state behind it (without the end of the text)."""
        behind = kenlm.State()
        score = self._kenlm_model.BaseScore(prev_state, word, behind)
        if word not in (self._unigram_set or self._kenlm_model):
            score += self.unk_score_offset
        if is_last_word:
            score += self._get_raw_end_score(behind)
        return self.alpha * score * LN10 + self.beta, behind

    def score_partial_token(self, partial_token: str) -> float:
        """Penalty of an unfinished word: none where it begins a known one."""
        at = bisect_left(self._sorted, partial_token)
        if at < len(self._sorted) and self._sorted[at].startswith(partial_token):
            return 0.0
        return self.unk_score_offset * max(len(partial_token), USUAL_LENGTH) / USUAL_LENGTH
