import importlib
import json
import math
import multiprocessing
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import exhaustive

from nemo_ctcbias.bias_list import BiasList, Phrase, Vocabulary
from nemo_ctcbias.errors import BiasListError, MissingDependencyError, ModelError, SettingError
from nemo_ctcbias.lm.boost_class import BoostClass
from nemo_ctcbias.lm.listed_words import ListedWords
from nemo_ctcbias.lm.options import BOOST_SHARE, CLASS_PRIOR
from nemo_ctcbias.search.beam_search import BeamOptions
from nemo_ctcbias.search.boosting import BoostOptions
from nemo_ctcbias.search.result import BiasedBeam

pytest.importorskip("pyctcdecode", reason="the decoder has its interface, and is compared with it")
from pyctcdecode import Alphabet, BeamSearchDecoderCTC, LanguageModel, build_ctcdecoder
from pyctcdecode.language_model import MultiLanguageModel

from nemo_ctcbias.search.hotword_decoder import HotwordBeamDecoder

CHARS = [" ", *"abcdefghijklmnopqrstuvwxyz'", ""]
PIECES = ["<unk>", "▁", "▁i", "▁ran", "▁the", "▁new", "▁y", "ran", "k", "ork", "s", "n", "t", "▁run", "▁an", ""]
# pyctcdecode splits the words of all hypotheses where a frame makes one of these possible.
SOUND = [piece for piece in PIECES if piece not in ("<unk>", "▁")]
LABELS = {"char": CHARS, "bpe": PIECES}
MILD = BoostOptions(gap_scale=0.6, token_bonus=0.8, max_gap=6.0, max_blank=0.9, first_token=1.0)


def greedy_tokens(text, labels):
    """Some token sequence that spells the text: the longest label first."""
    rest = text if labels is CHARS else "".join("▁" + word for word in text.split())
    tokens = []
    while rest:
        label = max((label for label in labels if label and rest.startswith(label)), key=len)
        tokens.append(labels.index(label))
        rest = rest[len(label) :]
    return tokens


def peaky(tokens, labels, probability=0.999, seed=0, frames=2):
    """Log-probs [T, V] that spell the tokens, a blank after each; the rest of the mass is spread at random."""
    rng = np.random.default_rng(seed)
    blank = labels.index("")
    rows = []
    for token in tokens:
        for label in [token] * frames + [blank]:
            row = rng.dirichlet(np.ones(len(labels)) * 0.3) * (1 - probability)
            row[label] += probability
            rows.append(row)
    return np.log(np.array(rows).reshape(-1, len(labels)) + 1e-12)


def spoken(text, labels, **settings):
    return peaky(greedy_tokens(text, labels), labels, **settings)


def between(first, second, labels, share=0.6):
    """Log-probs of two texts of equally many tokens, the first a little likelier where they differ."""
    mix = math.log(share), math.log(1 - share)
    one, other = (spoken(text, labels, probability=0.999, frames=1) for text in (first, second))
    return np.logaddexp(one + mix[0], other + mix[1])


@pytest.fixture(params=["char", "bpe"])
def labels(request):
    return LABELS[request.param]


# --- pyctcdecode's interface


def test_interface_is_pyctcdecodes(labels):
    decoder = HotwordBeamDecoder.from_labels(labels)
    assert isinstance(decoder, BeamSearchDecoderCTC)
    logits = spoken("the ran", labels)
    assert decoder.decode(logits) == "the ran"
    assert decoder.decode(logits, 10, -20.0, -10.0, ["ran"], 5.0, None) == "the ran"
    beams = decoder.decode_beams(logits, 10, -20.0, -10.0, False, ["ran"], 5.0, None)
    for text, lm_state, frames, logit_score, score in beams:
        assert isinstance(text, str) and lm_state is None
        assert [word for word, _ in frames] == text.split()
        assert isinstance(logit_score, float) and logit_score <= 1e-9 and score >= logit_score
    assert len(beams) <= 10 and beams[0][0] == "the ran"
    assert [beam[4] for beam in beams] == sorted((beam[4] for beam in beams), reverse=True)
    assert len({beam.text for beam in beams}) == len(beams)


