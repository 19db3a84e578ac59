"""The lists of one call of `transcribe`: given for it, for each recording, or by the rows of a manifest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.errors import BiasListError
from nemo_ctcbias.side_by_side import SideBySide


@dataclass
class Call:
    """The lists of one call of `transcribe`, which travels through NeMo's steps with it.

    default: of utterances that bring none.
    each: one for each recording, in order; None where they bring none.
    of_rows: by row of the manifest.
    row: the next utterance.
    recordings: how many there are, where that is known.
    timed: whether times are asked for of NeMo's decoding, which works them out already.
    beside: what recognises them in other processes, once there is one.
    """

    default: BiasList
    each: Sequence[BiasList] | None = None
    of_rows: dict[int, BiasList] = field(default_factory=dict)
    row: int = 0
    recordings: int = 0
    timed: bool = False
    beside: SideBySide | None = None

    def next(self, size: int) -> list[BiasList]:
        """Lists of the next utterances, in the order of the call."""
        rows = range(self.row, self.row + size)
        self.row += size
        if self.each is not None:
            if self.row > len(self.each):
                raise BiasListError(f"bias_lists: {len(self.each)} lists for more recordings; give one for each")
            return [self.each[row] for row in rows]
        return [self.of_rows.get(row, self.default) for row in rows]

    def check(self, recordings: int) -> None:
        """Whether there is a list for each recording, where lists were given for each.

        Raises:
            BiasListError: there are more or fewer.
        """
        if self.each is not None and len(self.each) != recordings:
            raise BiasListError(f"bias_lists: {len(self.each)} lists for {recordings} recordings; give one for each")


def lists_of(given: Iterable) -> list[BiasList]:
    """The lists that these stand for (`BiasList.of`), what is given for many recordings read once."""
    given = list(given)
    distinct = {id(one): one for one in given}
    read = {key: BiasList.of(one) for key, one in distinct.items()}
    return [read[id(one)] for one in given]
