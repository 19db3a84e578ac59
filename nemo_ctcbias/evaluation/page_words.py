"""Word differences of a transcript against its reference, as short runs that a page can show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nemo_ctcbias.evaluation.normalise import normalise
from nemo_ctcbias.evaluation.scoring import aligned, covered, occurrences

Part = list  # [kind, words of the reference, words written, listed]; kind is "same", "sub", "del" or "ins"

LISTED_SPOKEN, LISTED_WRITTEN = 1, 2  # bits of `listed`: the words belong to a listed phrase on that side


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
    for i, j in aligned(ref, hyp):
        left, right = "" if i is None else ref[i], "" if j is None else hyp[j]
        listed = LISTED_SPOKEN * (i in in_ref) + LISTED_WRITTEN * (j in in_hyp)
        kind = "ins" if i is None else "del" if j is None else "same" if left == right else "sub"
        if kind == "same" and parts and parts[-1][0] == kind and parts[-1][3] == listed:
            parts[-1][1] += f" {left}"
            parts[-1][2] += f" {right}"
        else:
            parts.append([kind, left, right, listed])
    return parts


def _inside(words: Sequence[str], phrases: Iterable[str]) -> set[int]:
    """Places of words that belong to one of the phrases."""
    return covered(occurrences([normalise(word) for word in words], set(phrases)))
