"""What a language writes behind a name within its word: possessive and plural endings, cases, particles."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from nemo_ctcbias.bias_list.korean import PARTICLES, fits, is_hangul

APOSTROPHES = frozenset("'\u2018\u2019\u201b\u2032\u02bc\u02b9`\u00b4\uff07")
ANY = "\0"  # stands for any letters
# By language, in lower case, with straight apostrophes; none where they change the word.
ENDINGS: dict[str, tuple[str, ...]] = {
    "en": ("'s", "'", "s", "s'", "es", "es'"),
    "de": ("'s", "'", "s", "es"),
    **dict.fromkeys(("es", "pt"), ("s", "es")),
    **dict.fromkeys(("da", "sv"), ("s", "'s")),
    "fr": ("s",),
    "ko": tuple(PARTICLES),
    "tr": (f"'{ANY}",),  # cases: Ankara'da, Irmak'ın
}

# Of names in English, to those without an ending.  In novels of 3.6 million words names that have possessives at all
# have one in eleven times, but where one may stand the language model tells better: with 0.1 more of them are lost, and
# no more names are without a wrong one.  Rare words have a possessive 2 in 100 times, and plurals are to possessives as
# 91 to 810.
POSSESSIVES, PLURALS = 0.3, 0.003

SIBILANTS = ("s", "x", "z", "ch", "sh")
LONG = 4  # letters; a shorter phrase takes no ending that is a mere letter more: `is` is not the plural of `I`
# For each kind of stem that takes endings of its own.
STEMS = ("ann", "gas", "anna", "jones", "otto", "anna's", "서", "서하", "서울", "한국")


class Endings:
    """The endings that phrases take.

    >>> sorted(Endings().after("okonkwo")), sorted(Endings().after("anna's"))
    (["'", "'s", 'es', "es'", 's', "s'"], [])

    Args:
        endings: as in `ENDINGS`.
    """

    def __init__(self, endings: Sequence[str] = ENDINGS["en"]) -> None:
        self._endings = frozenset(endings)
        self._after: dict[tuple[str, bool], frozenset[str]] = {}
        self._spelled: dict[frozenset[str], list[str]] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._endings)

    def after(self, phrase: str) -> frozenset[str]:
        """The endings that a phrase takes: Anna's, Annas; Jones's, Joneses; none after a possessive.

        An apostrophe alone is one behind any phrase, see `lacking`.
        """
        last, short = phrase[-2:], _is_short(phrase)
        if (last, short) not in self._after:
            self._after[last, short] = self._taken_by(folded(last), short)
        return self._after[last, short]

    def spelled_after(self, phrase: str) -> list[str]:
        """Those of `after` that are known letter by letter, in their order."""
        taken = self.after(phrase)
        if taken not in self._spelled:  # of some millions of forms a few
            self._spelled[taken] = sorted(ending for ending in taken if ANY not in ending)
        return self._spelled[taken]

    def possessives_after(self, phrase: str) -> list[str]:
        """Those of `spelled_after` of which only the apostrophe tells them from a plural, and nobody hears it.

        >>> Endings().possessives_after("okonkwo")
        ["'s"]
        """
        return [ending for ending in self.spelled_after(phrase) if ending[0] == "'" and len(ending) > 1]

    def possessive_of(self, word: str, phrase: str) -> int:
        """How many of a word's last characters are a possessive ending that a phrase in its place is to have.

        >>> endings = Endings()
        >>> endings.possessive_of("Derric's", "Deryck"), endings.possessive_of("Joan's", "Jones")
        (2, 0)
        """
        if phrase.lower().endswith(SIBILANTS):  # its own s may be what was heard
            return 0
        endings = self.possessives_after(phrase)
        return max((len(ending) for ending in endings if folded(word[1:]).endswith(ending)), default=0)

    def lacking(self, phrase: str) -> str:
        """What is to be written behind an apostrophe that stands alone behind a phrase; nothing where it may.

        An 's is one sound, often a single frame's, and two tokens: of many a model writes the first one alone.

        >>> endings = Endings()
        >>> endings.lacking("okonkwo"), endings.lacking("jones")
        ('s', '')
        """
        endings = () if phrase.lower().endswith(SIBILANTS) else self.possessives_after(phrase)
        return endings[0][1:] if endings else ""

    def share(self, ending: str) -> float:
        """How often a name has an ending ("" for none), to how often it has none.

        Only told where the language writes plurals otherwise, as English does, which has an `s'` for both in one.
        """
        if not ending or "s'" not in self._endings:
            return 1.0
        return PLURALS if ending[0] in ("s", "e") else POSSESSIVES

    def _taken_by(self, last: str, short: bool) -> frozenset[str]:
        """The endings that phrases take with these last letters."""
        if last.endswith(("'s", "'")):
            return frozenset()
        sibilant = last.endswith(SIBILANTS)

        def takes(ending: str) -> bool:
            if ending in PARTICLES:
                return fits(last[-1:], ending) and not (short and is_hangul(last[-1:]))
            if ending[0] == "'" and ANY not in ending:
                return True
            if short:
                return False
            return sibilant or last.endswith("o") if ending.startswith("es") else not (sibilant and ending[0] == "s")

        return frozenset(filter(takes, self._endings))


def folded(text: str) -> str:
    """In lower case, with straight apostrophes."""
    return "".join("'" if character in APOSTROPHES else character.lower() for character in text)


def _is_short(phrase: str) -> bool:
    if len(phrase) >= LONG and phrase[:LONG].isalnum():  # as nearly all phrases are, and quicker than to count
        return False
    return sum(map(str.isalnum, unicodedata.normalize("NFD", phrase))) < LONG  # syllables of Korean are several letters
