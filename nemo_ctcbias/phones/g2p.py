"""Words to pronunciations and back with a joint n-gram over graphones (Bisani & Ney, Speech Communication 50, 2008).

The n-gram (KenLM) gives the probability of a word and its pronunciation together; a beam search over the graphones
that fit one of the two finds the likeliest others.  `data/README.md` says how the shipped model was trained and how
often it is right.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Generic, TypeVar

from nemo_ctcbias.bias_list.report import quoted
from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.lm.kenlm_module import kenlm, needed_for
from nemo_ctcbias.lm.word_model import LN10
from nemo_ctcbias.phones.graphones import LETTERS, Graphone, aligned
from nemo_ctcbias.phones.phones import Pronunciation, phone_ids

SHIPPED = Path(__file__).parent / "data"
NGRAM_FILE, TABLE_FILE = "graphones.klm", "graphones.json"

LONGEST = 40  # letters of a word; longer ones are no words, and would take long
FOLDED = str.maketrans({"ł": "l", "ø": "o", "ð": "d", "đ": "d", "þ": "th", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i"})

Target = TypeVar("Target", bound=Hashable)  # str or Pronunciation


def letters_of(word: str) -> str:
    """The word in the letters that have a sound here: lower case, no accents, no punctuation but the apostrophe.

    >>> letters_of("Łódź.")
    'lodz'

    Raises:
        PhoneticsError: digits, another script or symbols, or nothing left.
    """
    folded = unicodedata.normalize("NFKD", word.lower().replace("’", "'").translate(FOLDED))
    kept = "".join(c for c in folded if c == "'" or unicodedata.category(c)[0] not in "MPZ")
    strange = sorted(set(kept) - set(LETTERS))
    if strange or not kept.strip("'"):
        reason = f"has no known sound for {', '.join(map(quoted, strange))}" if strange else "has no letters"
        raise PhoneticsError(f"{quoted(word)} {reason}; give its pronunciation, or spell it in words")
    if len(kept) > LONGEST:
        raise PhoneticsError(f"{quoted(word)} is longer than {LONGEST} letters; give its pronunciation")
    return kept


class G2P:
    """Pronunciations of words and spellings of pronunciations, each with its log-probability.

    Args:
        graphones: all graphones of the n-gram and their probabilities.
        ngram: KenLM model over the graphones' tokens.
        beam, threshold: hypotheses kept at each letter or phone: so many, and so close to the best (natural log).
        kept: words whose pronunciations are remembered.
    """

    def __init__(
        self,
        graphones: dict[Graphone, float],
        ngram: kenlm.Model,
        beam: int = 12,
        threshold: float = 7.0,
        kept: int = 50_000,
    ):
        self.graphones = graphones
        self._ngram, self._beam, self._threshold = ngram, beam, threshold
        self._sounds = _Side[Pronunciation]((g.token, g.letters, g.phones, p) for g, p in graphones.items())
        self._spellings = _Side[str]((g.token, g.phones, g.letters, p) for g, p in graphones.items())
        self._start = kenlm.State()
        ngram.BeginSentenceWrite(self._start)
        self._pronounce = lru_cache(maxsize=kept)(lambda letters: self._transduce(self._sounds, letters, ()))
        self._spelled_out = lru_cache(maxsize=kept)(self._letters_and_phones)
        self._spell = lru_cache(maxsize=10_000)(lambda phones: self._transduce(self._spellings, phones, ""))

    @classmethod
    def load(cls, folder: str | PathLike[str] | None = None, **settings: float) -> G2P:
        """The model in `folder`, by default the shipped one.

        Raises:
            PhoneticsError: no model there, or a broken one.
            MissingDependencyError: kenlm is not installed.
        """
        needed_for("the pronunciation of words")
        folder = SHIPPED if folder is None else Path(folder)
        for name in (NGRAM_FILE, TABLE_FILE):
            if not (folder / name).is_file():
                raise PhoneticsError(
                    f"{folder}: holds no G2P model ({name} is missing); examples/train_g2p.py makes one"
                )
        try:
            table = json.loads((folder / TABLE_FILE).read_text(encoding="utf-8"))
            graphones = {Graphone.of(token): float(p) for token, p in table["graphones"].items()}
            return cls(graphones, kenlm.Model(str(folder / NGRAM_FILE)), **settings)
        except (OSError, RuntimeError, ValueError, KeyError, AttributeError) as error:
            raise PhoneticsError(
                f"{folder}: is no G2P model ({error}); train it again (examples/train_g2p.py)"
            ) from error

    def pronounce(self, word: str, n: int = 5) -> list[tuple[Pronunciation, float]]:
        """The n likeliest pronunciations and their log P(pronunciation | word), best first.

        Raises:
            PhoneticsError: the word cannot be pronounced (digits, another script).
        """
        return list(self._pronounce(letters_of(word))[:n])

    def spelled_out(self, letters: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Columns of the phones of the likeliest pronunciation, and how many of them stand before each letter and
        behind the last.

        Args:
            letters: as `letters_of` gives them; without a sound there are no phones.
        """
        return self._spelled_out(letters)

    def graphones_of(self, letters: str) -> list[Graphone]:
        """Those of the likeliest pronunciation; none where there is no sound.

        Args:
            letters: as `letters_of` gives them.
        """
        phones = next((phones for phones, _ in self._pronounce(letters)), ())
        return aligned(letters, phones, self.graphones) or []

    def log_prob(self, graphones: Sequence[Graphone]) -> float:
        """Log-probability of a word and its pronunciation together, natural."""
        return LN10 * self._ngram.score(" ".join(one.token for one in graphones))

    def _letters_and_phones(self, letters: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        phones = next((phones for phones, _ in self._pronounce(letters)), ())
        units = self.graphones_of(letters)
        starts, before = [], 0
        for unit in units:
            starts += [before] * len(unit.letters)
            before += len(unit.phones)
        if not units:  # evenly, where no graphones make the pair
            starts = [round(k * len(phones) / len(letters)) for k in range(len(letters))]
        return tuple(phone_ids(phones).tolist()), (*starts, len(phones))

    def spell(self, pronunciation: Pronunciation, n: int = 20) -> list[tuple[str, float]]:
        """The n likeliest spellings and their log P(spelling | pronunciation), best first."""
        return list(self._spell(tuple(pronunciation))[:n])

    def _transduce(self, side: _Side[Target], source: Sequence, empty: Target) -> tuple[tuple[Target, float], ...]:
        """All targets in the beam and their log-probs given the source: those of one target's graphones add up."""
        reached: list[_Reached[Target]] = [_Reached() for _ in range(len(source) + 1)]
        reached[0][empty] = _Path(0.0, 0.0, self._start)
        for at in range(len(source)):
            fitting = [
                (reached[at + length], side.of.get(source[at : at + length], ()))
                for length in side.lengths
                if at + length <= len(source)
            ]
            for target, path in self._kept(self._with_silent(side, reached[at])):
                for into, graphones in fitting:
                    self._extend(into, target, path, graphones)
        final: _Reached[Target] = _Reached()
        for target, path in self._kept(self._with_silent(side, reached[-1])):
            self._extend(final, target, path, [("</s>", empty)])
        total = _log_sum(path.score for path in final.values())
        return tuple(sorted(((target, path.score - total) for target, path in final.items() if target), key=_by_score))

    def _extend(self, into: _Reached[Target], target: Target, path: _Path, graphones: Sequence) -> None:
        """Add to `into` what each (token, addition) makes of the path, unless it is hopeless already."""
        state = kenlm.State()
        for token, addition in graphones:
            step = LN10 * self._ngram.BaseScore(path.state, token, state)
            score = path.score + step
            if score < into.best - self._threshold:
                continue
            into.best = max(into.best, score)
            longer = target + addition
            known = into.get(longer)
            if known is None:
                into[longer] = _Path(score, path.best + step, state)
                state = kenlm.State()
            else:  # another split of the same letters and sounds; the future hangs on the likelier one
                known.score = _log_sum((known.score, score))
                if path.best + step > known.best:
                    known.best, known.state = path.best + step, state
                    state = kenlm.State()

    def _with_silent(self, side: _Side[Target], paths: _Reached[Target]) -> _Reached[Target]:
        """The paths and those with one or two more graphones that take up none of the source ("gh" in "night")."""
        fresh = paths
        for _ in range(2 if side.silent else 0):
            added: _Reached[Target] = _Reached()
            added.best = paths.best
            for target, path in self._kept(fresh):
                self._extend(added, target, path, side.silent)
            fresh = _Reached((target, path) for target, path in self._kept(added) if target not in paths)
            paths.update(fresh)
        return paths

    def _kept(self, paths: _Reached[Target]) -> list[tuple[Target, _Path]]:
        least = max((path.score for path in paths.values()), default=0.0) - self._threshold
        kept = [item for item in paths.items() if item[1].score >= least]
        return sorted(kept, key=lambda item: -item[1].score)[: self._beam]


class _Path:
    """How one target was reached: log-prob of all its splits in the beam, of the best one, and that one's state."""

    __slots__ = ("best", "score", "state")

    def __init__(self, score: float, best: float, state: kenlm.State):
        self.score, self.best, self.state = score, best, state


class _Reached(dict[Target, _Path]):
    """Targets that take up the same part of the source; `best` is the score that others are measured against."""

    best = -math.inf


class _Side(Generic[Target]):
    """Graphones by what they take up of the source: (token, addition to the target) for each.

    What a part of the source stands for less often than once in two thousand times costs time and is never right.
    """

    def __init__(self, graphones: Iterable[tuple[str, Sequence, Target, float]], least: float = 0.0005):
        graphones = list(graphones)
        totals: dict[Sequence, float] = defaultdict(float)
        for _, source, _, p in graphones:
            totals[source] += p
        self.of: dict[Sequence, list[tuple[str, Target]]] = defaultdict(list)
        for token, source, target, p in graphones:
            if p >= least * totals[source]:
                self.of[source].append((token, target))
        self.lengths = sorted({len(source) for source in self.of} - {0})
        self.silent = self.of.get((), [])


def _by_score(item: tuple[Target, float]) -> tuple[float, Target]:
    return -item[1], item[0]


def _log_sum(scores: Iterable[float]) -> float:
    scores = list(scores)
    top = max(scores)
    return top + math.log(sum(math.exp(score - top) for score in scores))
