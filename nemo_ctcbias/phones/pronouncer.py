"""Pronunciations of listed phrases and of words: the user's own, else the lexicon's, else the G2P model's."""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from nemo_ctcbias.bias_list import BiasList, Note, Phrase
from nemo_ctcbias.bias_list.bias_list import Entry
from nemo_ctcbias.bias_list.casing import is_shouted
from nemo_ctcbias.bias_list.readings import GUESS_COST, letter_by_letter, numbers_as_words, signs_as_words
from nemo_ctcbias.bias_list.report import quoted
from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones.g2p import G2P
from nemo_ctcbias.phones.letters import LETTER_NAMES
from nemo_ctcbias.phones.phones import Pronunciation, parse_phones
from nemo_ctcbias.phones.phrase_sounds import Alternatives, PhraseSounds

ALTERNATIVES = 3  # most pronunciations of a word or a phrase
_BETWEEN_WORDS = re.compile(r"[\s\-‐‑–—/_]+")
_PUNCTUATION = '.,;:!?()[]"“”„«»…'


def split_words(text: str) -> list[str]:
    """The parts of a phrase that are pronounced one by one: "Jean-Luc Picard" has three."""
    return [word for part in _BETWEEN_WORDS.split(text.lower()) if (word := part.strip(_PUNCTUATION))]


@lru_cache(maxsize=1)
def shipped_g2p() -> G2P:
    """The G2P model of this package, loaded once."""
    return G2P.load()


class Sounds(NamedTuple):
    """How a list sounds: see `Pronouncer`.

    given: how the words sound of which the list says so, wherever they stand.
    """

    phrases: PhraseSounds
    given: dict[tuple[str, ...], Alternatives]
    notes: list[Note]


