"""Normalisation of reference, hypothesis and listed phrases before they are compared; named in the signature."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

#: Goes into every result's signature: two tables with different normalisers cannot be compared.
NORMALISER = "nfc-lower-alnum-apostrophe"

#: The same where errors of case and punctuation are counted.
AS_WRITTEN = f"nfc-apostrophe/phrases-{NORMALISER}"

_APOSTROPHES = dict.fromkeys(map(ord, "’‘ʼ＇`´"), "'")


@lru_cache(maxsize=1 << 19)  # a list of 20,000 phrases is normalised once, not once an utterance and system
def normalise(text: str) -> str:
    """Lower-case `text`, keep letters, digits and apostrophes, turn everything else into single spaces.

    >>> normalise("Anna-Lena’s  café, No. 5!")
    "anna lena's café no 5"
    """
    kept = []
    for char in as_written(text).lower():
        if char == "'" or char.isalnum() or unicodedata.category(char).startswith("M"):
            kept.append(char)
        else:
            kept.append(" ")
    # An apostrophe alone is punctuation, not a word.
    return " ".join(word for word in "".join(kept).split() if word.strip("'"))


def as_written(text: str) -> str:
    """The text with its case and punctuation; only what looks the same is the same.

    >>> as_written("Anna’s  café, No. 5!")
    "Anna's  café, No. 5!"
    """
    return unicodedata.normalize("NFC", text).translate(_APOSTROPHES)
