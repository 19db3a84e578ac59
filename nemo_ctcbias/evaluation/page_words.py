"""Word differences of a transcript against its reference, as short runs that a page can show."""

from __future__ import annotations

from collections.abc import Iterable

from kaldialign import align

from nemo_ctcbias.evaluation.normalise import normalise

Part = list  # [kind, words of the reference, words written, listed]; kind is "same", "sub", "del" or "ins"

LISTED_SPOKEN, LISTED_WRITTEN = 1, 2  # bits of `listed`: the words belong to a listed phrase on that side
_GAP = "<gap>"  # the normaliser removes < and >, so no word can equal it


def differences(
    reference: str, written: str, spoken_phrases: Iterable[str], written_phrases: Iterable[str]
) -> list[Part]:
    """The aligned words (as `scoring.compare` aligns them), neighbours of equal kind that match joined.

    >>> differences("call deryck now", "call derek now", ["deryck"], [])
    [['same', 'call', 'call', 0], ['sub', 'deryck', 'derek', 1], ['same', 'now', 'now', 0]]

    Args:
        reference: normalised, or as written.
        written: likewise.
        spoken_phrases: listed phrases that the reference holds, normalised.
        written_phrases: listed phrases that were written, normalised.
    """
    ref, hyp = reference.split(), written.split()
    in_ref, in_hyp = _inside(ref, spoken_phrases), _inside(hyp, written_phrases)
    parts: list[Part] = []
    i = j = 0
    for left, right in align(ref, hyp, _GAP):
        spoken, wrote = left != _GAP, right != _GAP
        listed = LISTED_SPOKEN * (spoken and i in in_ref) + LISTED_WRITTEN * (wrote and j in in_hyp)
        kind = "ins" if not spoken else "del" if not wrote else "same" if left == right else "sub"
        if kind == "same" and parts and parts[-1][0] == kind and parts[-1][3] == listed:
            parts[-1][1] += f" {left}"
            parts[-1][2] += f" {right}"
        else:
            parts.append([kind, left if spoken else "", right if wrote else "", listed])
        i, j = i + spoken, j + wrote
    return parts


def _inside(words: list[str], phrases: Iterable[str]) -> set[int]:
    """Positions of words that belong to one of the phrases."""
    found: set[int] = set()
    words = [normalise(word) for word in words]
    for phrase in map(str.split, set(phrases)):
        for start in range(len(words) - len(phrase) + 1):
            if words[start : start + len(phrase)] == phrase:
                found.update(range(start, start + len(phrase)))
    return found
