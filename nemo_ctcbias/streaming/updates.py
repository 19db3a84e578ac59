"""What is told of a stream: words and phrases that stand, and what follows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nemo_ctcbias.search.hits import Hit
from nemo_ctcbias.search.result import BiasedBeam
from nemo_ctcbias.search.stream_search import Segment


@dataclass(frozen=True)
class Told:
    """A word, or words that a listed phrase is written for, that stand; frames of the stream."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Update:
    """What is new in a stream.

    words: that stand from now on; hits: listed phrases among them, `first_word` and `last_word` counted in the stream's
    words as they were recognised; partial: what follows them as far as it is known, and may still change.
    """

    words: tuple[Told, ...] = ()
    hits: tuple[Hit, ...] = ()
    partial: str = ""

    @property
    def text(self) -> str:
        """The words that stand from now on."""
        return " ".join(word.text for word in self.words)


def joined(updates: Sequence[Update]) -> Update:
    """Updates one after the other as one; what follows is what the last one says."""
    words = tuple(word for one in updates for word in one.words)
    return Update(words, tuple(hit for one in updates for hit in one.hits), updates[-1].partial)


def news(segment: Segment, beam: BiasedBeam, told: int, count: int) -> tuple[Update, int]:
    """What of a segment stands and was not told, and what follows; how many of its words have been told with that.

    Args:
        beam: the segment's, as it is written.
        told: how many of its words were told before.
        count: how many words of the stream.
    """
    final = segment.final
    written = [one for one in beam.written_words if one[0] >= told]
    if final < len(beam.words):  # a phrase is told when all of it stands
        final = min([first for first, last, _ in written if first < final < last], default=final)
    words = tuple(_written(beam, written, told, final, segment.start)) if final > told else ()
    hits = tuple(
        replace(
            hit,
            first_word=hit.first_word - told + count,
            last_word=hit.last_word - told + count,
            start=hit.start + segment.start,
            end=hit.end + segment.start,
        )
        for hit in (beam.hits if words else ())
        if told <= hit.first_word and hit.last_word <= final
    )
    told = max(told, final)
    rest = [text for text, _, _ in _texts(beam.words, written, told, len(beam.words))]
    return Update(words, hits, " ".join(rest)), told


def _texts(
    words: Sequence[str], written: Sequence[tuple[int, int, str]], first: int, last: int
) -> Iterator[tuple[str, int, int]]:
    """(text, first word, last word + 1) of words [first, last), those of a phrase in one."""
    spans = {start: (end, text) for start, end, text in written if start >= first and end <= last}
    at = first
    while at < last:
        end, text = spans.get(at, (at + 1, words[at]))
        yield text, at, end
        at = end


def _written(
    beam: BiasedBeam, written: Sequence[tuple[int, int, str]], first: int, last: int, start: int
) -> Iterator[Told]:
    frames = [frames for _, frames in beam[2]]
    for text, at, end in _texts(beam.words, written, first, last):
        yield Told(text, frames[at][0] + start, frames[end - 1][1] + start)