def test_batches_in_this_process_and_in_others(labels):
    decoder = HotwordBeamDecoder.from_labels(labels, boost=MILD)
    batch = [between("the run", "the ran", labels), spoken("ran", labels), np.zeros((0, len(labels)))]
    expected = [decoder.decode(logits, hotwords=["ran"]) for logits in batch]
    assert expected == ["the ran", "ran", ""]
    assert decoder.decode_batch(None, batch, hotwords=["ran"]) == expected
    beams = decoder.decode_beams_batch(None, batch, hotwords=["ran"])
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert decoder.decode_batch(pool, batch, hotwords=(text for text in ["ran"])) == expected
        assert decoder.decode_beams_batch(pool, batch, hotwords=["ran"]) == beams
    assert [many[0][0] for many in beams] == expected
    assert json.loads(json.dumps(beams[1][0][1])) == [["ran", [0, beams[1][0][1][0][1][1]]]]


def test_the_decoders_own_options_act_in_every_call(labels):
    logits = between("the run", "the ran", labels)
    narrow = HotwordBeamDecoder.from_labels(labels, beam=BeamOptions(beam_width=1), boost=MILD)
    assert len(narrow.decode_beams(logits)) == 1 < len(narrow.decode_beams(logits, beam_width=50))
    assert len(narrow.decode_beams_batch(None, [logits])[0]) == 1
    off = HotwordBeamDecoder.from_labels(labels, boost=BoostOptions(weight=0.0))
    assert off.decode(logits, hotwords=["ran"]) == off.decode_batch(None, [logits], hotwords=["ran"])[0] == "the run"


@pytest.mark.parametrize("blank", [0, 5, -1])
def test_the_blank_may_stand_anywhere(blank, labels):
    order = [label for label in labels if label]
    order.insert(blank % (len(order) + 1), "")
    logits = spoken("the ran", labels)
    moved = logits[:, [labels.index(label) for label in order]]
    decoder, usual = HotwordBeamDecoder.from_labels(order), HotwordBeamDecoder.from_labels(labels)
    one, other = (d.decode_beams(x, hotwords=["ran"])[0] for d, x in ((decoder, moved), (usual, logits)))
    assert one.text == other.text == "the ran" and one.score == pytest.approx(other.score)
    assert one[2] == other[2]
    assert HotwordBeamDecoder(Alphabet.build_alphabet(order)).decode(moved) == "the ran"


def test_blank_as_pyctcdecode_recognises_it():
    labels = ["[PAD]", "|", *"rant"]
    spelled = [labels.index(c) for c in "ran|tan"]
    rows = np.full((2 * len(spelled), len(labels)), -9.0)
    rows[np.arange(len(rows)), [label for token in spelled for label in (token, 0)]] = 0.0
    assert HotwordBeamDecoder.from_labels(labels).decode(rows) == build_ctcdecoder(labels).decode(rows) == "ran tan"


@given(seed=st.integers(0, 10**6), kind=st.sampled_from(["char", "bpe"]), length=st.integers(1, 12))
@settings(max_examples=60)
def test_without_hotwords_the_best_text_is_pyctcdecodes(seed, kind, length):
    labels = CHARS if kind == "char" else SOUND
    usable = [index for index, label in enumerate(labels) if label]
    tokens = np.random.default_rng(seed).choice(usable, size=length)
    logits = peaky(tokens.tolist(), labels, probability=0.9, seed=seed)
    ours = HotwordBeamDecoder.from_labels(labels).decode_beams(logits)[0]
    theirs = build_ctcdecoder(labels).decode_beams(logits)[0]
    assert ours[0] == theirs[0]
    # They add up the paths that end in one text while searching, we afterwards; both prune the rest.
    assert ours[3] == pytest.approx(theirs[3], abs=0.1) and ours[4] == ours[3]


@given(seed=st.integers(0, 10**6), frames=st.integers(1, 5))
@settings(max_examples=30)
def test_token_sequences_of_one_text_add_up(seed, frames):
    labels = ["▁a", "a", "▁aa", ""]
    logits = np.random.default_rng(seed).normal(size=(frames, len(labels)))
    log_probs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    decoder = HotwordBeamDecoder.from_labels(labels, beam=BeamOptions(10_000, -1e9, -1e9))
    expected = {}
    for tokens, score in exhaustive(log_probs).items():
        text = decoder.vocabulary.decode(tokens)
        expected[text] = np.logaddexp(expected.get(text, -np.inf), score)
    assert {beam.text: beam.acoustic for beam in decoder.decode_beams(log_probs)} == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["char", "bpe"])
