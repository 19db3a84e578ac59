"""All that a bias list is to one model, each part made once: spellings, trie, sounds, token tensors.

It stands beside the recognizer rather than in `bias_list`, because it holds parts of the search, of the phones and of
the adapter, which lie above a bare list.
"""

from __future__ import annotations

import gc
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from nemo_ctcbias.bias_list import BiasList, Note, SpelledList, Vocabulary, spell
from nemo_ctcbias.bias_list.report import announce
from nemo_ctcbias.kept_parts import kept_pronouncer, kept_spelling
from nemo_ctcbias.phones.g2p import G2P
from nemo_ctcbias.phones.phones import Pronunciation
from nemo_ctcbias.phones.pronouncer import Pronouncer, Sounds
from nemo_ctcbias.phones.score import PhraseScores
from nemo_ctcbias.search.search_list import SearchList

if TYPE_CHECKING:  # torch, which the search does without
    from nemo_ctcbias.adapter.phrase_bank import PhraseBank, TokenList

MOST_BYTES = 256 << 20  # of all lists that a model keeps; the last one is always kept
BYTES_A_PHRASE = 600  # of Python objects, as tracemalloc measures them on lists of 1,000 and 20,000 names
BYTES_A_LIST = 20_000  # the same, of what a list has however short it is: 14 to 30 kB with 5 and 50 names


@dataclass(frozen=True)
class Sources:
    """What lists are compiled from, besides themselves.

    vocabulary: of the model.
    alternatives: token sequences tried for each form of a phrase.
    variants: gives a list with other spellings of its phrases, None adds none.
    lexicon: pronunciations of words.
    g2p: says how other words sound; the shipped model if None.
    """

    vocabulary: Vocabulary
    alternatives: int = 4
    variants: Callable[[BiasList], BiasList] | None = None
    lexicon: Mapping[str, Sequence[Pronunciation]] | None = None
    g2p: G2P | None = None


T = TypeVar("T")


class made_once(Generic[T]):
    """A part of a list, made by `make` when first asked for, by one thread; the list has it from then on."""

    def __init__(self, make: Callable[[CompiledList], T]):
        self.make, self.__doc__ = make, make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, listed: CompiledList, owner: type | None = None) -> T:
        with listed.lock:
            if self._name not in vars(listed):
                with _no_cycles():
                    vars(listed)[self._name] = self.make(listed)
            return vars(listed)[self._name]


@contextmanager
def _no_cycles() -> Iterator[None]:
    """While this lasts, no cycles of dead objects are looked for: a long list makes millions of objects, all of them to
    stay, and looking through them again and again takes a third of the time.
    """
    looking = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looking:
            gc.enable()


