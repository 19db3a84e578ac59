import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.bias_list.sampling import ListSampler, SamplingOptions, words_of
from nemo_ctcbias.errors import SettingError

TEXTS = ["the cat sat on the mat", "the zebra met the cat", "a cat a dog and the okapi"]
POOL = [f"word{number}" for number in range(500)] + ["zebras", "okapis"]


@given(st.integers(0, 10**6))
def test_same_state_same_list(seed):
    sampler = ListSampler(TEXTS, POOL)
    first = sampler.sample(TEXTS, random.Random(seed))
    assert first == sampler.sample(TEXTS, random.Random(seed))
    assert len(first) == len(set(first)) > 0


@given(st.integers(0, 10**6))
def test_phrases_are_spoken_or_from_the_pool(seed):
    sampler = ListSampler(TEXTS, POOL, SamplingOptions(close=0.0))
    for phrase in sampler.sample(TEXTS, random.Random(seed)):
        assert phrase in sampler.pool or any(f" {phrase} " in f" {text} " for text in TEXTS)
        assert len(phrase.split()) <= 4


def test_words_are_listed_without_the_punctuation_around_them():
    assert words_of("\"Yes,\" said Moyne's -- 'No. 7!'") == ["Yes", "said", "Moyne's", "No", "7"]
    spoken = ListSampler(["met Okonkwo, there."], ["x"], SamplingOptions(words=(1.0,))).spoken(
        "met Okonkwo, there.", random.Random(3)
    )
    assert set(spoken) <= {"met", "Okonkwo", "there"}


def test_sizes_cover_the_range_evenly_on_a_log_scale():
    sampler = ListSampler(TEXTS, POOL, SamplingOptions(min_size=1, max_size=100, absent=1.0, close=0.0))
    rng = random.Random(1)
    sizes = [len(sampler.sample(TEXTS, rng)) for _ in range(2000)]
    assert min(sizes) == 1
    assert 80 <= max(sizes) <= 100
    assert 0.4 < sum(size < 10 for size in sizes) / 2000 < 0.6


def test_lists_without_any_spoken_phrase():
    sampler = ListSampler(TEXTS, POOL, SamplingOptions(absent=1.0))
    assert all(phrase in sampler.pool for phrase in sampler.sample(TEXTS, random.Random(1)))


def test_rare_words_are_drawn_more_often():
    sampler = ListSampler(TEXTS, POOL, SamplingOptions(rarity=1.0, words=(1.0,)))
    rng = random.Random(1)
    drawn = Counter(word for _ in range(3000) for word in sampler.spoken(TEXTS[1], rng))
    assert drawn["zebra"] > 2 * drawn["the"]  # "the" is there twice, and four times in all


def test_words_spelled_alike_are_among_the_distractors():
    options = SamplingOptions(close=1.0, absent=0.0, dropped=0.0, max_size=1, per_utterance=(0.0, 1.0), words=(1.0,))
    sampler = ListSampler(TEXTS, POOL, options)
    drawn = [sampler.sample(["zebra"], random.Random(seed)) for seed in range(50)]
    assert all("zebra" in phrases for phrases in drawn)
    assert any("zebras" in phrases for phrases in drawn)


def test_without_a_pool_the_transcripts_serve():
    assert set(ListSampler(TEXTS).pool) == {word for text in TEXTS for word in text.split()}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"min_size": 5, "max_size": 2}, "no range"),
        ({"absent": 1.5}, "absent: a share from 0 to 1"),
        ({"words": ()}, "words: give chances"),
        ({"per_utterance": (0.0, 0.0)}, "per_utterance"),
    ],
)
def test_impossible_options(given, words):
    with pytest.raises(SettingError, match=words):
        SamplingOptions(**given)


def test_nothing_to_draw_from():
    with pytest.raises(SettingError, match="neither transcripts nor distractors"):
        ListSampler([], [])
