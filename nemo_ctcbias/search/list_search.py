"""The beam search made ready for one list and language model: states in, hypotheses with their hits out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.search.beam_search import BeamSearch, Hypothesis
from nemo_ctcbias.search.log_probs import numbers
from nemo_ctcbias.search.relisting import relisted
from nemo_ctcbias.search.result import BiasedBeam
from nemo_ctcbias.search.search_list import SearchList
from nemo_ctcbias.search.search_state import SearchState
from nemo_ctcbias.search.timing import Timing
from nemo_ctcbias.search.word_scorer import WordScorer


@dataclass
class ListSearch:
    """Made by `BiasedSearch.of`.

    Attributes:
        tokens: the search for tokens.
        vocabulary: of the model.
        listed: what is listened for.
        weight: of the boosting.
        prior: what each listed phrase must earn besides.
        asked: the language model, the list's class in it; None for none.
        classes: whether there is such a class.
        lm_start_state: of the language model; None for its state before the first word.
        greedy: whether only the best token of each frame counts.
    """

    tokens: BeamSearch
    vocabulary: Vocabulary
    listed: SearchList
    weight: float
    prior: float
    asked: Any
    classes: bool
    lm_start_state: Any
    greedy: bool = False

    def start(self) -> SearchState:
        """The state before the first frame."""
        scorer = self.asked and WordScorer(self.asked, self.vocabulary.texts, self.lm_start_state)
        return self.tokens.start(scorer)

    def advance(self, state: SearchState, log_probs: np.ndarray) -> None:
        """Search on with frames [T, V + 1] (natural logs, blank last), which changes the state.

        Raises:
            ModelError: they are not numbers (NaN).
        """
        frames = numbers(log_probs)
        self.tokens.advance(state, _hardened(frames) if self.greedy else frames)

    def take_over(self, state: SearchState, other: ListSearch) -> SearchState:
        """Another search's state for this one: what is said from now on is listened to for this list.

        Phrases of the other list that are complete keep their boost; of a phrase that is being said, what has been
        earned counts if this list has it, too.
        """
        state = relisted(state, other.tokens, self.tokens)
        beams, fresh = state.beams, self.start().scorer
        if fresh is None or state.scorer is None:
            state.scorer, beams["partial"], beams["ended"] = fresh, 0.0, 0.0 if fresh is None else np.nan
            for name in ("before", "behind", "word"):
                beams[name] = 0
        else:
            # Without a class of listed words, a state within their phrases is that of the words alone.
            taken = (lambda one: one) if self.classes else (lambda one: getattr(one, "state", one))
            state.scorer = state.scorer.handed_on(beams, self.asked, taken)
        return state

    def finish(
        self,
        state: SearchState,
        log_probs: np.ndarray,
        base_log_probs: np.ndarray | None = None,
        limit: int | None = None,
        first: int = 0,
    ) -> list[BiasedBeam]:
        """Hypotheses if the recording ends here, best first; the state stays as it is.

        Args:
            log_probs, base_log_probs: of all frames, as in `BiasedSearch.beams`.
            limit: how many to return; None: all.
            first: token from which on the frames count, where those before have been written already.
        """
        hypotheses = self.tokens.finish(state)
        if first:
            hypotheses = [replace(one, tokens=one.tokens[first:], credits=one.credits[first:]) for one in hypotheses]
        if self.tokens.active and state.heard_at < state.frames - len(log_probs):
            # Nothing is heard in any frame: not for a list the less likely token of one among many frames of hiss.
            hypotheses = [one for one in hypotheses if not one.tokens] or hypotheses
        best = self._joined(hypotheses)[:limit]
        return [self.written(one, log_probs, base_log_probs, text) for text, one in best]

    def written(
        self,
        hypothesis: Hypothesis,
        log_probs: np.ndarray,
        base_log_probs: np.ndarray | None = None,
        text: str | None = None,
    ) -> BiasedBeam:
        """A hypothesis with its text (made of the tokens if it is None), times and hits."""
        text = self.vocabulary.decode(hypothesis.tokens) if text is None else text
        timing = Timing(log_probs, hypothesis.tokens, self.vocabulary.texts, base_log_probs)
        beam = BiasedBeam.of(hypothesis, timing, self.listed, text, self.weight, self.prior)
        return beam.in_class(self.asked, self.lm_start_state) if self.classes else beam

    def _joined(self, hypotheses: Sequence[Hypothesis]) -> list[tuple[str, Hypothesis]]:
        """Texts and hypotheses, best first; those of equal text are one: exp of their whole scores add up.

        Token sequences of one text differ in what they earn as in how they sound; the sound of one goes with its boost.
        """
        joined: dict[str, Hypothesis] = {}
        for hypothesis in hypotheses:
            text = self.vocabulary.decode(hypothesis.tokens)
            first = joined.get(text)
            if first is not None:
                more = float(np.logaddexp(0.0, hypothesis.score - first.score))
                hypothesis = replace(first, acoustic=first.acoustic + more)
            joined[text] = hypothesis
        return sorted(joined.items(), key=lambda one: (-one[1].score, one[1].tokens))


def _hardened(log_probs: np.ndarray) -> np.ndarray:
    """Log-probs [T, V + 1] of which only the best path is left: what is found in them is greedy decoding."""
    only = np.full(log_probs.shape, -np.inf)
    only[np.arange(len(log_probs)), log_probs.argmax(axis=1)] = 0.0
    return only
