"""What is told of a stream stays, whatever else is heard and however it fails; the others do not notice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_recognizer import LABELS, SIPROT, by_sound, listed, said, spelled, spread  # noqa: F401
from test_streaming import RHYTHM, fed, recognizer, silence, text_of

from nemo_ctcbias.errors import ModelError
from nemo_ctcbias.phones.phones import BLANK
from nemo_ctcbias.recognizer import Utterance
from nemo_ctcbias.streaming import RecognizedStream

LISTS = [(SIPROT, "cat"), ("new york", "cat in"), ("a", "ship row", "shi")]


def babble(seed, frames):
    """Letters and phones that have nothing to do with each other, and pauses: phrases are heard late, and given up."""
    rng = np.random.default_rng(seed)
    probs, phones = np.full((frames, len(LABELS)), 1e-5), np.full((2 * frames, BLANK + 1), 1e-4)
    phones[:, BLANK] = 1.0
    spoken = np.concatenate([rng.permutation(np.repeat(list("siprot cat ship row new york in a"), 3))] * frames)
    for at in range(frames):
        if rng.random() < 0.6:
            probs[at, LABELS.index(spoken[at])] += rng.random()
            probs[at, rng.integers(0, len(LABELS) - 1)] += 0.7 * rng.random()
        probs[at, -1] += 0.3 * rng.random() + 1e-3
        if rng.random() < 0.5:
            phones[2 * at, rng.integers(0, BLANK)] += 2 * rng.random()
    probs, phones = (np.log(one / one.sum(axis=1, keepdims=True)) for one in (probs, phones))
    for phrase, sounds in (("siprot", "S IH P R AA T"), ("cat", "K AE T")):  # said now and then
        at = int(rng.integers(0, max(frames - 12, 1)))
        clear = said(spread(sounds, 0, len(phrase)), len(phrase))
        phones[2 * at : 2 * at + len(clear)] = clear[: max(0, 2 * (frames - at))]
    return Utterance(probs, phones)


@given(
    seed=st.integers(0, 10**6),
    frames=st.integers(20, 120),
    phrases=st.sampled_from(LISTS),
    parts=st.sampled_from(["", "detection", "detection verification", "detection verification correction"]),
)
@settings(max_examples=60, deadline=None)
def test_partial_results_change_only_behind_what_stands(seed, frames, phrases, parts):
    """Each time a segment is looked at, it begins with the words that were told of it, though the search went back."""
    stream, told = RecognizedStream(recognizer(parts), listed(*phrases), RHYTHM), {}
    tell = stream._tell

    def checked(segment, heard):
        before = told.get(segment.start, [])
        assert segment.beam.words[: len(before)] == before
        update = tell(segment, heard)
        told[segment.start] = segment.beam.words[: stream._told]
        return update

    stream._tell = checked
    fed(stream, babble(seed, frames), range(1, frames))


def test_a_phrase_that_is_being_said_is_shown_when_it_is_complete():
    """What its beginning was lent is shown to nobody: until its last letter the model's own spelling stands there."""
    log_probs = np.concatenate([silence(3), spelled("siprot", 0.4, "xyzuvw"), silence(40)])
    stream = RecognizedStream(recognizer(""), listed(SIPROT), RHYTHM)
    shown = [stream.advance(Utterance(log_probs[at : at + 1])).partial for at in range(len(log_probs))]
    complete = 3 + 2 * len("siprot") - 2  # the frame of its last letter
    seen_by = next(at for at, text in enumerate(shown) if "SIPROT" in text)
    assert complete <= seen_by < complete + RHYTHM.step
    assert {text for text in shown[:seen_by] if text} <= {"x", "xy", "xyz", "xyzu", "xyzuv"}
    assert shown[complete - RHYTHM.step], "what is said is seen before it is complete"


@pytest.mark.parametrize("seconds_before", [0, 7])
def test_a_word_stands_as_soon_as_a_lag_has_passed_since_it_was_said(seconds_before):
    """Whether somebody goes on at once, after a while, or never: not only when the next word is settled as well."""
    for gap in (1, 5, 12, 100):
        log_probs = np.concatenate(
            [silence(seconds_before), spelled("siprot"), silence(gap), spelled(" a a"), silence(60)]
        )
        stream = RecognizedStream(recognizer(""), listed(SIPROT), RHYTHM)
        end = seconds_before + 2 * len("siprot") - 1
        for at in range(len(log_probs)):
            if any(word.text == "SIPROT" for word in stream.advance(Utterance(log_probs[at : at + 1])).words):
                break
        assert at + 1 <= end + RHYTHM.lag + RHYTHM.step


def test_nothing_for_an_hour_changes_nothing_and_a_stream_that_fails_leaves_the_others_alone():
    """What was final stays: of the one that sends NaN, too, which goes on with what comes next."""
    speech = [np.concatenate([spelled(text, 0.9), silence(40)]) for text in ("met siprot", "a cat in", "in a siprot")]
    alone = [
        text_of(fed(RecognizedStream(recognizer(""), listed(SIPROT, "cat"), RHYTHM), Utterance(one))) for one in speech
    ]
    streams, told = [RecognizedStream(recognizer(""), listed(SIPROT, "cat"), RHYTHM) for _ in speech], [[], [], []]
    for at in range(0, max(map(len, speech)), 7):
        for number, (stream, log_probs) in enumerate(zip(streams, speech, strict=True)):
            told[number].append(stream.advance(Utterance(log_probs[at : at + 7])))
        with pytest.raises(ModelError, match="not numbers"):
            streams[1].advance(Utterance(np.full((7, len(LABELS)), np.nan)))
        before = streams[2].frames
        for _ in range(50):
            update = streams[2].advance(Utterance(np.zeros((0, len(LABELS)))))
            assert not update.words and update.partial == told[2][-1].partial
        assert streams[2].frames == before
    assert [text_of([*updates, stream.finish()]) for updates, stream in zip(told, streams, strict=True)] == alone