def test_frames_of_words_are_pyctcdecodes(kind):
    labels = CHARS if kind == "char" else SOUND
    logits = spoken("the ran new york", labels, probability=0.999)
    ours = HotwordBeamDecoder.from_labels(labels).decode_beams(logits)[0][2]
    theirs = build_ctcdecoder(labels).decode_beams(logits)[0][2]
    assert ours == theirs and theirs == ours and repr(ours) == repr([(w, tuple(map(int, f))) for w, f in theirs])
    assert len(ours) == 4 and ours[0][1][0] == 0 and ours[-1][0] == "york" and ours[1:3] == list(ours)[1:3]


def test_decoders_are_saved_and_loaded_as_pyctcdecodes(labels, tmp_path):
    HotwordBeamDecoder.from_labels(labels).save_to_dir(str(tmp_path))
    again = HotwordBeamDecoder.load_from_dir(str(tmp_path))
    assert type(again) is HotwordBeamDecoder
    assert again.decode(spoken("the ran", labels), hotwords=["ran"]) == "the ran"


def test_probabilities_logits_and_log_probs_are_one(labels):
    logits = between("the run", "the ran", labels)
    decoder = HotwordBeamDecoder.from_labels(labels)
    expected = decoder.decode_beams(logits, hotwords=["ran"])[0]
    for same in (np.exp(logits), logits + 7.0, logits.astype(np.float32), (logits - logits.max()) * 1.0):
        found = decoder.decode_beams(same, hotwords=["ran"])[0]
        assert found.text == expected.text and found.score == pytest.approx(expected.score, abs=1e-3)


def test_certain_frames_with_probabilities_of_zero(labels):
    rows = np.zeros((6, len(labels)))
    rows[np.arange(6), [labels.index(x) for x in (labels[3], "", labels[4], labels[4], "", labels[3])]] = 1.0
    decoder = HotwordBeamDecoder.from_labels(labels)
    expected = build_ctcdecoder(labels).decode(rows)
    assert decoder.decode(rows) == decoder.decode(rows, hotwords=["ran"]) == expected
    with np.errstate(divide="ignore"):
        assert decoder.decode(np.log(rows)) == expected


@pytest.mark.parametrize("shape", [(4,), (4, 3), (2, 4, 17)])
def test_wrong_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="Input logits"):
        HotwordBeamDecoder.from_labels(PIECES).decode(np.zeros(shape))


@pytest.mark.parametrize("broken", [[np.nan, 0.0], [np.inf, 0.0], [-np.inf, -np.inf]])
def test_log_probs_that_are_not_numbers_are_refused(broken):
    logits = spoken("ran", PIECES)
    logits[1] = np.resize(broken, len(PIECES))
    with pytest.raises(ModelError, match="frame 1: the model's log-probs are not numbers; run it in full precision"):
        HotwordBeamDecoder.from_labels(PIECES).decode(logits, hotwords=["ran"])


def test_a_limit_returns_the_first_of_all(labels):
    decoder, logits = HotwordBeamDecoder.from_labels(labels), np.random.default_rng(4).normal(size=(9, len(labels)))
    every = decoder.decode_beams(logits, hotwords=["ran"])
    few = decoder.decode_beams(logits, hotwords=["ran"], limit=3)
    assert len(every) > 3 == len(few)
    assert [(beam.text, beam.score, beam.tokens) for beam in few] == [(b.text, b.score, b.tokens) for b in every[:3]]
    assert decoder.decode(logits, hotwords=["ran"]) == every[0].text


def test_wrong_hotwords_and_options_are_refused():
    decoder, logits = HotwordBeamDecoder.from_labels(PIECES), spoken("ran", PIECES)
    with pytest.raises(BiasListError, match=r"got the string 'ran'; pass \['ran'\]"):
        decoder.decode(logits, hotwords="ran")
    with pytest.raises(SettingError, match="beam_width must be a whole number"):
        decoder.decode(logits, beam_width=0)
    with pytest.raises(SettingError, match="weight: must be a number from 0 up"):
        decoder.decode(logits, hotwords=["ran"], hotword_weight=-3)


