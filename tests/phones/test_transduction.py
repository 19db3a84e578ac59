"""The compiled search of the G2P model against the same with dictionaries; its n-gram against the definition."""

import numpy as np
import pytest
from g2p_training import ngram_of_arpa
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_transduction import Reference, aligned

from nemo_ctcbias.phones import graphones
from nemo_ctcbias.phones.g2p import G2P
from nemo_ctcbias.phones.graphone_ngram import END, START, GraphoneNgram
from nemo_ctcbias.phones.graphones import LETTERS, graphone_tables, phones_before
from nemo_ctcbias.phones.phones import PHONE_IDS, PHONES, phone_ids

BEAMS = [(12, 7.0), (3, 2.0), (40, 20.0)]
WORDS = st.text(LETTERS, min_size=1, max_size=9).filter(lambda word: word.strip("'"))
SOUNDS = st.lists(st.sampled_from(sorted(PHONE_IDS)), min_size=1, max_size=6).map(tuple)


@pytest.fixture(scope="module")
def models(g2p):
    found = [G2P(g2p.graphones, g2p.ngram, beam, threshold) for beam, threshold in BEAMS]
    return [(model, Reference(model, *limits)) for model, limits in zip(found, BEAMS, strict=True)]


def same(found, expected):
    assert [target for target, _ in found] == [target for target, _ in expected]
    np.testing.assert_allclose([score for _, score in found], [score for _, score in expected], atol=1e-9)


@given(WORDS, st.sampled_from(range(len(BEAMS))))
@settings(max_examples=60, deadline=None)
def test_words_are_pronounced_as_by_the_reference(models, word, number):
    model, reference = models[number]
    same(model.pronounce(word, 1000), reference.pronunciations(word))


@given(SOUNDS, st.sampled_from(range(len(BEAMS))))
@settings(max_examples=30, deadline=None)
def test_pronunciations_are_spelt_as_by_the_reference(models, phones, number):
    model, reference = models[number]
    same(model.spell(phones, 1000), reference.spellings(phones))


@given(WORDS, st.lists(st.sampled_from(PHONES), max_size=14).map(tuple), st.booleans())
@settings(max_examples=150, deadline=None)
def test_phones_belong_to_the_letters_of_the_likeliest_graphones(g2p, word, phones, said):
    phones = g2p.pronounce(word)[0][0] if said else phones
    tables = graphone_tables(g2p.graphones)
    found = phones_before(word, phone_ids(phones), tables).tolist()
    at, expected, units = 0, [], aligned(word, phones, g2p.graphones)
    assert graphones.aligned(word, phones, tables) == units
    for unit in units or ():
        expected += [at] * len(unit.letters)
        at += len(unit.phones)
    expected = expected or [round(place * len(phones) / len(word)) for place in range(len(word))]
    assert found == [*expected, len(phones)]


def random_levels(seed, words=5, order=4):
    """N-grams of which each part is one, with any log10-probs."""
    rng = np.random.default_rng(seed)
    names = [START, END, *(f"w{number}" for number in range(words))]
    levels = [{(name,): rng.normal(size=2).tolist() for name in names}]
    for _ in range(order - 1):
        grams = [(*a, b[-1]) for a in levels[-1] for b in levels[-1] if a[1:] == b[:-1] and rng.random() < 0.4]
        levels.append({gram: rng.normal(size=2).tolist() for gram in grams})
    # What no n-gram continues has nothing to leave to others, as in any model that was estimated.
    for level, longer in zip(levels, [*levels[1:], {}], strict=True):
        begun = {gram[:-1] for gram in longer}
        for gram in level.keys() - begun:
            level[gram][1] = 0.0
    return names, levels


def log10_prob(levels, history, word):
    """The definition of back-off."""
    gram = (*history, word)
    if len(gram) <= len(levels) and gram in levels[len(gram) - 1]:
        return levels[len(gram) - 1][gram][0]
    left = levels[len(history) - 1].get(history, (0.0, 0.0))[1] if 0 < len(history) <= len(levels) else 0.0
    return left + log10_prob(levels, history[1:], word)


@given(st.integers(0, 1000), st.data())
@settings(max_examples=40, deadline=None)
def test_probabilities_are_those_of_the_definition(seed, data):
    names, levels = random_levels(seed)
    ngram, history = GraphoneNgram.of(levels), (START,)
    state = ngram.start
    for word in data.draw(st.lists(st.sampled_from(names[1:]), max_size=8)):
        found, state = ngram.score(state, ngram.numbers[word])
        assert found == pytest.approx(log10_prob(levels, history, word), abs=1e-5)
        history = (*history, word)


def test_files_hold_the_model(tmp_path):
    _, levels = random_levels(1)
    arpa = ["\\data\\", *(f"ngram {n}={len(level)}" for n, level in enumerate(levels, 1))]
    for n, level in enumerate(levels, 1):
        arpa += ["", f"\\{n}-grams:"]
        arpa += [f"{prob}\t{' '.join(gram)}" + f"\t{left}" * (n < len(levels)) for gram, (prob, left) in level.items()]
    (tmp_path / "g.arpa").write_text("\n".join([*arpa, "", "\\end\\", ""]))
    read, rounded = (ngram_of_arpa(tmp_path / "g.arpa", step) for step in (None, 0.25))
    read.save(tmp_path / "g.npz")
    for one in (GraphoneNgram.of(levels), GraphoneNgram.load(tmp_path / "g.npz")):
        assert one.names == read.names and one.start == read.start
        for name, part in one.arrays._asdict().items():
            if name != "backoff":  # of the longest n-grams, of which the file says nothing
                np.testing.assert_allclose(part, getattr(read.arrays, name), atol=1e-6)
    assert np.abs(rounded.arrays.prob - read.arrays.prob).max() <= 0.125 + 1e-6
    assert (rounded.arrays.prob * 4 == np.round(rounded.arrays.prob * 4)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda parts: parts | {"names": [name for name in parts["names"] if name != END] + ["w0"]}, "not distinct"),
        (lambda parts: parts | {"prob": parts["prob"][1:]}, "different lengths"),
        (lambda parts: parts | {"prob": parts["prob"] * np.nan}, "no numbers"),
        (lambda parts: parts | {"token": np.full_like(parts["token"], 99)}, "without a name"),
        (lambda parts: parts | {"token": np.sort(parts["token"])}, "in no order|ends are none"),
        (lambda parts: parts | {"children": np.roll(parts["children"], 1)}, "without a name|shorter ones"),
    ],
)
def test_other_content_is_refused(change, message):
    _, levels = random_levels(2)
    ngram = GraphoneNgram.of(levels).arrays
    names = GraphoneNgram.of(levels).names
    token = np.maximum(ngram.token, 0)
    parts = {"names": names, "children": np.diff(ngram.first_child), "token": token}
    parts |= {"prob": ngram.prob, "backoff": ngram.backoff}
    assert GraphoneNgram(**parts).names == names
    with pytest.raises(ValueError, match=message):
        GraphoneNgram(**change(parts))