class CompiledList:
    """A bias list for one model; parts are made when first asked for, by one thread.

    Attributes:
        bias_list: the user's.
        lock: held while a part is made.
    """

    def __init__(self, bias_list: BiasList, sources: Sources):
        self.bias_list, self._sources = bias_list, sources
        self.lock = threading.RLock()
        self._banks: dict[str, tuple[Hashable, PhraseBank]] = {}
        self._told = False

    def __len__(self) -> int:
        return len(self.bias_list)

    @property
    def listened(self) -> BiasList:
        """What is listened for: the list, with other spellings of its phrases where these are in use."""
        return self.spelled.bias_list

    def tell(self, notes: Callable[[], Iterable[Note]]) -> None:
        """Log what is to be said of the list when it is first used: wherever it is from, nothing is lost silently."""
        with self.lock:
            if not self._told:
                self._told = True
                announce(notes())

    @made_once
    def spelled(self) -> SpelledList:
        """In the model's tokens."""
        sources = self._sources
        listened = sources.variants(self.bias_list) if sources.variants is not None else self.bias_list
        by = listened, sources.vocabulary, sources.alternatives
        return kept_spelling(*by, lambda: spell(*by))

    @made_once
    def length(self) -> int:
        """What the list's length is where it matters: phrases that this model can write, in other cases but once."""
        if self.bias_list.counts_as is not None:
            return self.bias_list.counts_as
        spellings = self.spelled.spellings
        phrases, first = np.unique(spellings.phrase, return_index=True)
        written = spellings.form[first[self._weights[phrases] > 0]].tolist()
        return len({spellings.forms[form].casefold() for form in written})

    @made_once
    def search(self) -> SearchList:
        """As the search listens for it."""
        return SearchList(self.spelled, self._sources.vocabulary)

    @made_once
    def tokens(self) -> TokenList:
        """As a contextual adapter attends to it: the first spelling of each form, suppressed phrases left out."""
        return self._tokens(np.flatnonzero(self._weights > 0))

    def tokens_for(self, factors: np.ndarray | None) -> TokenList:
        """The tokens of what is heard of it in one recording, weights times these factors; of all for None."""
        if factors is None:
            return self.tokens
        return self._tokens(np.flatnonzero((self._weights > 0) & (factors > 0))).heard(factors)

    def _tokens(self, phrases: np.ndarray) -> TokenList:
        import torch

        from nemo_ctcbias.adapter.phrase_bank import TokenList

        spellings, listened = self.spelled.spellings, self.listened
        places = spellings.of_phrases(phrases)
        first = places[spellings.first[spellings.form[places]] == places]
        owners = spellings.phrase[first].tolist()
        with torch.inference_mode(False):  # what transcription keeps may be trained on later
            return TokenList.of(
                list(spellings.tokens.take(first)),
                [listened[owner].weight for owner in owners],
                [listened[owner].type for owner in owners],
                owners,
            )

    @made_once
    def _weights(self) -> np.ndarray:
        """Of the phrases that are listened for [N]."""
        return np.array([phrase.weight for phrase in self.listened], dtype=np.float64)

    @made_once
    def pronouncer(self) -> Pronouncer:
        """How its phrases sound."""
        bias_list, lexicon, g2p = self.bias_list, self._sources.lexicon, self._sources.g2p
        languages = self._sources.vocabulary.languages

        def pronounce(sounds: Sounds | None) -> Pronouncer:
            return Pronouncer(bias_list, lexicon, g2p, languages=languages, sounds=sounds)

        return kept_pronouncer(bias_list, languages, lexicon, g2p, pronounce)

    @made_once
    def scores(self) -> PhraseScores:
        """Its phrases by their sounds, as detection and confidence ask for them."""
        return PhraseScores(self.pronouncer)

    def bank(self, adapter: str, version: Hashable, embed: Callable[[TokenList], PhraseBank]) -> PhraseBank:
        """The list embedded by the adapter of this name, kept until the version of its weights changes."""
        with self.lock:
            kept = self._banks.get(adapter)
            if kept is None or kept[0] != version:
                kept = self._banks[adapter] = version, embed(self.tokens)
            return kept[1]

    @property
    def nbytes(self) -> int:
        """Memory of what has been made so far, about."""
        sized = {"spelled": "spellings.nbytes", "pronouncer": "phrases.nbytes"}
        sized |= dict.fromkeys(("search", "scores", "tokens"), "nbytes")
        made = sum(attrgetter(size)(vars(self)[part]) for part, size in sized.items() if part in vars(self))
        banks = sum(bank.nbytes for _, bank in self._banks.values())
        return BYTES_A_LIST + BYTES_A_PHRASE * len(self.bias_list) + made + banks


class CompiledLists:
    """The one cache of a model's lists, bounded in bytes; safe to ask from several threads.

    Args:
        most_bytes: of all lists together; those asked for last stay.
    """

    def __init__(self, sources: Sources, most_bytes: int = MOST_BYTES):
        self.sources, self.most_bytes = sources, most_bytes
        self._lists: OrderedDict[BiasList, CompiledList] = OrderedDict()
        self._bytes: dict[BiasList, int] = {}  # of each list, as it was when another one was asked for
        self._last: tuple[BiasList, CompiledList] | None = None  # asked for: mostly the same list, and equality is slow
        self._lock = threading.RLock()

    def of(self, bias_list: BiasList) -> CompiledList:
        """The compiled list, made if it is not known."""
        with self._lock:
            if self._last is None or self._last[0] is not bias_list:
                self._last = bias_list, self._kept(bias_list)
            return self._last[1]

    def _kept(self, bias_list: BiasList) -> CompiledList:
        if self._lists:
            last = next(reversed(self._lists))
            self._bytes[last] = self._lists[last].nbytes
        found = self._lists.pop(bias_list, None)
        found = self._lists[bias_list] = CompiledList(bias_list, self.sources) if found is None else found
        while len(self._lists) > 1 and sum(self._bytes.values()) > self.most_bytes:
            oldest, _ = self._lists.popitem(last=False)
            self._bytes.pop(oldest, None)
        return found

    def __len__(self) -> int:
        return len(self._lists)