# --- hotwords


def test_hotwords_win_where_the_audio_leaves_room(labels):
    decoder = HotwordBeamDecoder.from_labels(labels, boost=MILD)
    logits = between("the run", "the ran", labels)
    assert decoder.decode(logits) == "the run"
    for hotwords in (["ran"], ("the ran", "york"), BiasList([Phrase("ran")]), iter(["ran"]), {"ran"}):
        assert decoder.decode(logits, hotwords=hotwords) == "the ran"
    assert decoder.decode(logits, hotwords=["the run", Phrase("ran", 0.0)]) == "the run"
    assert decoder.decode(logits, hotwords=[Phrase("run", 0.1), Phrase("ran", 3.0)]) == "the ran"
    assert decoder.decode(logits, hotwords=[Phrase("run", 3.0), Phrase("ran", 0.1)]) == "the run"


def test_negative_weights_suppress(labels):
    decoder = HotwordBeamDecoder.from_labels(labels, boost=MILD)
    logits = between("the run", "the ran", labels)
    beams = decoder.decode_beams(logits, hotwords=[Phrase("run", -1.0)])
    assert beams[0].text == "the ran" and beams[0].boost == 0 and not beams[0].hits
    assert all(beam.boost < 0 for beam in beams if "run" in beam.words)


def test_weight_zero_is_no_list(labels):
    decoder = HotwordBeamDecoder.from_labels(labels, boost=MILD)
    logits = between("the run", "the ran", labels)
    plain = decoder.decode_beams(logits)
    hotwords = [Phrase("ran", display="RAN"), Phrase("run", display="RUN"), Phrase("the", -1.0)]
    for settings_ in ({"hotwords": hotwords, "hotword_weight": 0}, {"hotwords": []}, {"hotword_weight": 50.0}):
        found = decoder.decode_beams(logits, **settings_)
        assert [tuple(beam) for beam in found] == [tuple(beam) for beam in plain]
        assert not any(beam.hits for beam in found)


def test_hotword_weight_scales_the_boost(labels):
    decoder = HotwordBeamDecoder.from_labels(labels)
    logits = spoken("the ran", labels)
    boosts = [decoder.decode_beams(logits, hotwords=["ran"], hotword_weight=w)[0].boost for w in (5, 10, 20)]
    assert 0 < boosts[0] and boosts[1] == pytest.approx(2 * boosts[0]) and boosts[2] == pytest.approx(4 * boosts[0])
    assert decoder.decode_beams(logits, hotwords=["ran"])[0].boost == pytest.approx(boosts[1])


@given(seed=st.integers(0, 10**6), kind=st.sampled_from(["char", "bpe"]))
@settings(max_examples=60)
def test_boost_goes_to_whole_words_alone(seed, kind):
    labels = LABELS[kind]
    rng = np.random.default_rng(seed)
    texts = ["iran", "rank", "ran", "the ran", "i ran", "ran k", "rans", "irank", "the iran"]
    first, second = rng.choice(texts, size=2)
    one, other = spoken(first, labels, probability=0.8, seed=seed), spoken(second, labels, probability=0.8, seed=seed)
    frames = max(len(one), len(other))
    silence = np.full((frames, len(labels)), np.log(0.01 / len(labels)))
    silence[:, labels.index("")] = np.log(0.99)
    one, other = (np.concatenate([x, silence[len(x) :]]) for x in (one, other))
    logits = np.logaddexp(one, other) - math.log(2)
    for beam in HotwordBeamDecoder.from_labels(labels, boost=MILD).decode_beams(logits, hotwords=["ran"]):
        said = [word for word in beam.words if word in ("ran", "ran's", "ran'")]
        assert beam.boost == 0 or (beam.boost > 0 and said), beam
        assert len(beam.hits) == len(said)


def test_ran_does_not_fire_inside_other_words(labels):
    decoder = HotwordBeamDecoder.from_labels(labels, boost=MILD)
    for text in ("iran", "rank", "the iran", "rans"):
        beam = decoder.decode_beams(spoken(text, labels), hotwords=["ran"])[0]
        assert beam.text == text and beam.boost == 0 and beam.hits == []


