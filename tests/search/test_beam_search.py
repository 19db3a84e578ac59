import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import exhaustive, plain_search

from nemo_ctcbias.bias_list.rows import Rows
from nemo_ctcbias.bias_list.trie import BoostingTrie
from nemo_ctcbias.bias_list.word_ends import WordEnds
from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.search import beam_search
from nemo_ctcbias.search.beam_search import BeamOptions, BeamSearch
from nemo_ctcbias.search.boosting import BoostOptions
from nemo_ctcbias.search.word_scorer import WordScorer

PIECES = ["a", "b", "'", "s", "'s", "s.", ",", "-a", "y'", "abco", "es", "木", "b木"]
WIDE = BeamOptions(beam_width=10_000, beam_prune_logp=-1e9, token_min_logp=-1e9)


def random_log_probs(seed, frames, size, sharpness=2.0):
    logits = np.random.default_rng(seed).normal(scale=sharpness, size=(frames, size))
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


@given(seed=st.integers(0, 10**6), frames=st.integers(0, 5), size=st.integers(2, 4))
@settings(max_examples=60)
def test_unlimited_beam_is_the_sum_over_all_paths(seed, frames, size):
    log_probs = random_log_probs(seed, frames, size)
    found = BeamSearch(np.ones(size - 1, dtype=bool), WIDE).search(log_probs)
    expected = exhaustive(log_probs)
    assert {h.tokens for h in found} == set(expected)
    for hypothesis in found:
        assert hypothesis.acoustic == pytest.approx(expected[hypothesis.tokens], abs=1e-9)
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)


phrase_lists = st.dictionaries(
    st.lists(st.integers(0, 3), min_size=1, max_size=4).map(tuple),
    st.sampled_from([1.0, 0.5, 2.0, -1.0]),
    min_size=1,
    max_size=6,
)


def fast_search(
    log_probs, phrases, starts_word, options, boost, costs=None, phrase_cost=0.0, ends=None, pieces=(), unlisted=None
):
    spellings, given = Rows.of(phrases), [costs[p] for p in phrases] if costs else None
    rows = ends and [ends.row_of("".join(pieces[token] for token in phrase)) for phrase in phrases]
    following, size = ends and ends.following(pieces, starts_word), len(starts_word)
    if following:
        spellings, size = following.symbols_of(spellings), following.symbols
    trie = BoostingTrie(range(len(phrases)), spellings, list(phrases.values()), size, given, rows, unlisted)
    search = BeamSearch(starts_word, options, boost, trie, phrase_cost=phrase_cost, following=following)
    found = search.search(log_probs)
    return {h.tokens: (h.acoustic, h.boost) for h in found}


@given(
    seed=st.integers(0, 10**6),
    frames=st.integers(1, 12),
    phrases=phrase_lists,
    starts=st.lists(st.booleans(), min_size=4, max_size=4),
    width=st.sampled_from([2, 5, 50]),
    token_min=st.sampled_from([-1.0, -3.0, -20.0]),
    costs=st.lists(st.sampled_from([0.0, 0.2, 1.0]), min_size=6, max_size=6),
    phrase_cost=st.sampled_from([0.0, 0.4, 1.3]),
    pieces=st.lists(
        st.sampled_from(["a", "b", "'", "s", "'s", "s.", ",", "-a", "y'", "abco", "es", "木", "b木"]),
        min_size=4,
        max_size=4,
    ),
    endings=st.sets(st.sampled_from(["'s", "'", "s", "s'", "es"])),
    unlisted=st.lists(st.integers(0, 3), min_size=6, max_size=6),
)
@settings(max_examples=400)
def test_arrays_agree_with_the_plain_search(
    seed, frames, phrases, starts, width, token_min, costs, phrase_cost, pieces, endings, unlisted
):
    """`unlisted`: how many of each phrase's last tokens are an ending that nobody listed."""
    log_probs = random_log_probs(seed, frames, 5)
    options = BeamOptions(beam_width=width, token_min_logp=token_min)
    boost = BoostOptions(0.8, gap_scale=0.7, token_bonus=0.3, max_gap=6.0, max_blank=0.9, first_token=0.25)
    of = dict(zip(phrases, costs, strict=False))
    last = {phrase: min(count, len(phrase)) for phrase, count in zip(phrases, unlisted, strict=False)}
    ends = WordEnds(endings)
    fast = fast_search(log_probs, phrases, starts, options, boost, of, phrase_cost, ends, pieces, list(last.values()))
    of = {phrase: cost + boost.token_bonus * (last[phrase] > 0) for phrase, cost in of.items() if phrase in phrases}
    listed = {phrase[:end] for phrase in phrases for end in range(len(phrase) - max(last[phrase] - 1, 0) + 1)}
    slow = plain_search(
        log_probs,
        phrases,
        starts,
        options,
        boost,
        pieces=pieces,
        costs=of,
        phrase_cost=phrase_cost,
        endings=endings,
        spaceless="木",
        unearned={phrase[:end] for phrase in phrases for end in range(len(phrase) + 1)} - listed,
    )
    assert set(fast) == set(slow)
    for tokens, (acoustic, kept) in slow.items():
        assert fast[tokens][0] == pytest.approx(acoustic, abs=1e-9)
        assert fast[tokens][1] == pytest.approx(kept, abs=1e-9)


