"""Score one utterance: word errors inside and outside its bias list, listed phrases found, missed and invented."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kaldialign import align

from nemo_ctcbias.evaluation.counts import Counts
from nemo_ctcbias.evaluation.normalise import as_written, normalise

_GAP = "<gap>"  # the normaliser removes < and >, so no word can equal it


@dataclass(frozen=True)
class Outcome:
    """Everything about one utterance: the counts, the normalised words and which phrases were right or wrong."""

    counts: Counts
    reference: str
    hypothesis: str
    hits: tuple[str, ...]
    misses: tuple[str, ...]
    false_alarms: tuple[str, ...]
    invented: tuple[str, ...]


def score(reference: str, hypothesis: str, listed: Sequence[str], seconds: float = 0.0) -> Counts:
    """Counts of one utterance; see `compare`.

    >>> score("call deryck now", "call derek now", ["deryck", "dover"]).recall
    0.0
    """
    return compare(reference, hypothesis, listed, seconds).counts


def compare(
    reference: str,
    hypothesis: str,
    listed: Sequence[str],
    seconds: float = 0.0,
    unlisted: str = "",
    cased: bool = False,
) -> Outcome:
    """Compare one hypothesis with its reference, given the phrases its decoder was offered.

    An occurrence of a listed phrase is a hit if the hypothesis holds the same words in one piece, each aligned to its
    reference word; otherwise it is a miss. Occurrences in the hypothesis that are no hit are false alarms, so a listed
    phrase written in place of another one is a miss and a false alarm. Of overlapping phrases ("york" in "new york",
    both listed) each counts. Invented are the false alarms that the model does not raise without the list: those names
    that a user would never have read but for it.

    Args:
        listed: the phrases of this utterance's list, distractors included; all texts are normalised here.
        unlisted: what the model writes without a list.
        cased: whether errors of case and punctuation count, too: words are then what stands between spaces. Phrases are
            found without both all the same.
    """
    ref, hyp = normalise(reference).split(), normalise(hypothesis).split()
    phrases = {phrase for phrase in map(normalise, listed) if phrase}
    spoken, written = occurrences(ref, phrases), occurrences(hyp, phrases)
    pairs = aligned(ref, hyp)
    hits = _hits(spoken, {i: j for i, j in pairs if i is not None and j is not None and ref[i] == hyp[j]})
    found = set(hits.values())
    false_alarms = tuple(occurrence[0] for occurrence in written if occurrence not in hits)
    by_itself = compare(reference, unlisted, listed).false_alarms if false_alarms and unlisted else ()
    invented = tuple((Counter(false_alarms) - Counter(by_itself)).elements())
    said = {phrase for phrase, _, _ in spoken}
    in_ref, in_hyp = covered(spoken), covered(written)
    unsaid = covered(occurrence for occurrence in written if occurrence[0] not in said)
    if cased:
        ref, (in_ref,) = _as_written(reference, in_ref)
        hyp, (in_hyp, unsaid) = _as_written(hypothesis, in_hyp, unsaid)
        pairs = aligned(ref, hyp)
    counts = Counts(
        utterances=1,
        milliseconds=round(1000 * seconds),
        hits=len(hits),
        misses=len(spoken) - len(hits),
        false_alarms=len(false_alarms),
        invented=len(invented),
        **_count_errors(pairs, ref, hyp, in_ref, in_hyp, unsaid),
    )
    return Outcome(
        counts,
        reference=" ".join(ref),
        hypothesis=" ".join(hyp),
        hits=tuple(occurrence[0] for occurrence in spoken if occurrence in found),
        misses=tuple(occurrence[0] for occurrence in spoken if occurrence not in found),
        false_alarms=false_alarms,
        invented=invented,
    )


def phrase_table(outcomes: Iterable[Outcome]) -> dict[str, tuple[int, int, int]]:
    """Hits, misses and false alarms of every phrase that was spoken or written, most wrong first."""
    table: dict[str, list[int]] = {}
    for outcome in outcomes:
        for column, phrases in enumerate((outcome.hits, outcome.misses, outcome.false_alarms)):
            for phrase in phrases:
                table.setdefault(phrase, [0, 0, 0])[column] += 1
    ordered = sorted(table.items(), key=lambda item: (-(item[1][1] + item[1][2]), item[0]))
    return {phrase: (row[0], row[1], row[2]) for phrase, row in ordered}


Occurrence = tuple[str, int, int]  # phrase, first word, one past the last word


def occurrences(words: Sequence[str], phrases: Collection[str]) -> list[Occurrence]:
    """All places where phrases stand among normalised words, overlapping ones included."""
    longest, found = max((phrase.count(" ") + 1 for phrase in phrases), default=0), []
    for start in range(len(words)):
        for end in range(start + 1, min(start + longest, len(words)) + 1):
            phrase = " ".join(words[start:end])
            if phrase in phrases:
                found.append((phrase, start, end))
    return found


def covered(found: Iterable[Occurrence]) -> set[int]:
    """Places of the words that they stand in."""
    return {index for _, start, end in found for index in range(start, end)}


def aligned(ref: Sequence[str], hyp: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """Pairs of places in an alignment with the fewest errors; None where one side has a gap."""
    pairs: list[tuple[int | None, int | None]] = []
    i = j = 0
    for left, right in align(ref, hyp, _GAP):
        pairs.append((None if left == _GAP else i, None if right == _GAP else j))
        i, j = i + (left != _GAP), j + (right != _GAP)
    return pairs


def _hits(spoken: Sequence[Occurrence], link: Mapping[int, int]) -> dict[Occurrence, Occurrence]:
    """Of what was spoken, that whose words were written in one piece, by where that is in the hypothesis.

    Args:
        link: of words of the reference, the same word of the hypothesis that is aligned to it.
    """
    return {
        (phrase, link[start], link[start] + end - start): (phrase, start, end)
        for phrase, start, end in spoken
        if all(link.get(start + k, -1) == link.get(start, -2) + k for k in range(end - start))
    }


def _as_written(text: str, *chosen: set[int]) -> tuple[list[str], list[set[int]]]:
    """What stands between spaces in a text, and which of it holds each set of normalised words.

    >>> _as_written("Anna-Lena, hello", {1}, {2})
    (['Anna-Lena,', 'hello'], [{0}, {1}])
    """
    words = as_written(text).split()
    owner = [place for place, word in enumerate(words) for _ in normalise(word).split()]
    return words, [{owner[index] for index in indices} for indices in chosen]


def _count_errors(
    pairs: list[tuple[int | None, int | None]],
    ref: list[str],
    hyp: list[str],
    biased_ref: set[int],
    biased_hyp: set[int],
    distractor_hyp: set[int],
) -> dict[str, int]:
    """Word errors by kind, split into biased and unbiased; the two always add up to the total."""
    kinds = ("substitutions", "deletions", "insertions")
    counts = {f"{side}_{kind}": 0 for side in ("biased", "unbiased") for kind in kinds}
    counts |= {"distractor_insertions": 0, "distractor_substitutions": 0}
    for i, j in pairs:
        if i is not None and j is not None and ref[i] == hyp[j]:
            continue
        # An insertion has no reference word: the list decides by what was written.
        biased = (i in biased_ref) if i is not None else (j in biased_hyp)
        kind = "insertions" if i is None else "deletions" if j is None else "substitutions"
        counts[f"{'biased' if biased else 'unbiased'}_{kind}"] += 1
        if j in distractor_hyp:
            counts[f"distractor_{kind}"] += 1
    return counts | {"biased_words": len(biased_ref), "unbiased_words": len(ref) - len(biased_ref)}
