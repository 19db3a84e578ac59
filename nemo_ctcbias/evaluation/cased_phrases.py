"""What a peer is given of a list: peers match letter by letter, so each phrase in every case that the model writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def writes_capitals(pieces: Iterable[str]) -> bool:
    """Whether a model writes both cases: then a phrase may come with capitals."""
    letters = "".join(piece for piece in pieces if not piece.startswith("<"))
    return any(c.isupper() for c in letters) and any(c.islower() for c in letters)


def cased_forms(phrase: str, capitals: bool) -> list[str]:
    """The phrase as listed, and with a capital at the start of each word if the model writes both cases.

    >>> cased_forms("cape varennes", capitals=True)
    ['cape varennes', 'Cape Varennes']
    """
    risen = " ".join(word[:1].upper() + word[1:] for word in phrase.split())
    return list(dict.fromkeys([phrase, risen] if capitals else [phrase]))


def cased_phrases(phrases: Sequence[str], pieces: Iterable[str]) -> list[str]:
    """All forms of all phrases for a model with these pieces, each once."""
    capitals = writes_capitals(pieces)
    return list(dict.fromkeys(form for phrase in phrases for form in cased_forms(phrase, capitals)))