def test_phrases_of_several_words_and_written_forms(labels):
    decoder = HotwordBeamDecoder.from_labels(labels, boost=MILD)
    hotwords = [Phrase("New York", spoken=("new york",), display="New York (NY)"), Phrase("RAN", 1.5)]
    beam = decoder.decode_beams(spoken("the new york ran", labels), hotwords=hotwords)[0]
    assert isinstance(beam, BiasedBeam)
    assert beam.text == beam[0] == "the New York (NY) RAN"
    assert beam.words == ["the", "new", "york", "ran"] and [word for word, _ in beam[2]] == beam.words
    assert [(hit.phrase, hit.first_word, hit.last_word) for hit in beam.hits] == [
        ("New York (NY)", 1, 3),
        ("RAN", 3, 4),
    ]
    frames = dict(beam[2])
    for hit, words in zip(beam.hits, (("new", "york"), ("ran", "ran")), strict=True):
        assert (hit.start, hit.end) == (frames[words[0]][0], frames[words[1]][1])
    assert sum(hit.score for hit in beam.hits) == pytest.approx(beam.boost)
    half = decoder.decode_beams(spoken("the new ran", labels), hotwords=["new york"])[0]
    assert half.text == "the new ran" and half.boost == 0


def test_hits_tell_what_greedy_decoding_heard(labels):
    decoder = HotwordBeamDecoder.from_labels(labels, boost=MILD)
    beam = decoder.decode_beams(between("the run", "the ran", labels), hotwords=["ran"])[0]
    (hit,) = beam.hits
    assert (hit.phrase, hit.base_text, hit.technique) == ("ran", "run", "hotword") and hit.score > 0


def test_hits_tell_what_an_adapter_did(labels):
    base, adapted = between("the run", "the ran", labels, 0.9), between("the ran", "the run", labels, 0.9)
    decoder = HotwordBeamDecoder.from_labels(labels, boost=MILD)
    listed = decoder.compile(BiasList(["ran"]))
    beam = decoder.search.beams(adapted, listed, weight=0.1, base_log_probs=base)[0]
    (hit,) = beam.hits
    assert (hit.phrase, hit.technique, hit.base_text) == ("ran", "adapter", "run")
    inside = np.arange(int(hit.start), int(hit.end)), beam.path[int(hit.start) : int(hit.end)]
    assert hit.parts["acoustic"] == pytest.approx(base[inside].sum())
    assert hit.parts["adapter"] == pytest.approx((adapted - base)[inside].sum())
    assert hit.score == pytest.approx(hit.parts["adapter"] + hit.parts["hotword"])
    assert hit.confidence == pytest.approx(0.9, abs=0.01)


def test_an_adapter_that_changes_nothing_has_no_part_in_hits(labels):
    base = between("the run", "the ran", labels)
    decoder = HotwordBeamDecoder.from_labels(labels, boost=MILD)
    listed = decoder.compile(BiasList(["ran"]))
    beam = decoder.search.beams(base, listed, base_log_probs=base.astype(np.float32) + 1e-6)[0]
    assert [hit.phrase for hit in beam.hits] == ["ran"] and "adapter" not in beam.hits[0].parts


def test_hits_tell_what_the_class_of_listed_words_did(labels, language_model):
    logits = between("the run", "the ran", labels)
    silent = BoostOptions(gap_scale=0.0, token_bonus=0.0)
    decoder = HotwordBeamDecoder.from_labels(labels, language_model, boost=silent, class_weight=9.0)
    beam = decoder.decode_beams(logits, hotwords=["ran"])[0]
    wrapped = BoostClass(language_model, ListedWords([("ran", 1.0)]), class_weight=9.0)
    (hit,) = beam.hits
    assert hit.technique == "lm" and "hotword" not in hit.parts
    assert hit.parts["lm"] == pytest.approx(lm_score(wrapped, "the ran") - lm_score(language_model, "the ran"))


