import math

import pytest
from arpa import random_ngrams
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nemo_ctcbias.lm.boost_class import BoostClass
from nemo_ctcbias.lm.listed_words import ListedWords
from nemo_ctcbias.lm.word_model import LN10, WordModel

kenlm = pytest.importorskip("kenlm", reason="only kenlm scores words")

KNOWN = ("the", "ran", "new", "<boost>")
WORDS = ["the", "ran", "new", "york", "zelda", "fox"]  # three that the models know, three that they do not
texts = st.lists(st.sampled_from(WORDS), max_size=7)
phrases = st.dictionaries(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join), st.sampled_from([1.0, 0.5, 3.0, -1.0]),
    max_size=4,
)  # fmt: skip
seeds = st.integers(0, 40)
slow = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def walk(model, words, last=True):
    """Scores word by word and the states behind them."""
    state, scores = model.get_start_state(), []
    for index, word in enumerate(words):
        score, state = model.score(state, word, is_last_word=last and index == len(words) - 1)
        scores.append(score)
    return scores, state


def plain(total, words, model):
    """A log10 total as the weighted score of so many words."""
    return model.alpha * LN10 * total + model.beta * words


def reference(ngrams, offset, weights, weight, words):
    """log10 total of a text by the definition: words one by one, a finished phrase the better way as a whole.

    `history` is what the n-gram model is given: words, or the class token where the class was taken.
    """
    total, history, begun = 0.0, ["<s>"], []  # begun: (its words so far, what they cost, history before it)
    listed = {tuple(phrase.split()): w for phrase, w in weights.items() if w > 0}
    for word in words:
        before = list(history)
        lengthened = [((*seen, word), cost, start) for seen, cost, start in begun]
        possible = [*lengthened, ((word,), 0.0, before)]
        part_of = [one for one in possible if any(phrase[: len(one[0])] == one[0] for phrase in listed)]
        if word in ngrams.words:
            cost, history = ngrams.score(before, word), [*before, word]
        elif part_of:
            cost = ngrams.score(before, "<boost>") + weight + listed_weight(listed, (word,), part_of)
            history = [*before, "<boost>"]
        else:
            cost, history = ngrams.score(before, word) + offset, [*before, "<unk>"]
        part_of = [(seen, so_far + cost, start) for seen, so_far, start in part_of]
        ended = [
            (ngrams.score(start, "<boost>") + weight + listed_weight(listed, seen) - so_far, -place)
            for place, (seen, so_far, start) in enumerate(part_of)
            if seen in listed
        ]
        gain, place = max(ended, default=(0.0, 0))
        if gain > 0:
            history = [*part_of[-place][2], "<boost>"]
            part_of = [(s, c + gain, h) for s, c, h in part_of[: -place + 1]]
            cost += gain
        total += cost
        begun = part_of
    return total, history


def listed_weight(listed, phrase, part_of=None):
    if part_of is not None and not any(seen == phrase for seen, _, _ in part_of):
        return 0.0
    return math.log(listed[phrase]) / LN10 if phrase in listed else 0.0


@given(seed=seeds, words=texts, offset=st.sampled_from([-10.0, 0.0, -3.5]))
@slow
def test_an_empty_list_is_the_model_alone(make_model, seed, words, offset):
    model, _ = make_model(seed, unk_score_offset=offset, alpha=0.7, beta=0.4)
    wrapped = BoostClass(model, ListedWords([("zelda", 0.0), ("fox", -2.0)]), class_weight=3.0)
    assert walk(wrapped, words) == walk(model, words)
    for word in [*words, "z", "th", "thx"]:
        assert wrapped.score_partial_token(word) == model.score_partial_token(word)


@given(seed=seeds, words=texts, listed=phrases, weight=st.sampled_from([0.0, 2.0, -1.0]))
@slow
def test_scores_are_those_of_the_definition(make_model, seed, words, listed, weight):
    model, ngrams = make_model(seed, alpha=0.6, beta=0.3, unk_score_offset=-4.0)
    wrapped = BoostClass(model, ListedWords(listed.items()), class_weight=weight)
    expected, history = reference(ngrams, -4.0, listed, weight / LN10, words)
    scores, _ = walk(wrapped, words, last=False)
    assert sum(scores) == pytest.approx(plain(expected, len(words), model), abs=1e-4)
    if words:
        ended, state = walk(wrapped, words)
        assert isinstance(state, kenlm.State)
        end = ngrams.score(history, "</s>")
        assert sum(ended) == pytest.approx(plain(expected + end, len(words), model), abs=1e-4)


@given(seed=seeds, words=texts)
@slow
def test_a_class_of_one_word_is_that_word_in_the_place_of_the_class(make_model, seed, words):
    model, _ = make_model(seed)
    renamed, _ = make_model(seed, spell=lambda word: "zelda" if word == "<boost>" else word)
    wrapped = BoostClass(model, ListedWords([("zelda", 1.0)]))
    renamed._unigram_set = {*model._unigram_set, "zelda"}
    assert walk(wrapped, words)[0] == pytest.approx(walk(renamed, words)[0], abs=1e-6)


