"""What a model spells, heard as phones: against pronunciations, plain formulas, and what the score makes of it."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.phones import Pronouncer
from nemo_ctcbias.phones.confusions import NOTHING, shipped_confusions
from nemo_ctcbias.phones.g2p import letters_of
from nemo_ctcbias.phones.phones import BLANK, PHONE_IDS, phone_ids
from nemo_ctcbias.phones.score import PHONE_PRIOR, PhraseScores
from nemo_ctcbias.phones.spelled_phones import FLOOR, TORN, UNSPELLED, SpelledPhones

PIECES = "<unk> ▁ ▁o kon k wo ko ▁to day ▁sup port er ▁port ▁the ▁fe e s ▁said ▁4 7 ' . [PAD]".split()
BPE = Vocabulary(PIECES)
CHARACTERS = Vocabulary([" ", *"abcdefghijklmnopqrstuvwxyz'"])
SPELLED, BY_LETTER = SpelledPhones(BPE), SpelledPhones(CHARACTERS)
WORDS = st.lists(st.sampled_from("support okonkwo night saoirse the thought siobhan a".split()), min_size=1, max_size=4)


def emitted(vocabulary, *places):
    """Log-probs [2 * places, V + 1]: a place is a piece, or pieces with their probabilities and no token the rest."""
    probs = np.full((2 * len(places), vocabulary.size + 1), 1e-7)
    probs[1::2, -1] = 1.0
    for at, place in enumerate(places):
        given = place if isinstance(place, dict) else {place: 1.0}
        for piece, p in given.items():
            probs[2 * at, vocabulary.pieces.index(piece)] += p
        probs[2 * at, -1] += 1 - sum(given.values())
    return np.log(probs / probs.sum(axis=1, keepdims=True))


def heard(*places):
    return SPELLED.hear(emitted(BPE, *places))


def scores(hearing, *phrases):
    return PhraseScores(Pronouncer(phrases)).best([hearing])


def pronounced(g2p, words):
    return [phone for word in words for phone in phone_ids(g2p.pronounce(word)[0][0]).tolist()]


@given(WORDS, st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_a_sure_transcript_sounds_as_its_words_do(g2p, words, random):
    pieces = [character for word in words for character in f" {word}"][1:]
    assert sounds_of(BY_LETTER.columns(emitted(CHARACTERS, *pieces))) == pronounced(g2p, words)
    cuts = [sorted({0, len(word), *random.sample(range(len(word)), k=len(word) // 2)}) for word in words]
    pieces = [
        ("▁" if start == 0 else "") + word[start:end]
        for word, places in zip(words, cuts, strict=True)
        for start, end in pairwise(places)
    ]
    vocabulary = Vocabulary(["▁", *sorted(set(pieces))])
    assert sounds_of(SpelledPhones(vocabulary).columns(emitted(vocabulary, *pieces))) == pronounced(g2p, words)


def sounds_of(columns):
    """The phones of a transcript without alternatives, each of which stands alone in every second column."""
    assert np.isclose(columns.weights[::2, NOTHING], 1, atol=1e-3).all()
    assert np.isclose(columns.weights[1::2].max(axis=1), 1, atol=1e-3).all()
    return columns.weights[1::2].argmax(axis=1).tolist()


@given(st.booleans(), st.integers(0, 12), st.floats(0.02, 0.5), st.integers(0, 2**16))
@settings(max_examples=60)
def test_columns_are_probabilities_and_likelihoods_their_formula(characters, frames, spread, seed):
    vocabulary, spelled = (CHARACTERS, BY_LETTER) if characters else (BPE, SPELLED)
    width = vocabulary.size + 1
    probs = np.random.default_rng(seed).dirichlet(np.full(width, spread), size=frames).reshape(frames, width)
    log_probs = np.log(probs + 1e-7)
    columns, hearing = spelled.columns(log_probs), spelled.hear(log_probs)
    count = len(columns.frames)
    assert count == 0 or count % 2 == 1
    weights = columns.weights.sum(axis=1)
    assert (np.isclose(weights, 1) | (weights == 0)).all() and np.isclose(weights[::2], 1).all()
    assert columns.frames.tolist() == sorted(columns.frames) and hearing.starts[-1] == count
    for t in range(frames):
        assert columns.frames[hearing.starts[t] : hearing.starts[t + 1]].tolist() == [t] * (columns.frames == t).sum()
    for edge, cost in ((columns.enter, hearing.enter), (columns.leave, hearing.leave)):
        assert (edge >= 0).all() and (edge <= 1 + 1e-9).all()
        assert cost == pytest.approx(np.log(np.maximum(edge, TORN)))
    known = shipped_confusions()
    for column, weight in enumerate(columns.weights):
        for phone in range(BLANK + 1):
            usual = 1.0 if phone == BLANK else known.usual[phone]
            said = sum(weight[was] * known.said[was, phone] for was in range(BLANK))
            said += weight[NOTHING] * (known.said[NOTHING, phone] if column % 2 else known.dropped[phone])
            said = max(said, FLOOR * usual) if weight.any() else usual
            ratio = np.log(said) if phone == BLANK else np.log(said / usual) - PHONE_PRIOR
            assert hearing.log_probs[column, phone] == pytest.approx(min(ratio, 0.0), abs=1e-6)


def test_alternatives_count_by_their_probability():
    before, sound, after = SPELLED.columns(emitted(BPE, "▁the", {"s": 0.6, "k": 0.3})).weights[-3:]
    assert sound[[PHONE_IDS["Z"], PHONE_IDS["K"], NOTHING]] == pytest.approx([0.6, 0.3, 0.1], abs=1e-3)
    assert before[NOTHING] == pytest.approx(1, abs=1e-3) == after[NOTHING]
    # "ko" has a sound more than "k", which is heard behind its own.
    *_, k, behind = SPELLED.columns(emitted(BPE, "▁the", {"k": 0.7, "ko": 0.3})).weights
    assert k[PHONE_IDS["K"]] == pytest.approx(1, abs=1e-3) and behind[NOTHING] == pytest.approx(0.7, abs=1e-3)


def test_what_is_written_is_heard_as_if_said_without_a_flaw():
    hearing = heard("▁the", "▁o", "kon", "k", "wo", "▁to", "day")
    listed = PhraseScores(Pronouncer(["okonkwo", "today", "the port"]))
    found, most = listed.best([hearing]), listed.most()
    assert (found[:2] > 0.8 * most[:2]).all() and (found <= most).all() and found[2] < 0.5 * most[2]


def test_what_is_misspelt_is_heard_better_than_anything_else():
    written = scores(heard("▁o", "kon", "k", "wo"), "okonkwo")[0]
    misspelt, *others = scores(heard("▁the", "▁o", "kon", "ko", "▁said"), "okonkwo", "saoirse", "parramatta", "wanda")
    assert max(others) + 4 < misspelt < written
    doubted = scores(heard("▁o", "kon", {"ko": 0.6, "k": 0.4}, {"wo": 0.4}), "okonkwo")[0]
    assert misspelt < doubted < written, "what the model thought of counts"


def test_what_nobody_can_pronounce_is_worth_nothing_and_costs_nothing(g2p):
    hearing = heard("▁the", "▁4", "7", "▁said")
    columns = SPELLED.columns(emitted(BPE, "▁the", "▁4", "7", "▁said"))
    unknown = np.flatnonzero(~columns.weights.any(axis=1))
    assert len(unknown) == 2 * UNSPELLED
    assert (hearing.log_probs[unknown, :BLANK] == -PHONE_PRIOR).all() and not hearing.log_probs[unknown, BLANK].any()
    number = {"text": "47", "pronunciations": ["F AO R T IY S"]}
    assert -0.5 < scores(hearing, number)[0] <= 0, "six sounds that may be anything"
    the, said = (" ".join(g2p.pronounce(word)[0][0]) for word in ("the", "said"))
    around = {"text": "the 47 said", "pronunciations": [f"{the} F AO R T IY S {said}"]}
    without = {"text": "the said", "pronunciations": [f"{the} {said}"]}
    assert scores(hearing, around)[0] == pytest.approx(scores(heard("▁the", "▁said"), without)[0], abs=0.5)


@pytest.mark.parametrize("mark", ["<unk>", "[PAD]", "'", ".", "▁"])
def test_marks_have_no_sound(mark):
    assert len(SPELLED.columns(emitted(BPE, mark)).weights) == 1
    plain, marked = (SPELLED.columns(emitted(BPE, "▁the", *between, "▁port")) for between in ([], [mark]))
    assert marked.weights == pytest.approx(plain.weights, abs=1e-3)


def test_inside_a_longer_word_both_torn_edges_are_paid_for():
    alone, inside = heard("▁the", "▁port", "▁the"), heard("▁sup", "port", "er")
    free = replace(inside, enter=np.zeros_like(inside.enter), leave=np.zeros_like(inside.leave))
    port = {"text": "port", "pronunciations": ["P AO R T"]}
    assert scores(inside, port) == pytest.approx(scores(free, port) + 2 * np.log(TORN))
    assert scores(inside, port)[0] < scores(alone, port)[0] - 6
    one = scores(heard("▁sup", "port"), port)[0]
    assert scores(inside, port)[0] < one < scores(alone, port)[0], "'support' ends where it does"


def edges(columns, phone):
    """Probability that a word begins with this phone, and that one ends with it."""
    at = columns.weights[:, PHONE_IDS[phone]].argmax()
    return columns.enter[at], columns.leave[at]


def test_words_end_where_what_comes_next_probably_begins_one():
    sure = SPELLED.columns(emitted(BPE, "▁to", "day", "▁said"))
    assert edges(sure, "D")[0] == 0 and edges(sure, "S") == pytest.approx((1, 0), abs=1e-3)
    assert edges(sure, "EY")[1] == pytest.approx(1, abs=1e-3)
    doubted = SPELLED.columns(emitted(BPE, "▁to", "day", {"s": 0.2}, "▁the"))
    assert edges(doubted, "EY")[1] == pytest.approx(0.8, abs=1e-2), "one in five has another sound"
    rivals = SPELLED.columns(emitted(BPE, "▁to", "day", {"▁port": 0.7, "port": 0.3}))
    assert (edges(rivals, "EY")[1], edges(rivals, "P")[0]) == pytest.approx((0.7, 0.7), abs=1e-2)


@pytest.mark.parametrize(("spelled", "pieces"), [(SPELLED, ["port"]), (BY_LETTER, [*"port"])])
def test_a_recording_begins_and_ends_with_a_word(spelled, pieces):
    vocabulary = BPE if spelled is SPELLED else CHARACTERS
    columns = spelled.columns(emitted(vocabulary, *pieces))
    assert columns.enter[1] == columns.leave[-2] == 1
    assert columns.leave[1:-2].max() < 1e-3 > columns.enter[3:].max()


def test_character_vocabularies_tell_words_by_their_spaces():
    hearing = BY_LETTER.hear(emitted(CHARACTERS, *"the okonkwo said"))
    listed = PhraseScores(Pronouncer(["okonkwo", "conquest"]))
    said, other = listed.best([hearing])
    assert said > 0.8 * listed.most()[0] and said > other + 10
    columns = BY_LETTER.columns(emitted(CHARACTERS, *"the said"))
    assert edges(columns, "S") == pytest.approx((1, 0), abs=1e-3)


def test_pieces_with_other_marks(g2p):
    vocabulary = Vocabulary(["▁Play", "##ing", "É"])
    columns = SpelledPhones(vocabulary).columns(emitted(vocabulary, "▁Play", "##ing"))
    assert sounds_of(columns) == pronounced(g2p, ["playing"]) and letters_of("É") == "e"


def test_nothing_is_heard_in_letters_that_nobody_can_pronounce():
    vocabulary = Vocabulary(["▁при", "вет", "▁", "7"])
    mute = SpelledPhones(vocabulary)
    assert mute.mute and not SPELLED.mute and not BY_LETTER.mute
    hearing = mute.hear(emitted(vocabulary, "▁при", "вет"))
    found = scores(hearing, "привет", "port")
    assert np.isnan(found[0]) and found[1] <= 0, "without a score it is always listened for"


def test_silence():
    for log_probs in (np.zeros((0, BPE.size + 1)), emitted(BPE, {"k": 0.0}, {"s": 0.05})):
        hearing = SPELLED.hear(log_probs)
        assert hearing.log_probs.shape == (0, BLANK + 1) and hearing.starts.tolist() == [0] * (len(log_probs) + 1)
        assert scores(hearing, "port").tolist() == [-np.inf]


def test_what_is_heard_depends_on_nothing_heard_before():
    one, other = emitted(BPE, "▁o", "kon", "ko"), emitted(BPE, "▁sup", {"port": 0.6, "k": 0.2}, "er")
    fresh = SpelledPhones(BPE)
    first = [fresh.hear(one), fresh.hear(other), fresh.hear(one)]
    again = [SPELLED.hear(each) for each in (other, one)]
    for a, b in ((first[0], first[2]), (first[0], again[1]), (first[1], again[0])):
        for name in ("log_probs", "starts", "enter", "leave"):
            assert np.array_equal(getattr(a, name), getattr(b, name))


def test_confusions_say_what_may_have_been_said():
    even = np.full((BLANK + 1, BLANK + 1), 1 / (BLANK + 1))
    deaf = replace(shipped_confusions(), said=even, usual=np.full(BLANK, 1 / BLANK))
    hearing = SpelledPhones(BPE, confusions=deaf).hear(emitted(BPE, "▁port"))
    assert np.ptp(hearing.log_probs[1, :BLANK]) < 1e-6, "who confuses everything hears nothing"
    assert scores(hearing, "port")[0] < 1 < scores(heard("▁port"), "port")[0]
