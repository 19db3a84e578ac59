"""The phone inventory: ARPAbet without stress, as in the CMU Pronouncing Dictionary, and how alike two phones are."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from nemo_ctcbias.bias_list.report import quoted
from nemo_ctcbias.errors import PhoneticsError

Pronunciation = tuple[str, ...]  # phone symbols in order, for example ("S", "ER", "SH", "AH")

PHONES: Pronunciation = tuple(
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH".split()
)
PHONE_IDS = {phone: index for index, phone in enumerate(PHONES)}
BLANK = len(PHONES)  # column of the CTC blank in phone log-probs [..., 40]


# Articulation after the IPA chart. Vowels: height (0 low, 1 high), backness (0 front, 1 back), rounding, and the
# same three at the end of the glide. Consonants: manner, place (0 lips, 1 glottis), voicing.
_VOWELS = {
    "AA": (0.0, 1.0, 0, 0.0, 1.0, 0),
    "AE": (0.2, 0.0, 0, 0.2, 0.0, 0),
    "AH": (0.4, 0.6, 0, 0.4, 0.6, 0),
    "AO": (0.3, 1.0, 1, 0.3, 1.0, 1),
    "AW": (0.0, 0.6, 0, 0.8, 0.9, 1),
    "AY": (0.0, 0.6, 0, 0.8, 0.2, 0),
    "EH": (0.4, 0.0, 0, 0.4, 0.0, 0),
    "ER": (0.5, 0.5, 0, 0.5, 0.5, 1),
    "EY": (0.6, 0.0, 0, 0.9, 0.1, 0),
    "IH": (0.8, 0.2, 0, 0.8, 0.2, 0),
    "IY": (1.0, 0.0, 0, 1.0, 0.0, 0),
    "OW": (0.5, 1.0, 1, 0.8, 0.9, 1),
    "OY": (0.3, 1.0, 1, 0.8, 0.2, 0),
    "UH": (0.8, 0.8, 1, 0.8, 0.8, 1),
    "UW": (1.0, 1.0, 1, 1.0, 1.0, 1),
}
_CONSONANTS = {
    **{"P": ("stop", 0.0, 0), "B": ("stop", 0.0, 1), "T": ("stop", 0.4, 0), "D": ("stop", 0.4, 1)},
    **{"K": ("stop", 0.8, 0), "G": ("stop", 0.8, 1), "CH": ("affricate", 0.5, 0), "JH": ("affricate", 0.5, 1)},
    **{"F": ("fricative", 0.1, 0), "V": ("fricative", 0.1, 1), "TH": ("fricative", 0.3, 0)},
    **{"DH": ("fricative", 0.3, 1), "S": ("fricative", 0.4, 0), "Z": ("fricative", 0.4, 1)},
    **{"SH": ("fricative", 0.5, 0), "ZH": ("fricative", 0.5, 1), "HH": ("fricative", 1.0, 0)},
    **{"M": ("nasal", 0.0, 1), "N": ("nasal", 0.4, 1), "NG": ("nasal", 0.8, 1)},
    **{"L": ("approximant", 0.4, 1), "R": ("approximant", 0.5, 1), "Y": ("approximant", 0.6, 1)},
    "W": ("approximant", 0.0, 1),
}
_ALIKE = {("stop", "affricate"), ("affricate", "fricative")}  # manners half a step apart
_SEMIVOWELS = {("ER", "R"): 0.3, ("IY", "Y"): 0.4, ("UW", "W"): 0.4}


def parse_phones(symbols: str | Iterable[str], where: str = "pronunciation") -> Pronunciation:
    """Check phone symbols, upper-cased and without their stress digits.

    >>> parse_phones("S ER1 SH AH0")
    ('S', 'ER', 'SH', 'AH')

    Raises:
        PhoneticsError: an unknown symbol, or none at all; the message begins with `where`.
    """
    symbols = symbols.split() if isinstance(symbols, str) else list(symbols)
    phones = tuple(symbol.upper().rstrip("012") for symbol in symbols)
    if not phones:
        raise PhoneticsError(f"{where}: no phones; write ARPAbet symbols such as 'S ER SH AH'")
    for symbol, phone in zip(symbols, phones, strict=True):
        if phone not in PHONE_IDS:
            raise PhoneticsError(f"{where}: unknown phone {quoted(symbol)}; use the ARPAbet symbols {' '.join(PHONES)}")
    return phones


def phone_ids(pronunciation: Iterable[str]) -> np.ndarray:
    """Columns of the phones in phone log-probs, int64 [L]."""
    return np.array([PHONE_IDS[phone] for phone in pronunciation], dtype=np.int64)


def check_inventory(phones: Iterable[str], where: str) -> None:
    """Refuse a phone head of another inventory (or in another order).

    Raises:
        PhoneticsError: `phones` are not `PHONES`.
    """
    phones = tuple(phones)
    if phones != PHONES:
        odd = sorted(set(phones) ^ set(PHONES))
        what = f"unknown or missing: {', '.join(odd)}" if odd else "the same phones in another order"
        raise PhoneticsError(
            f"{where}: its phone inventory is not the {len(PHONES)} phones of nemo-ctcbias ({what}); "
            "train a phone head with examples/train_phone_head.py"
        )


def _cost(a: str, b: str) -> float:
    if a == b:
        return 0.0
    if a in _VOWELS and b in _VOWELS:
        apart = np.abs(np.subtract(_VOWELS[a], _VOWELS[b]))
        return float(0.2 + 0.8 * min(1.0, apart @ [0.25, 0.2, 0.05, 0.25, 0.2, 0.05]))
    if a in _CONSONANTS and b in _CONSONANTS:
        (manner, place, voice), (other_manner, other_place, other_voice) = _CONSONANTS[a], _CONSONANTS[b]
        near = {(manner, other_manner), (other_manner, manner)} & _ALIKE
        apart = (manner != other_manner) * (0.25 if near else 0.5) + abs(place - other_place) * 0.5
        return 0.2 + 0.8 * min(1.0, apart + 0.2 * (voice != other_voice))
    return _SEMIVOWELS.get((a, b), _SEMIVOWELS.get((b, a), 1.0))


SUBSTITUTION_COSTS = np.array([[_cost(a, b) for b in PHONES] for a in PHONES])
"""Cost [39, 39] of one phone for another: symmetric, 0 on the diagonal, 0.2 (alike) to 1 (a vowel for a consonant)."""
SUBSTITUTION_COSTS.setflags(write=False)
