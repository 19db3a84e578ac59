"""The segmentations of a word with the fewest pieces (compiled: lists of 200,000 phrases have a million words).

Of each rest of the word, from the end, the best few are kept; one piece put before them gives the best few of the
longer rest. A segmentation is worth one number, the less the better: how many tokens it has, then its first token, then
the place of its rest among those that are kept. No two pieces that begin in the same place have the same token, so that
is the order of (number of tokens, tokens).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from nemo_ctcbias.compiled import compiled


class PieceTrie(NamedTuple):
    """Pieces by their characters; node 0 is the empty beginning of all of them.

    character: [S] by which each node is entered, as a code point.
    first_child: [S + 1] the children of node s are the nodes first_child[s] to first_child[s + 1] - 1, by character.
    token: [S] of the piece that ends there, -1 for none.
    length: of each token's piece, in characters.
    """

    character: np.ndarray
    first_child: np.ndarray
    token: np.ndarray
    length: np.ndarray

    @classmethod
    def of(cls, piece_ids: Mapping[str, int]) -> PieceTrie:
        """The trie of some pieces and their tokens."""
        begun = {piece[:count] for piece in piece_ids for count in range(len(piece) + 1)} | {""}
        nodes = sorted(begun, key=lambda text: (len(text), text))  # so children stand together, behind their parents
        number = {text: node for node, text in enumerate(nodes)}
        parents = np.array([number[text[:-1]] for text in nodes[1:]], dtype=np.int64)
        length = np.zeros(max(piece_ids.values(), default=-1) + 1, dtype=np.int64)
        for piece, token in piece_ids.items():
            length[token] = len(piece)
        return cls(
            np.array([ord(text[-1:] or "\0") for text in nodes], dtype=np.int64),
            np.searchsorted(parents, np.arange(len(nodes) + 1)) + 1,
            np.array([piece_ids.get(text, -1) for text in nodes], dtype=np.int64),
            length,
        )


def fewest_pieces(surface: str, pieces: PieceTrie, most: int, bytewise: bool) -> list[tuple[int, ...]]:
    """At most `most` segmentations, by number of tokens, then by tokens; none if there is none.

    Args:
        bytewise: whether a character that leads nowhere else may be written in its bytes, each of which counts as a
            token; in place of them stands -1 less the character's place in the surface.
    """
    codes = np.frombuffer(surface.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    flat, ends = _segmented(codes, *pieces, most, bytewise)
    flat, ends = flat.tolist(), ends.tolist()
    return [tuple(flat[first:last]) for first, last in zip([0, *ends], ends, strict=False)]


@compiled
def _segmented(codes, character, first_child, token, length, most, bytewise):
    """Tokens of all segmentations behind each other, and where each ends."""
    size, symbols = len(codes), len(length) + len(codes)
    kept = [np.zeros(1, np.int64)]  # of each rest, the longest last: what its segmentations are worth, the best first
    for start in range(size - 1, -1, -1):
        found, node = [np.zeros(0, np.int64)], 0
        for end in range(start + 1, size + 1):
            node = _child(character, first_child, node, codes[end - 1])
            if node < 0:
                break
            if token[node] >= 0:
                found.append(_before(kept[size - end], token[node], 1, symbols, most))
        if len(found) == 1 and bytewise:
            found.append(_before(kept[size - start - 1], len(length) + start, _bytes(codes[start]), symbols, most))
        kept.append(_joined(found, most))
    return _spelled(kept, length, symbols, most)


@compiled
def _before(rests, token, count, symbols, most):
    """What the segmentations of a rest are worth with a token put before them that counts as so many."""
    more = np.empty(len(rests), np.int64)
    for place in range(len(rests)):
        more[place] = ((rests[place] // most // symbols + count) * symbols + token) * most + place
    return more


@compiled
def _joined(found, most):
    count = 0
    for each in found:
        count += len(each)
    every, count = np.empty(count, np.int64), 0
    for each in found:
        every[count : count + len(each)] = each
        count += len(each)
    return np.sort(every)[:most]


@compiled
def _spelled(kept, length, symbols, most):
    size = len(kept) - 1
    flat, ends, used = np.empty(len(kept[size]) * size, np.int64), np.empty(len(kept[size]), np.int64), 0
    for rank in range(len(ends)):
        start, place = 0, rank
        while start < size:
            worth = kept[size - start][place]
            token, place = worth // most % symbols, worth % most
            flat[used] = token if token < len(length) else -1 - start
            start += length[token] if token < len(length) else 1
            used += 1
        ends[rank] = used
    return flat[:used], ends


@compiled
def _bytes(code):
    """How many bytes a character has in UTF-8."""
    return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4


@compiled
def _child(character, first_child, node, code):
    """The node behind one character, -1 for none; as in `trie`, whose code this cannot call (see `compiled`)."""
    low, last = first_child[node], first_child[node + 1]
    high = last
    while low < high:
        middle = (low + high) // 2
        if character[middle] < code:
            low = middle + 1
        else:
            high = middle
    return low if low < last and character[low] == code else -1