@pytest.mark.parametrize("extra", [0, 210])
def test_the_class_is_shared_among_the_phrases_of_long_lists(labels, language_model, extra):
    listed = ["zelda", *(f"x{'abcdef'[i % 6]}{'uvwxyz'[i // 6 % 6]}{'klmnop'[i // 36]}" for i in range(extra))]
    decoder = HotwordBeamDecoder.from_labels(CHARS, language_model, class_weight=2.0, list_cost=1.5)
    beam = decoder.decode_beams(spoken("the zelda", CHARS), hotwords=listed)[0]
    weight = 2.0 - CLASS_PRIOR * 1.5 * math.log(max(1.0, len(listed) / 100))
    wrapped = BoostClass(language_model, ListedWords((word, 1.0) for word in listed), class_weight=weight)
    assert beam.text == "the zelda" and beam.lm == pytest.approx(lm_score(wrapped, "the zelda"))


def test_path_collapses_to_the_tokens(labels):
    beam = HotwordBeamDecoder.from_labels(labels).decode_beams(spoken("the ran", labels))[0]
    blank = len(labels) - 1
    collapsed = [t for t, before in zip(beam.path, [blank, *beam.path], strict=False) if t not in (before, blank)]
    assert tuple(collapsed) == beam.tokens == tuple(greedy_tokens("the ran", labels))


def test_silence_and_nothing_at_all(labels):
    decoder = HotwordBeamDecoder.from_labels(labels, boost=MILD)
    silence = np.full((50, len(labels)), -20.0)
    silence[:, labels.index("")] = 0.0
    for logits in (silence, silence[:0]):
        beam = decoder.decode_beams(logits, hotwords=["ran"])[0]
        assert beam.text == "" and beam[2] == [] and beam.hits == []


def test_unknown_pieces_are_never_written():
    logits = np.full((3, len(PIECES)), -9.0)
    logits[:, PIECES.index("<unk>")] = 0.0
    logits[:, PIECES.index("▁ran")] = -2.0
    for decoder in (
        HotwordBeamDecoder.from_labels(PIECES),
        HotwordBeamDecoder.from_vocabulary(Vocabulary(PIECES[:-1])),
    ):
        assert "unk" not in decoder.decode(logits) and "⁇" not in decoder.decode(logits)


# --- language model

ARPA = """\\data\\
ngram 1=7
ngram 2=3

\\1-grams:
-2.0\t<unk>
0\t<s>\t-0.3
-1.0\t</s>
-1.0\tthe\t-0.3
-2.5\tran\t-0.3
-0.8\trun\t-0.3
-1.5\tiran\t-0.3

\\2-grams:
-0.1\tthe ran
-2.5\tthe run
-0.3\t<s> the

\\end\\
"""


@pytest.fixture(scope="module")
def arpa(tmp_path_factory):
    path = tmp_path_factory.mktemp("lm") / "tiny.arpa"
    path.write_text(ARPA)
    return path


@pytest.fixture
def language_model(arpa):
    kenlm = pytest.importorskip("kenlm", reason="only kenlm scores words")

    return LanguageModel(kenlm.Model(str(arpa)), ["the", "ran", "run", "iran"], alpha=0.8, beta=0.5)


def lm_score(model, text):
    state, total = model.get_start_state(), 0.0
    words = text.split()
    for index, word in enumerate(words):
        score, state = model.score(state, word, is_last_word=index == len(words) - 1)
        total += score
    return total


def test_language_model_changes_the_result_as_in_pyctcdecode(labels, language_model, arpa):
    logits = between("the run", "the ran", labels)
    ours = HotwordBeamDecoder.from_labels(labels, language_model)
    theirs = build_ctcdecoder(labels, str(arpa), ["the", "ran", "run", "iran"], alpha=0.8, beta=0.5)
    assert HotwordBeamDecoder.from_labels(labels).decode(logits) == "the run"
    assert ours.decode(logits) == theirs.decode(logits) == "the ran"
    one, other = ours.decode_beams(logits)[0], theirs.decode_beams(logits)[0]
    assert one[3] == pytest.approx(other[3], abs=0.01) and one[4] == pytest.approx(other[4], abs=0.01)


