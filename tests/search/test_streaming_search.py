"""The search with state: however the frames come, the result is that of one piece, and what stands stands."""

import functools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import BiasList, Vocabulary, spell
from nemo_ctcbias.search import stream_search
from nemo_ctcbias.search.beam_search import BeamOptions
from nemo_ctcbias.search.biased_search import BiasedSearch
from nemo_ctcbias.search.search_list import SearchList
from nemo_ctcbias.search.stream_search import StreamSearch

PIECES = ["▁new", "▁york", "▁jo", "han", "s", "▁the", "▁a", "n", "▁bo", "ston", "▁"]
VOCABULARY = Vocabulary(PIECES)
LISTS = [["New York"], ["Johans", "Boston"], ["new york the", "Ann", "thes"], []]


@functools.cache
def listed(phrases):
    return SearchList(spell(BiasList(list(phrases)), VOCABULARY), VOCABULARY)


@functools.cache
def language_model():
    kenlm = pytest.importorskip("kenlm", reason="the class of listed words is that of a KenLM model")
    del kenlm
    from nemo_ctcbias.lm.kenlm_file import load_language_model
    from nemo_ctcbias.lm.options import LanguageModelOptions

    path = Path(__file__).parents[2] / "examples" / "data" / "lm_small.bin"
    return load_language_model(str(path), LanguageModelOptions(), VOCABULARY)


def speech(seed, frames, pauses=0.5):
    """Log-probs in which tokens come and go, doubtful ones, with pauses, hiss and now and then a frame of anything."""
    rng = np.random.default_rng(seed)
    size = len(PIECES) + 1
    probs = np.full((frames, size), 1e-5)
    at = 0
    while at < frames:
        kind = rng.random()
        long = int(rng.integers(1, 18)) if kind < pauses * 0.3 else int(rng.integers(1, 4))
        span = slice(at, at + long)
        if kind < pauses:
            probs[span, -1] = rng.choice([1.0, 0.9])
            probs[span, :-1] += rng.random((len(probs[span]), size - 1)) * rng.choice([0.0, 0.02])
        else:
            token, other = rng.integers(0, size - 1, 2)
            probs[span, token] += rng.random()
            probs[span, other] += 0.7 * rng.random()
            probs[span, -1] += 0.3 * rng.random()
        at += long
    return np.log(probs / probs.sum(axis=1, keepdims=True)).astype(np.float32)


def in_pieces(log_probs, cuts):
    cuts = sorted({min(cut, len(log_probs)) for cut in cuts})
    yield from np.split(log_probs, cuts)


def told(beam):
    return beam.text, beam.tokens, beam.score, list(beam[2]), beam.hits, beam.confidences, beam.path.tolist()


searches = {
    "seed": st.integers(0, 10**6),
    "frames": st.integers(0, 60),
    "cuts": st.lists(st.integers(0, 60), max_size=12),
    "phrases": st.sampled_from(LISTS).map(tuple),
    "lm": st.booleans(),
    "width": st.sampled_from([3, 20]),
    "adapted": st.booleans(),
}


@given(**searches)
@settings(max_examples=120, deadline=None)
def test_frames_in_pieces_give_what_one_piece_gives(seed, frames, cuts, phrases, lm, width, adapted):
    log_probs = speech(seed, frames)
    base = speech(seed + 1, frames) if adapted else None
    search = BiasedSearch(VOCABULARY, language_model() if lm else None, beam=BeamOptions(beam_width=width))
    whole = search.beams(log_probs, listed(phrases), prior=0.3, base_log_probs=base)
    ready = search.of(listed(phrases), prior=0.3)
    state = ready.start()
    for piece in in_pieces(log_probs, cuts):
        ready.advance(state, piece)
        ready.finish(state, log_probs[: state.frames])  # to look at it changes nothing
    assert list(map(told, ready.finish(state, log_probs, base))) == list(map(told, whole))


