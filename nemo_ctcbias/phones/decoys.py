"""Phrases that nobody said, made to be heard by chance as easily as those of a list.

They tell how many hits of a list are chance (target and decoy, Elias & Gygi, Nature Methods 4, 2007), if as many of
them are as near to what people say.  So a decoy is as far from an ordinary word as the listed phrase: it is made from
another ordinary word of as many letters, in which as many graphones are replaced as letters separate the listed word
from the nearest ordinary one.  Of a word that is far from all of them (and of all, where nobody says which words are
ordinary) two thirds of its own graphones are replaced.  A graphone is replaced by one of as many letters that stands
for as many vowels and consonants, drawn as the G2P model's n-gram has it between the others; and of several words so
made it is the one that the n-gram finds as likely as the listed one.  What the G2P model cannot pronounce has its
letters replaced by others of such words of the list.

No decoy is in the list, sounds like a phrase of it, or is nothing but ordinary words or what sounds like them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate
from random import Random

from kaldialign import edit_distance

from nemo_ctcbias.bias_list import BiasList, Phrase
from nemo_ctcbias.bias_list.near import NearIndex
from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones.common_words import CommonWords
from nemo_ctcbias.phones.g2p import G2P, letters_of
from nemo_ctcbias.phones.graphone_ngram import END
from nemo_ctcbias.phones.graphones import Graphone
from nemo_ctcbias.phones.phones import VOWELS, Pronunciation
from nemo_ctcbias.phones.pronouncer import shipped_g2p

WORDS = re.compile(r"[^\W\d_]{2,}")  # what is replaced in a phrase; all between stays, as the "'s" of a name
REPLACED = 2 / 3  # of the graphones or letters of a word, at the most
ORDINARY = 20_000  # ordinary words, the most common ones
DRAWN = 8  # graphones of which one is taken, as likely as it is beside the others
TRIED = 4  # words of which the one is taken that is as likely as the listed one
ROUNDS = 10  # times that a decoy is made anew where it must not be taken
SPELLINGS = 5  # of a decoy's sound, by which an ordinary word of that sound is found


class DecoyMaker:
    """Makes decoys of a list.

    Args:
        bias_list: phrases that suppress have no decoys.
        g2p: the shipped model if None.
    """

    def __init__(self, bias_list: BiasList, g2p: G2P | None = None, common: CommonWords | None = None):
        self._phrases = [phrase for phrase in bias_list if phrase.weight > 0]
        self._g2p = shipped_g2p() if g2p is None else g2p
        self._common = CommonWords() if common is None else common
        self._alike: dict[tuple, tuple[list[Graphone], list[float]]] = defaultdict(lambda: ([], []))
        for graphone, probability in self._g2p.graphones.items():
            same, weights = self._alike[_kind(graphone)]
            same.append(graphone)
            weights.append(probability)
        self._alike = {kind: (same, list(accumulate(weights))) for kind, (same, weights) in self._alike.items()}
        ordinary = [word for word in self._common.most_common(ORDINARY) if word.isascii() and word.isalpha()]
        self._near = NearIndex(ordinary) if ordinary else None
        self._ordinary: dict[int, list[str]] = defaultdict(list)  # by how many letters they have
        for word in ordinary:
            self._ordinary[len(word)].append(word)
        forms = [form for phrase in self._phrases for form in phrase.forms]
        self._letters = [letter for word in _words(forms) if self._graphones(word) is None for letter in word.lower()]
        self._listed = {form.casefold() for form in forms} | {self._sound([form]) for form in forms} - {()}

    def make(self, count: int, seed: int = 0) -> BiasList:
        """So many decoys, of each phrase as many; fewer where no more can be made (of "A" there are not many)."""
        random, found = Random(seed), {}
        for place in range(count if self._phrases else 0):
            phrase = self._phrases[place % len(self._phrases)]
            for _ in range(ROUNDS):
                text = WORDS.sub(lambda word: self._word(word[0], random), phrase.forms[0])
                if text not in found and not self._taken(text):
                    found[text] = Phrase(text, weight=phrase.weight, type=phrase.type)
                    break
        return BiasList(found.values(), source="decoys")

    def like_ordinary(self, text: str) -> bool:
        """Whether all words of a text are ordinary ones, or sound like one."""
        words = _words([text])
        return bool(words) and all(map(self._like_ordinary, words))

    def _like_ordinary(self, word: str) -> bool:
        sound = self._sound([word])
        spellings = (spelling for spelling, _ in self._g2p.spell(sound, SPELLINGS)) if sound else ()
        return any(map(self._common.unfit, (word, *spellings)))

    def _taken(self, text: str) -> bool:
        """Whether somebody may have said it."""
        listed = text.casefold() in self._listed or self._sound([text]) in self._listed
        return listed or self.like_ordinary(text)

    def _sound(self, texts: Iterable[str]) -> Pronunciation:
        """Of the words of some texts; empty where not all can be pronounced."""
        graphones = list(map(self._graphones, _words(texts)))
        return () if None in graphones else tuple(phone for word in graphones for one in word for phone in one.phones)

    def _graphones(self, word: str) -> list[Graphone] | None:
        """Of the likeliest pronunciation; None where there is none."""
        try:
            return self._g2p.graphones_of(letters_of(word)) or None
        except PhoneticsError:
            return None

    def _word(self, word: str, random: Random) -> str:
        """Another one like it, in its case."""
        graphones = self._graphones(word)
        if graphones is None:
            made = "".join(random.choice(self._letters) if random.random() < REPLACED else one for one in word.lower())
        else:
            wanted, count = self._log_prob(graphones), self._replaced(word, graphones)
            tried = [self._drawn(self._origin(graphones, count, random), count, random) for _ in range(TRIED)]
            best = min(tried, key=lambda drawn: abs(self._log_prob(drawn) - wanted))
            made = "".join(one.letters for one in best)
        cased = (one.upper() if like.isupper() else one for one, like in zip(made, word, strict=False))
        return "".join(cased) + made[len(word) :]

    def _replaced(self, word: str, graphones: Sequence[Graphone]) -> int:
        """How many graphones separate a word from the nearest ordinary one."""
        most = round(REPLACED * len(graphones))
        letters = letters_of(word)
        near = self._near.neighbours(letters)[:1] if self._near else ()
        return min([most, *(max(1, edit_distance(letters, self._near.pool[one])["total"]) for one in near)])

    def _origin(self, graphones: list[Graphone], count: int, random: Random) -> list[Graphone]:
        """What `count` graphones are replaced in: those of an ordinary word where that leaves something of it."""
        ordinary = self._ordinary.get(sum(len(one.letters) for one in graphones), ())
        if count >= round(REPLACED * len(graphones)) or not ordinary:
            return graphones
        return self._graphones(random.choice(ordinary)) or graphones

    def _drawn(self, graphones: Sequence[Graphone], count: int, random: Random) -> list[Graphone]:
        """The graphones with so many replaced, from first to last, as the n-gram has it between those beside them."""
        score, numbers = self._g2p.ngram.score, self._g2p.ngram.numbers
        replaced = set(random.sample(range(len(graphones)), min(count, len(graphones))))
        made, state = [], self._g2p.ngram.start
        for place, one in enumerate(graphones):
            if place in replaced:
                same, weights = self._alike[_kind(one)]
                behind = graphones[place + 1].token if place + 1 < len(graphones) else END
                drawn, likely = random.choices(same, cum_weights=weights, k=DRAWN), []
                for other in drawn:  # drawn as they are by themselves, so weighed by what the others make of it
                    here, after = score(state, numbers[other.token])
                    likely.append(10 ** (here + score(after, numbers[behind])[0]) / self._g2p.graphones[other])
                one = random.choices(drawn, likely)[0]
            made.append(one)
            state = score(state, numbers[one.token])[1]
        return made

    def _log_prob(self, graphones: Sequence[Graphone]) -> float:
        """Of a word and its pronunciation together, to the base of 10."""
        total, state = 0.0, self._g2p.ngram.start
        for token in (*(one.token for one in graphones), END):
            step, state = self._g2p.ngram.score(state, self._g2p.ngram.numbers[token])
            total += step
        return total


def _words(texts: Iterable[str]) -> list[str]:
    return [word for text in texts for word in WORDS.findall(text)]


def _kind(graphone: Graphone) -> tuple:
    """What a graphone is replaced by the like of: how many letters, which of its phones are vowels."""
    return len(graphone.letters), "'" in graphone.letters, tuple(phone in VOWELS for phone in graphone.phones)