class Pronouncer:
    """Says how words sound, listed phrases the way their users say.

    Args:
        bias_list: or what `BiasList.of` takes; its phrases' own pronunciations also hold where their words turn up in
            a transcript.
        lexicon: words in lower case and their pronunciations, for example a `Lexicon`.
        g2p: for all other words; the shipped model if None.
        languages: that the numbers of listed phrases are said in, by their ISO codes.
        sounds: of the same list by the same lexicon, model and languages, if they are known already.

    Attributes:
        phrases: alternatives of each listed phrase; none for one that cannot be pronounced.
        notes: a note for each such phrase, and for each pronunciation in the list that cannot be read.
        given: whether the list says how some of its words sound: its users, an acronym in capitals, a number or a sign.
    """

    def __init__(
        self,
        bias_list: BiasList | Iterable[Entry] | None = None,
        lexicon: Mapping[str, Sequence[Pronunciation]] | None = None,
        g2p: G2P | None = None,
        languages: Sequence[str] = ("en",),
        sounds: Sounds | None = None,
    ):
        self.bias_list = BiasList.of(bias_list)
        self.lexicon = {} if lexicon is None else lexicon
        self._g2p = shipped_g2p() if g2p is None else g2p
        self._languages = languages
        self._given: dict[tuple[str, ...], Alternatives] = {}
        self._said: dict[tuple[str, ...], Alternatives] = {}  # of words with acronyms and numbers, as `_given`
        self.notes: list[Note] = []
        self.phrases, self._given, self.notes = self._found() if sounds is None else sounds
        self.given = bool(self._given)
        self._longest = max(map(len, self._given), default=0)

    @property
    def sounds(self) -> Sounds:
        """All that it has found out about its list."""
        return Sounds(self.phrases, self._given, self.notes)

    def _found(self) -> Sounds:
        # What users say first: it also holds for the words of other phrases, whatever the order of the list.
        given = {i: self._given_for(i, phrase) for i, phrase in enumerate(self.bias_list) if phrase.pronunciations}
        given = {index: alternatives for index, alternatives in given.items() if alternatives}
        self._shouted = is_shouted([phrase.text for phrase in self.bias_list])
        word = lru_cache(maxsize=None)(self.word)  # many phrases have a first name in common
        phrases = PhraseSounds.of(
            given[index] if index in given else self._found_for(index, phrase, word)
            for index, phrase in enumerate(self.bias_list)
        )
        return Sounds(phrases, {**self._said, **self._given}, self.notes)

    def word(self, word: str) -> Alternatives:
        """Alternatives of one word.

        Raises:
            PhoneticsError: digits, another script; the message says which and what to do.
        """
        known = self._given.get((word.lower(),)) or _evenly(self.lexicon.get(word.lower(), ()))
        if not known and word.lower() in LETTER_NAMES:
            return self._best([(LETTER_NAMES[word.lower()], 0.0), *self._g2p.pronounce(word, ALTERNATIVES)])
        return normalised((known or self._g2p.pronounce(word, ALTERNATIVES))[:ALTERNATIVES])

    def text(self, text: str) -> Alternatives:
        """Alternatives of some words together.

        Raises:
            PhoneticsError: as `word`.
        """
        return self._text(text, self.word)

    def _text(self, text: str, word: Callable[[str], Alternatives]) -> Alternatives:
        return self._joined([word(one) for one in split_words(text)] or [word(text)])

    def slots(self, words: Sequence[str]) -> list[Alternatives] | None:
        """Alternatives of each word of a transcript, listed phrases as one; None if a word cannot be pronounced."""
        try:
            return list(self._slots(words))
        except PhoneticsError:
            return None

    def _slots(self, words: Sequence[str]) -> Iterator[Alternatives]:
        at = 0
        while at < len(words):
            for count in range(min(self._longest, len(words) - at), 0, -1):
                given = self._given.get(tuple(word.lower() for word in words[at : at + count]))
                if given:
                    yield given
                    at += count
                    break
            else:
                yield self.text(words[at])
                at += 1

    def _given_for(self, index: int, phrase: Phrase) -> Alternatives:
        """Those of a phrase's own pronunciations that can be read; none if none can."""
        read = []
        for given in phrase.pronunciations:
            try:
                read.append(self._read(given))
            except PhoneticsError as error:
                reason, _, remedy = str(error).partition("; ")
                self.notes.append(Note(self.bias_list.where(index), phrase.text, "warning", reason, remedy))
        if not read:
            return ()
        alternatives = self._best([item for alternatives in read for item in alternatives], len(read))
        for form in (phrase.text, *phrase.forms):
            self._given.setdefault(tuple(form.lower().split()), alternatives)
        return alternatives

    def _found_for(self, index: int, phrase: Phrase, word: Callable[[str], Alternatives]) -> Alternatives:
        try:
            readings = [reading for form in phrase.forms for reading in self._readings(form, word)]
            return self._together(readings, len(phrase.forms))
        except PhoneticsError as error:
            reason, _, remedy = f"cannot be pronounced: {error}".partition("; ")
            reason += ", so it is biased by its spelling alone"
            self.notes.append(Note(self.bias_list.where(index), phrase.text, "warning", reason, remedy))
            return ()

    def _readings(self, form: str, word: Callable[[str], Alternatives]) -> list[Alternatives]:
        """How a form sounds, its numbers and signs as words, its acronyms as words and letter by letter; in a
        transcript its words may be heard so, too.  However many words each reading has, its likeliest sounds count
        alike.
        """
        numbers = [way for language in self._languages for way in numbers_as_words(form, language)]
        usual, *others = (signs_as_words(way, self._languages[0]) for way in numbers or [form])
        letters = None if self._shouted else letter_by_letter(usual)
        readings = [self._text(usual, word)]
        for way, cost in [*([(letters, 0.0)] if letters else []), *((other, GUESS_COST) for other in others)]:
            alternatives = self._text(way, word)
            shift = readings[0][0][1] - alternatives[0][1] - cost
            readings.append(tuple((phones, log_prob + shift) for phones, log_prob in alternatives))
        if letters or usual != form:
            self._said.setdefault(tuple(form.lower().split()), self._together(readings))
        return readings

    def _together(self, readings: Sequence[Alternatives], forms: int = 1) -> Alternatives:
        """The alternatives of `forms` forms in several readings, so many that none crowds out the others."""
        items = [item for alternatives in readings for item in alternatives]
        return self._best(items, ALTERNATIVES + len(readings) - forms)

    def _read(self, given: str) -> Alternatives:
        """ARPAbet if there is no lower-case letter, else a respelling, pronounced like any other text."""
        if not any(c.islower() for c in given):
            return ((parse_phones(given, f"has the pronunciation {quoted(given)}, which is not used"), 0.0),)
        try:
            return self.text(given)
        except PhoneticsError as error:
            raise PhoneticsError(f"is respelt {quoted(given)}, which is not used: {error}") from error

    def _joined(self, words: list[Alternatives]) -> Alternatives:
        joined = [((), 0.0)]
        for alternatives in words:
            longer = [(a + b, p + q) for a, p in joined for b, q in alternatives]
            joined = heapq.nlargest(ALTERNATIVES, longer, key=lambda item: item[1])
        return normalised(joined)

    def _best(self, items: Sequence[tuple[Pronunciation, float]], least: int = 0) -> Alternatives:
        merged: dict[Pronunciation, float] = {}
        for pronunciation, log_prob in items:
            merged[pronunciation] = max(log_prob, merged.get(pronunciation, -math.inf))
        return normalised(sorted(merged.items(), key=lambda item: -item[1])[: max(ALTERNATIVES, least)])


def _evenly(pronunciations: Sequence[Pronunciation]) -> Alternatives:
    return tuple((pronunciation, -math.log(len(pronunciations))) for pronunciation in pronunciations)


def normalised(alternatives: Sequence[tuple[Pronunciation, float]]) -> Alternatives:
    """The same alternatives with probabilities that add up to 1."""
    if not alternatives:
        return ()
    scores = [p for _, p in alternatives]
    top = max(scores)
    total = top + math.log(sum([math.exp(p - top) for p in scores]))
    return tuple((pronunciation, p - total) for pronunciation, p in alternatives)