class WordTable:
    """A language model that remembers the last word; scores by a table drawn from a seed."""

    def __init__(self, seed):
        self.seed = seed

    def draw(self, *key):
        return np.random.default_rng([self.seed, *"".join(key).encode()]).normal()

    def get_start_state(self):
        return "^"

    def score(self, state, word, is_last_word=False):
        return 2.0 * self.draw(state, "|", word) + (self.draw(word, "$") if is_last_word else 0.0), word

    def score_partial_token(self, text):
        return -abs(self.draw(text))


@given(
    seed=st.integers(0, 10**6),
    frames=st.integers(1, 10),
    phrases=phrase_lists,
    starts=st.sampled_from([[True, False, True, False], [True, True, False, False], [True, True, True, True]]),
    width=st.sampled_from([2, 5, 50]),
)
@settings(max_examples=120)
def test_with_a_language_model_arrays_agree_with_the_plain_search(seed, frames, phrases, starts, width):
    log_probs, pieces = random_log_probs(seed, frames, 5), ["▁a", "b", "▁c", "d"]
    options, boost = BeamOptions(beam_width=width), BoostOptions(0.8)
    trie = BoostingTrie(range(len(phrases)), list(phrases), list(phrases.values()), 4)
    scorer = WordScorer(WordTable(seed), pieces)
    fast = {h.tokens: h for h in BeamSearch(starts, options, boost, trie).search(log_probs, scorer)}
    texts = [piece.strip("▁") for piece in pieces]
    slow = plain_search(log_probs, phrases, starts, options, boost, lm=WordTable(seed), pieces=texts)
    assert set(fast) == set(slow)
    for tokens, (acoustic, kept, words) in slow.items():
        assert fast[tokens].acoustic == pytest.approx(acoustic, abs=1e-9)
        assert fast[tokens].boost == pytest.approx(kept, abs=1e-9)
        assert fast[tokens].lm == pytest.approx(words, abs=1e-9)


@given(seed=st.integers(0, 10**6), phrases=phrase_lists)
@settings(max_examples=40)
def test_weight_zero_equals_no_list(seed, phrases):
    log_probs = random_log_probs(seed, 10, 5)
    starts = np.array([True, False, True, False])
    without = BeamSearch(starts).search(log_probs)
    trie = BoostingTrie(range(len(phrases)), list(phrases), list(phrases.values()), 4)
    assert BeamSearch(starts, boost=BoostOptions(weight=0.0), trie=trie).search(log_probs) == without
    zero = BoostingTrie(range(len(phrases)), list(phrases), [0.0] * len(phrases), 4)
    assert BeamSearch(starts, trie=zero).search(log_probs) == without


@given(seed=st.integers(0, 10**6), phrases=phrase_lists, order=st.randoms())
@settings(max_examples=40)
def test_list_order_changes_nothing(seed, phrases, order):
    log_probs = random_log_probs(seed, 10, 5)
    starts = [True, False, True, False]
    shuffled = list(phrases.items())
    order.shuffle(shuffled)
    options, boost = BeamOptions(beam_width=20), BoostOptions()
    assert fast_search(log_probs, phrases, starts, options, boost) == fast_search(
        log_probs, dict(shuffled), starts, options, boost
    )


def test_unmatched_hypotheses_net_zero_and_completed_ones_keep_their_credit():
    starts = np.array([True, False, True])
    trie = BoostingTrie([0], [(0, 1)], [1.0], 3)
    log_probs = random_log_probs(5, 8, 4)
    boost = BoostOptions(gap_scale=0.5, token_bonus=1.0, max_blank=1.0)
    for hypothesis in BeamSearch(starts, WIDE, boost, trie).search(log_probs):
        words = "".join(map(str, hypothesis.tokens)).replace("0", " 0").replace("2", " 2").split()
        assert (hypothesis.boost > 0) == ("01" in words), hypothesis.tokens