@given(seed=seeds, words=texts)
@slow
def test_listed_words_agree_with_kenlms_full_scores(make_model, seed, words):
    model, _ = make_model(seed, alpha=1.0, beta=0.0)
    wrapped = BoostClass(model, ListedWords([(word, 1.0) for word in ("york", "zelda", "fox")]))
    written = [word if word in KNOWN else "<boost>" for word in words]
    full = [log10 for log10, _, _ in model._kenlm_model.full_scores(" ".join(written), bos=True, eos=True)]
    scores, _ = walk(wrapped, words)
    assert sum(scores) == pytest.approx(LN10 * sum(full[: len(words)] + full[-1:] * bool(words)), abs=1e-4)


@given(seed=seeds, words=texts)
@slow
def test_probabilities_after_any_history_add_up_to_one(make_model, seed, words):
    model, _ = make_model(seed, alpha=1.0, beta=0.0, unk_score_offset=0.0)
    wrapped = BoostClass(model, ListedWords([("zelda", 1.0), ("fox", 0.0)]))
    state = walk(wrapped, words, last=False)[1]
    total = sum(10 ** (wrapped.score(state, w)[0] / LN10) for w in ("the", "ran", "new", "zelda", "unheard-of"))
    end = 10 ** model._get_raw_end_score(state)
    assert total + end == pytest.approx(1.0, abs=1e-4)


@given(seed=seeds, words=texts, listed=phrases, cut=st.integers(0, 7))
@slow
def test_a_state_says_all_about_what_came_before(make_model, seed, words, listed, cut):
    model, _ = make_model(seed)
    wrapped = BoostClass(model, ListedWords(listed.items()), class_weight=1.0)
    whole, _ = walk(wrapped, words)
    head, state = walk(wrapped, words[:cut], last=False)
    tail = []
    for index, word in enumerate(words[cut:]):
        score, state = wrapped.score(state, word, is_last_word=index == len(words) - cut - 1)
        tail.append(score)
    if words[cut:]:
        assert head + tail == pytest.approx(whole, abs=1e-6)


def test_a_known_word_takes_the_better_of_both(make_model):
    model, ngrams = make_model(3)
    listed = ListedWords([("ran", 1.0)])
    for weight in (-20.0, 20.0):
        wrapped = BoostClass(model, listed, class_weight=weight)
        score, state = wrapped.score(wrapped.get_start_state(), "ran")
        own, own_state = model.score(model.get_start_state(), "ran")
        if weight < 0:
            assert (score, state) == (own, own_state)
        else:
            chance = ngrams.score(["<s>"], "<boost>") + weight / LN10
            assert score == pytest.approx(plain(chance, 1, model), abs=1e-5)
            behind = kenlm.State()
            model._kenlm_model.BaseScore(model.get_start_state(), "<boost>", behind)
            assert state == behind


def test_unk_stands_in_where_the_model_has_no_class(make_model):
    model, ngrams = make_model(5, words=("the", "ran"))
    wrapped = BoostClass(model, ListedWords([("zelda", 1.0)]))
    start = model.get_start_state()
    assert wrapped.score(start, "zelda")[0] == pytest.approx(plain(ngrams.score(["<s>"], "<unk>"), 1, model), abs=1e-5)
    assert wrapped.score(start, "fox")[0] == model.score(start, "fox")[0] < wrapped.score(start, "zelda")[0]


def test_without_class_and_unk_listed_words_are_rare_words(tmp_path):
    ngrams = random_ngrams(1, ("the", "ran"), order=2)
    del ngrams.probs[("<unk>",)]
    path = tmp_path / "no_unk.arpa"
    path.write_text(ngrams.text())
    model = WordModel(kenlm.Model(str(path)), ["the", "ran"])
    wrapped = BoostClass(model, ListedWords([("zelda", 1.0)]))
    score = wrapped.score(model.get_start_state(), "zelda")[0]
    assert score == pytest.approx(plain(-6.0, 1, model))
    assert model.score(model.get_start_state(), "zelda")[0] < plain(-90, 1, model)


def test_beginnings_of_listed_words_are_not_unknown(make_model):
    model, _ = make_model(1)
    wrapped = BoostClass(model, ListedWords([("new york", 1.0), ("zelda", 1.0)]))
    for text in ("z", "zeld", "zelda", "yo", "th", ""):
        assert wrapped.score_partial_token(text) == 0.0
    for text in ("zeldas", "fo", "orky"):
        assert wrapped.score_partial_token(text) == model.score_partial_token(text) < 0


def test_the_start_of_a_phrase_gains_nothing_before_its_end(make_model):
    model, _ = make_model(2)
    wrapped = BoostClass(model, ListedWords([("new ran", 5.0)]), class_weight=10.0)
    alone, whole = walk(wrapped, ["new", "the"], last=False)[0], walk(wrapped, ["new", "ran"], last=False)[0]
    assert alone == walk(model, ["new", "the"], last=False)[0]
    assert sum(whole) > sum(walk(model, ["new", "ran"], last=False)[0])


def test_weights_of_phrases_are_logs_within_the_class(make_model):
    model, _ = make_model(2, alpha=1.0)
    start = model.get_start_state()
    one, three = (BoostClass(model, ListedWords([("zelda", w)])).score(start, "zelda")[0] for w in (1.0, 3.0))
    assert three - one == pytest.approx(1.0986, abs=1e-3)
