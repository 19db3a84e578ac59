"""The token sequences by which the phrases of a list may be recognised, in columns: a long list has millions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nemo_ctcbias.bias_list.columns import Columns
from nemo_ctcbias.bias_list.rows import Rows, ranges

BYTES_A_FORM = 200  # a string and its place in a dictionary, as tracemalloc measures them on lists of names


@dataclass(frozen=True, slots=True)
class Spelling:
    """One token sequence by which a phrase may be recognised.

    Attributes:
        phrase: index in the bias list.
        form: the text that the tokens decode to: the normalised spoken text, in one of the cases that the model writes;
            of a phrase that may begin or end inside a token, without what else these hold.
        tokens: [L] token ids, L >= 1.
        cost: what it gives back of its boost when it is completed.
    """

    phrase: int
    form: str
    tokens: tuple[int, ...]
    cost: float = 0.0


class Spellings(Columns[Spelling]):
    """Spellings in order of their phrases.

    Attributes:
        phrase, form, cost: [P] of each; the form by its number.
        tokens: of each.
        forms: [F] texts, each once, in the order in which they first stand there.
    """

    def __init__(self, phrase: np.ndarray, form: np.ndarray, cost: np.ndarray, tokens: Rows, forms: Sequence[str]):
        self.phrase, self.form, self.cost, self.tokens, self.forms = phrase, form, cost, tokens, forms

    @classmethod
    def of(cls, spellings: Iterable[Spelling]) -> Spellings:
        """Those of some spellings."""
        spellings = list(spellings)
        forms = {form: number for number, form in enumerate(dict.fromkeys(one.form for one in spellings))}
        return cls(
            np.array([one.phrase for one in spellings], dtype=np.int32),
            np.array([forms[one.form] for one in spellings], dtype=np.int32),
            np.array([one.cost for one in spellings], dtype=np.float64),
            Rows.of([one.tokens for one in spellings]),
            list(forms),
        )

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The numbers of the forms."""
        return {form: number for number, form in enumerate(self.forms)}

    @cached_property
    def first(self) -> np.ndarray:
        """[F] the first spelling of each form."""
        return np.unique(self.form, return_index=True)[1]

    @property
    def nbytes(self) -> int:
        """Memory, about."""
        columns = self.phrase.nbytes + self.form.nbytes + self.cost.nbytes + self.tokens.nbytes
        return columns + BYTES_A_FORM * len(self.forms)

    def of_phrases(self, phrases: np.ndarray) -> np.ndarray:
        """Places of the spellings of some phrases (ascending)."""
        wanted = phrases.astype(self.phrase.dtype)  # or all would be converted
        begin, end = (np.searchsorted(self.phrase, wanted, side) for side in ("left", "right"))
        return ranges(begin, end - begin)

    def __len__(self) -> int:
        return len(self.phrase)

    def _item(self, place: int) -> Spelling:
        form = self.forms[self.form[place]]
        return Spelling(int(self.phrase[place]), form, self.tokens[place], float(self.cost[place]))

    def __iter__(self) -> Iterator[Spelling]:
        each = zip(self.phrase.tolist(), self.form.tolist(), self.tokens, self.cost.tolist(), strict=True)
        return (Spelling(phrase, self.forms[form], tokens, cost) for phrase, form, tokens, cost in each)
