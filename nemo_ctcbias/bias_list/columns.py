"""Sequences kept in columns: an object is made of the item that is looked at."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TypeVar, overload

T = TypeVar("T")


class Columns(Sequence[T]):
    """A sequence that knows how to make each of its items, and is equal to any other of the same ones."""

    @abstractmethod
    def _item(self, place: int) -> T:
        """The item of a place from 0 on."""

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        places = range(len(self))[index]
        return [*map(self._item, places)] if isinstance(places, range) else self._item(places)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None