def streamed(ready, stream, pieces, base=None):
    """Segments, and what stood after each piece."""
    state, ended, stood = stream.start(ready), [], []
    for piece in pieces:
        at = state.core.frames
        new = stream.advance(ready, state, piece, None if base is None else base[at : at + len(piece)])
        ended += new
        now = stream.partial(ready, state)
        stood.append([[*one.beam.words] for one in ended] + [now.beam.words[: now.final]])
    return [*ended, stream.finish(ready, state)], stood, state


def all_words(segments):
    return [word for one in segments for word in one]


@given(
    **{**searches, "frames": st.integers(0, 150), "cuts": st.lists(st.integers(0, 150), max_size=12)},
    lag=st.sampled_from([3, 8]),
    longest=st.sampled_from([14, 40]),
    nodes=st.sampled_from([1, 1 << 14]),
)
@example(30, 50, [], ("New York",), True, 3, False, 3, 14, 1)  # a bare separator is all that the new tree has
@example(92757, 25, [], ("New York",), False, 3, False, 8, 14, 1)  # the tree is made anew when nothing is said yet
@example(34757, 48, [], ("New York",), False, 3, False, 3, 14, 1)  # only a word that has ended would go on
@example(94, 60, [], ("New York",), True, 20, False, 8, 14, 1)  # the last cut leaves two tokens near each other
@settings(max_examples=150, deadline=None)
def test_a_stream_is_the_same_however_it_comes_and_what_stands_stands(
    seed, frames, cuts, phrases, lm, width, adapted, lag, longest, nodes
):
    log_probs = speech(seed, frames)
    base = speech(seed + 1, frames) if adapted else None
    search = BiasedSearch(VOCABULARY, language_model() if lm else None, beam=BeamOptions(beam_width=width))
    ready, stream = search.of(listed(phrases), lag=lag), StreamSearch(pause=lag, longest=longest)
    # The tree is made anew at every cut, or never: nobody sees it.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream_search, "MOST_NODES", nodes)
        found, stood, _ = streamed(ready, stream, in_pieces(log_probs, cuts), base)
        patch.setattr(stream_search, "MOST_NODES", 1 << 14)
        whole, _, _ = streamed(ready, stream, [log_probs], base)
    assert [(told(one.beam), one.start) for one in found] == [(told(one.beam), one.start) for one in whole]
    words = all_words(one.beam.words for one in found)
    for earlier in stood:
        known = all_words(earlier)
        assert words[: len(known)] == known
    ends = [one.start + len(one.beam.path) for one in found]
    assert all(before <= one.start for before, one in zip(ends, found[1:], strict=False))
    assert ends[-1] == frames


def test_a_stream_with_pauses_says_what_the_recording_says_and_forgets_it():
    search = BiasedSearch(VOCABULARY)
    said = [np.log(spoken(text)) for text in ("a new york", "the boston johans", "new ann")]
    silence = np.log(spoken("")[:1].repeat(30, axis=0))
    log_probs = np.concatenate([frames for one in said * 40 for frames in (one, silence)])
    ready, stream = search.of(listed(("New York", "Johans")), lag=8), StreamSearch(pause=8, longest=400)
    segments, _, state = streamed(ready, stream, np.split(log_probs, range(5, len(log_probs), 5)))
    one = ["a New York", "the boston Johans", "new an"]
    assert [one.beam.text for one in segments if one.beam.text] == one * 40
    assert len(state.log_probs) < 40
    assert sum(part.nbytes for part in state.core.prefixes) < 1e6
    whole = search.beams(log_probs, listed(("New York", "Johans")))[0]
    times = [(word, (start + one.start, end + one.start)) for one in segments for word, (start, end) in one.beam[2]]
    assert times == list(whole[2])


def spoken(text):
    """Probabilities [T, V + 1] of some words, a blank frame between two tokens."""
    rows = []
    for word in text.split():
        tokens = {"new": [0], "york": [1], "johans": [2, 3, 4], "the": [5], "a": [6], "ann": [6, 7], "boston": [8, 9]}
        for token in tokens[word]:
            for column in (token, len(PIECES)):
                row = np.full(len(PIECES) + 1, 1e-4)
                row[column] = 1.0
                rows.append(row / row.sum())
    row = np.full(len(PIECES) + 1, 1e-6)
    row[-1] = 1.0
    return np.array([*rows, row / row.sum()])
