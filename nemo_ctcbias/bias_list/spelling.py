"""Text to token sequences: each phrase in the model's own segmentation and a few others it may choose."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from nemo_ctcbias.bias_list.bias_list import BiasList
from nemo_ctcbias.bias_list.casing import casings, is_shouted
from nemo_ctcbias.bias_list.overlaps import Overlaps, most_in
from nemo_ctcbias.bias_list.phrase import Phrase
from nemo_ctcbias.bias_list.readings import (
    GUESS_COST,
    knows_numbers,
    letter_by_letter,
    numbers_as_words,
    signs_as_words,
)
from nemo_ctcbias.bias_list.report import Level, Note, quoted
from nemo_ctcbias.bias_list.segmenter import Segmenter, Tokens
from nemo_ctcbias.bias_list.spellings import Spelling, Spellings
from nemo_ctcbias.bias_list.vocabulary import Vocabulary
from nemo_ctcbias.bias_list.word_ends import is_spaceless
from nemo_ctcbias.errors import SettingError

SUPPRESSED = 2000  # token sequences by which a suppressed form is known: what it is to be kept from, it must know
BOLD = 10.0  # ten times as likely as other phrases: what is larger is mostly of another tool's scale
SHORT_WORD = 2  # letters; a whole phrase this short is found everywhere
NUMBERS_HINT = ", or have numbers read as words: pip install 'nemo-ctcbias[numbers]'"


@dataclass(frozen=True, slots=True)
class SpelledList:
    """A bias list in a model's tokens.

    Attributes:
        bias_list: the list spelled.
        spellings: in list order; of each phrase the forms as written first, of each form the tokenizer's own
            segmentation.
        notes: the list's own notes, then those of spelling; every phrase has a spelling or a "dropped" note.
    """

    bias_list: BiasList
    spellings: Spellings
    notes: tuple[Note, ...]


class _Remark(NamedTuple):
    level: Level
    reason: str
    remedy: str


def spell(bias_list: BiasList, vocabulary: Vocabulary, alternatives: int = 4, max_tokens: int = 64) -> SpelledList:
    """Spell every form of every phrase.

    >>> pieces = ["▁", "▁a", "▁an", "n", "na", "a"]
    >>> [s.tokens for s in spell(BiasList(["Anna"]), Vocabulary(pieces), alternatives=2).spellings]
    [(2, 4), (1, 3, 4)]

    Args:
        bias_list: the phrases.
        vocabulary: the model's tokens.
        alternatives: most token sequences a form; the tokenizer's own, then those with the fewest pieces (equally
            many: the smaller ids first). A character vocabulary has one.
        max_tokens: longer sequences are not used.

    Raises:
        SettingError: `alternatives` or `max_tokens` below 1.
    """
    for name, value in (("alternatives", alternatives), ("max_tokens", max_tokens)):
        if value < 1:
            raise SettingError(f"{name} must be at least 1, got {value}")
    return _Speller(bias_list, vocabulary, alternatives, max_tokens).run()


class _Speller:
    """The state of one `spell` call: words already segmented, forms already taken, notes so far."""

    def __init__(self, bias_list: BiasList, vocabulary: Vocabulary, alternatives: int, max_tokens: int) -> None:
        self.bias_list = bias_list
        self.vocabulary = vocabulary
        self.max_tokens = max_tokens
        self.segmenters = [Segmenter(vocabulary, alternatives, part) for part in vocabulary.parts]
        # For phrases that are suppressed.
        self.thorough = [Segmenter(vocabulary, SUPPRESSED, part) for part in vocabulary.parts]
        most = most_in(len(bias_list))
        self.overlaps = [[Overlaps(one, most) for one in self.segmenters], [Overlaps(one) for one in self.thorough]]
        self.owner: dict[str, int] = {}  # form -> phrase that has it
        self.spellings: list[Spelling] = []
        self.readings: list[tuple[int, str, float]] = []  # other ways to say a phrase, and their costs
        self.notes: list[Note] = list(bias_list.notes)

    def run(self) -> SpelledList:
        for index, phrase in enumerate(self.bias_list):
            remarks: list[_Remark] = []
            usable = False
            for raw, cost in zip(phrase.forms, phrase.form_costs, strict=True):
                recognised, found = self._form(index, phrase, raw, cost)
                usable = usable or recognised
                if recognised and not phrase.spoken:  # else the user has said how
                    self.readings += [(index, other, cost + GUESS_COST) for other in self._other_readings(raw)]
                if found and phrase.spoken:
                    found = [remark._replace(reason=f"spoken form {quoted(raw)} {remark.reason}") for remark in found]
                remarks += found
            for level, reason, remedy in remarks:
                # What a phrase lost is a change as long as something of it can be recognised.
                level = "changed" if usable and level == "dropped" else level
                self.notes.append(Note(self.bias_list.where(index), phrase.text, level, reason, remedy))
        for index, other, cost in self.readings:  # only now: what is listed itself goes first
            form = self.vocabulary.normalise(other)
            usable = self._usable(form, index) if form not in self.owner else []
            self._add(index, form, usable, cost)
        if self.vocabulary.cased or self.vocabulary.turkish:
            self._other_cases()
        self.spellings.sort(key=attrgetter("phrase"))  # stable
        return SpelledList(self.bias_list, Spellings.of(self.spellings), tuple(self.notes))

    def _other_cases(self) -> None:
        """Spell the forms in the other cases that the model writes, where these are no forms of the list themselves."""
        shouted = is_shouted([form for form in self.owner])
        written: dict[str, Spelling] = {}
        for one in self.spellings:
            written.setdefault(one.form, one)
        for form, first in written.items():
            for other in map(self.vocabulary.normalise, self._cases(form, shouted)):
                if other in self.owner:
                    continue
                # Lower case and capitals at the words are what models write; the others are rare.
                common = other == other.lower() or other.istitle() or self.bias_list[first.phrase].weight < 0
                usable = self._usable if common else self._likeliest
                self._add(first.phrase, other, usable(other, first.phrase), first.cost)

    def _cases(self, form: str, shouted: bool) -> Iterator[str]:
        if self.vocabulary.cased:
            yield from casings(form, shouted)
        if self.vocabulary.turkish:
            # The letters do not say whose words these are: I is the capital of ı in Turkish, of i elsewhere.
            yield from casings(form, shouted, turkish=True) if self.vocabulary.cased else (form.replace("ı", "i"),)

    def _add(self, index: int, form: str, sequences: list[Tokens], cost: float) -> None:
        if sequences:
            self.owner[form] = index
            self.spellings += [Spelling(index, form, tokens, cost) for tokens in sequences]

    def _other_readings(self, raw: str) -> list[str]:
        """How else a form may be said: numbers and signs as words, acronyms and initials letter by letter."""
        said = self._numbers(raw)
        ways = said[1 if self.vocabulary.unknown(self.vocabulary.normalise(raw)) else 0 :]
        languages = self.vocabulary.languages
        ways += [signs_as_words(way, language) for language in languages for way in said or [raw]]
        letters = letter_by_letter(said[0] if said else raw)
        return [*ways, letters] if letters else ways

    def _numbers(self, raw: str) -> list[str]:
        languages, hyphens = self.vocabulary.languages, not self.vocabulary.unknown("-")
        return [way for language in languages for way in numbers_as_words(raw, language, hyphens)]

    def _form(self, index: int, phrase: Phrase, raw: str, cost: float) -> tuple[bool, list[_Remark]]:
        """Add the spellings of one form; whether the phrase is recognised by it, and what there is to say."""
        form, changes = self.vocabulary.explain(raw)
        if self.vocabulary.unknown(form) and (said := self._numbers(raw)):
            form, changes = self.vocabulary.explain(said[0])
            changes = ("numbers as words", *changes)
        if form and _is_punctuation(form) and signs_as_words(raw, self.vocabulary.languages[0]) == raw:
            form, changes = "", ("punctuation alone",)
        owner = self.owner.get(form)
        if owner is not None:
            return owner == index, [] if owner == index else [self._taken(phrase, form, owner)]
        usable = self._usable(form, index)
        for other in casings(form, shouted=True) if self.vocabulary.cased and not usable else ():
            other = self.vocabulary.normalise(other)
            if other not in self.owner and (usable := self._usable(other, index)):
                form = other  # a model may have some letters in one case only
                break
        if not usable:
            return False, [self._unusable(index, raw, form, changes)]
        self._add(index, form, usable, cost)
        return True, self._changed(form, changes) + self._risks(phrase, form, len(usable))

    def _sequences(self, form: str, index: int) -> list[Tokens]:
        """Token sequences of a form; where it may begin inside a word or a token, those of such places, too."""
        if not form:
            return []
        thorough = self.bias_list[index].weight < 0
        segmenters = self.thorough if thorough else self.segmenters
        found = [tokens for segmenter in segmenters for tokens in segmenter.phrase(form)]
        if self.vocabulary.spaceless:  # there a word begins behind another without a space
            found += [tokens for segmenter in segmenters for tokens in segmenter.phrase(form, inside=True)]
        return found + [tokens for one in self.overlaps[thorough] for tokens in one.of(form)] if found else []

    def _usable(self, form: str, index: int) -> list[Tokens]:
        return [tokens for tokens in self._sequences(form, index) if len(tokens) <= self.max_tokens]

    def _likeliest(self, form: str, index: int) -> list[Tokens]:
        """The first of `_usable`, as a rule without finding the others."""
        best = self.segmenters[0].best(form) if form else None
        return [best] if best and len(best) <= self.max_tokens else self._usable(form, index)[:1]

    def _taken(self, phrase: Phrase, form: str, owner: int) -> _Remark:
        other = self.bias_list[owner]
        weights = "" if other.weight == phrase.weight else f", whose weight {other.weight:g} applies"
        weights += f" (not {phrase.weight:g})" if weights else ""
        reason = f"is recognised as {quoted(form)}, like {quoted(other.text)} at {self.bias_list.where(owner)}{weights}"
        return _Remark("dropped", reason, "keep one of them, or give it a spoken form of its own")

    def _unusable(self, index: int, raw: str, form: str, changes: tuple[str, ...]) -> _Remark:
        if not form:
            rest = f"has nothing to recognise ({', '.join(changes)})" if changes else "is empty"
            return _Remark("dropped", rest, "add a spoken form")
        unknown = self.vocabulary.unknown(form)
        if unknown:
            # Named as the user wrote them: 'Ł' in the list is 'ł' to a lower-case model.
            written = [c for c in dict.fromkeys(raw) if set(self.vocabulary.normalise(c)) & set(unknown)] or unknown
            reason = f"has no tokens in this model's vocabulary (unknown: {', '.join(map(repr, written))})"
            numbers = any(map(str.isdigit, unknown)) and not any(map(knows_numbers, self.vocabulary.languages))
            return _Remark("dropped", reason, "add a spoken form" + (NUMBERS_HINT if numbers else ""))
        sequences = self._sequences(form, index)
        if not sequences:
            reason = f"cannot be put together from this model's tokens ({quoted(form)})"
            return _Remark("dropped", reason, "add a spoken form")
        reason = f"has {min(map(len, sequences))} tokens, more than the limit of {self.max_tokens}"
        return _Remark("dropped", reason, "list a shorter, distinctive part of it")

    def _changed(self, form: str, changes: tuple[str, ...]) -> list[_Remark]:
        reason = f"is recognised as {quoted(form)} ({', '.join(changes)})"
        return [_Remark("changed", reason, "add a spoken form if it is said otherwise")] if changes else []

    def _risks(self, phrase: Phrase, form: str, sequences: int) -> list[_Remark]:
        if phrase.weight < 0 and sequences >= SUPPRESSED:
            reason = f"is suppressed in {SUPPRESSED} token sequences, but has more"
            return [_Remark("warning", reason, "suppress a shorter, distinctive part of it")]
        if phrase.weight > BOLD:
            reason = f"has the weight {phrase.weight:g}, with which it is easily written where nobody said it"
            return [_Remark("warning", reason, "use 1 for normal, 2 for twice as likely, at most 10")]
        # Where words are written without spaces, one character is a syllable or a word, so two are not short.
        if len(form) > SHORT_WORD or phrase.weight <= 0 or is_spaceless(form[0]):
            return []
        remedy = "lower its weight or list a longer phrase"
        return [_Remark("warning", "is kept, but such short words over-fire", remedy)]


def _is_punctuation(form: str) -> bool:
    """Whether nothing of a form is said."""
    return not form[0].isalnum() and all(unicodedata.category(character)[0] in "PZ" for character in form)