def test_scores_add_up(labels, language_model):
    decoder = HotwordBeamDecoder.from_labels(labels, language_model, boost=MILD, class_weight=None)
    logits = between("the run", "the ran", labels)
    without = {beam.tokens: beam.acoustic for beam in HotwordBeamDecoder.from_labels(labels).decode_beams(logits)}
    beams = decoder.decode_beams(logits, hotwords=["ran", Phrase("run", -1.0)], beam_prune_logp=-50.0)
    assert len(beams) > 1
    for beam in beams:
        assert beam[4] == beam.score == pytest.approx(beam.acoustic + beam.lm + beam.boost)
        assert beam[3] == beam.acoustic
        assert beam.lm == pytest.approx(lm_score(language_model, " ".join(beam.words)))
        if beam.tokens in without:
            assert beam.acoustic == pytest.approx(without[beam.tokens], abs=0.1)


def test_listed_words_are_scored_through_the_class(labels, language_model):
    decoder = HotwordBeamDecoder.from_labels(labels, language_model, boost=MILD, class_weight=1.0)
    wrapped = BoostClass(language_model, ListedWords([("ran", 1.0), ("new york", 1.0)]), class_weight=1.0)
    logits = between("the run", "the ran", labels)
    for hotwords in (["ran", "new york"], ["ran", "new york", Phrase("run", -1.0), Phrase("the", 0.0)]):
        for beam in decoder.decode_beams(logits, hotwords=hotwords, beam_prune_logp=-50.0):
            assert beam.score == pytest.approx(beam.acoustic + beam.lm + beam.boost)
            assert beam.lm == pytest.approx(lm_score(wrapped, " ".join(beam.words)))
    unknown = decoder.decode_beams(spoken("new york", labels), hotwords=["ran", "new york"], beam_prune_logp=-50.0)[0]
    assert unknown.text == "new york" and unknown.lm == pytest.approx(lm_score(wrapped, "new york"))
    assert unknown.lm > lm_score(language_model, "new york")


def test_next_to_the_class_the_boost_has_its_share(labels, language_model):
    logits, boosts = spoken("the ran", labels), {}
    for weight in (None, 0.0):
        decoder = HotwordBeamDecoder.from_labels(labels, language_model, class_weight=weight)
        boosts[weight] = decoder.decode_beams(logits, hotwords=["ran"])[0].boost
    assert boosts[0.0] == pytest.approx(BOOST_SHARE * boosts[None]) and boosts[0.0] > 0


def test_other_language_models_than_kenlms_are_left_as_they_are(labels, language_model):
    both = MultiLanguageModel([language_model, language_model])
    logits = between("the run", "the ran", labels)
    beam = HotwordBeamDecoder.from_labels(labels, both).decode_beams(logits, hotwords=["ran"])[0]
    assert beam.lm == pytest.approx(lm_score(both, beam.text))


def test_the_end_of_the_text_is_scored_behind_a_space_too(language_model):
    logits = spoken("the ran ", CHARS)
    beams = HotwordBeamDecoder.from_labels(CHARS, language_model).decode_beams(logits, beam_prune_logp=-50.0)
    assert beams[0].text == "the ran" and beams[0].tokens[-1] == CHARS.index(" ")
    assert beams[0].lm == pytest.approx(lm_score(language_model, "the ran"))


def test_language_model_state_goes_on_in_the_next_piece(labels, language_model, arpa):
    ours = HotwordBeamDecoder.from_labels(labels, language_model)
    theirs = build_ctcdecoder(labels, str(arpa), ["the", "ran", "run", "iran"], alpha=0.8, beta=0.5)
    logits = between("run", "ran", labels)
    assert ours.decode(logits) == theirs.decode(logits) == "run"
    found = []
    for decoder in (ours, theirs):
        state = decoder.decode_beams(spoken("the", labels))[0][1]
        found.append(decoder.decode(logits, lm_start_state=state))
    assert found == ["ran", "ran"]


# --- without pyctcdecode


def test_without_pyctcdecode_the_install_line_is_given(monkeypatch):
    name = "nemo_ctcbias.search.hotword_decoder"
    monkeypatch.setitem(sys.modules, "pyctcdecode", None)
    monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingDependencyError, match=r"pip install 'nemo-ctcbias\[pyctcdecode\]'.*--no-deps pyctcdec"):
        importlib.import_module(name)
    import nemo_ctcbias

    with pytest.raises(ImportError, match="needs pyctcdecode"):
        _ = nemo_ctcbias.HotwordBeamDecoder