def test_what_a_phrase_lends_is_not_the_end_of_all_that_goes_on_without_it():
    """The phrase's last token never comes; with its loan the others were far behind, without it there is none."""
    phrase, own, rest = (0, 1, 2, 3, 4), (5, 6, 5, 6), (7, 5, 7, 5)
    probs = np.full((len(own) + len(rest), 9), 1e-4)
    for frame, token in enumerate((*own, *rest)):
        probs[frame, token] = 0.99
        if frame < len(own):
            probs[frame, phrase[frame]] = 0.008
    log_probs = np.log(probs / probs.sum(axis=1, keepdims=True))
    trie = BoostingTrie([0], [phrase], [1.0], 8)
    starts = np.array([token in (0, 5, 7) for token in range(8)])
    (best, *_) = BeamSearch(starts, BeamOptions(), BoostOptions(weight=3.0), trie).search(log_probs)
    assert best.tokens == (*own, *rest) and best.boost == 0


class Known:
    """A language model that knows some words, and for which all others cost 18, once they have ended."""

    def get_start_state(self):
        return ()

    def score(self, state, word, is_last_word=False):
        return 0.0 if word in ("z", "w") else -18.0, state

    def score_partial_token(self, text):
        return 0.0


def test_what_an_unknown_word_costs_is_not_the_end_of_all_that_follows_it():
    """Every hypothesis is inside the word when the next one comes; to stay there costs 7, to pay for it 18."""
    said = (0, 1, 2, 3, 2, 3)
    probs = np.full((len(said), 5), 1e-6)
    probs[2:, -1], probs[range(len(said)), said] = 1e-3, 0.99  # the unknown word is surely there
    log_probs = np.log(probs / probs.sum(axis=1, keepdims=True))
    scorer = WordScorer(Known(), ["▁x", "y", "▁z", "▁w"])
    (best, *_) = BeamSearch([True, False, True, True]).search(log_probs, scorer)
    assert best.tokens == said and best.lm == -18


def test_silence_spells_no_name():
    log_probs = np.log(np.full((20, 4), 0.001 / 3))
    log_probs[:, 3] = np.log(0.999)
    trie = BoostingTrie([0], [(0, 1)], [1.0], 3)
    boost = BoostOptions(weight=50.0, token_bonus=10.0, max_gap=100.0)
    best = BeamSearch(np.array([True, False, True]), boost=boost, trie=trie).search(log_probs)[0]
    assert best.tokens == ()


def hiss(frames, size=40, seed=1):
    """Log-probs in which nothing is heard, but every token a little in every frame."""
    rng = np.random.default_rng(seed)
    tokens = rng.dirichlet(np.full(size, 5.0), size=frames) * 0.15
    return np.log(np.concatenate([tokens, np.full((frames, 1), 0.85)], axis=1))


@pytest.mark.parametrize("tokens", [(0, 1, 2, 3), (4, 5), (6,)])
def test_hiss_spells_no_name_however_long(tokens, monkeypatch):
    log_probs, trie = hiss(400), BoostingTrie([0], [tokens], [1.0], 40)
    search = BeamSearch(np.arange(40) % 4 == 0, trie=trie)
    assert all(hypothesis.boost == 0 for hypothesis in search.search(log_probs))
    # Beside speech, and without the rule, it would.
    monkeypatch.setattr(beam_search, "NEARBY", 400)
    log_probs[200, :] = np.log(0.001)
    log_probs[200, 8] = np.log(0.96)
    assert search.search(log_probs)[0].boost > 0


def test_certain_blank_frames_at_either_end_change_nothing():
    log_probs = random_log_probs(3, 6, 4)
    blank = np.full((2, 4), -np.inf)
    blank[:, 3] = 0.0
    search = BeamSearch(np.ones(3, dtype=bool))
    plain = search.search(log_probs)
    padded = search.search(np.concatenate([blank, log_probs, blank]))
    assert [h.tokens for h in padded] == [h.tokens for h in plain]
    assert [h.score for h in padded] == pytest.approx([h.score for h in plain])


@given(seed=st.integers(0, 10**6), order=st.permutations(range(4)))
@settings(max_examples=30)
def test_renaming_tokens_renames_the_result(seed, order):
    log_probs = random_log_probs(seed, 8, 5)
    starts = np.array([True, False, True, False])
    plain = BeamSearch(starts).search(log_probs)
    renamed = BeamSearch(starts[order]).search(log_probs[:, [*order, 4]])
    back = {tuple(order[t] for t in h.tokens): h.score for h in renamed}
    assert back == pytest.approx({h.tokens: h.score for h in plain})


@pytest.mark.parametrize("width", [0, -3, 2.5])
def test_impossible_width_is_refused(width):
    with pytest.raises(SettingError, match="beam_width must be a whole number from 1 up"):
        BeamOptions(beam_width=width)


@pytest.mark.parametrize(("name", "value"), [("weight", -1), ("gap_scale", 1.5), ("max_gap", float("nan"))])
def test_impossible_boost_is_refused(name, value):
    with pytest.raises(SettingError, match=f"biasing.boost.{name}"):
        BoostOptions(**{name: value})
