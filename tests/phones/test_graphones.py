import itertools

import pytest
from g2p_training import GraphoneAligner
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.phones.graphones import SHAPES, Graphone

PAIRS = [
    (word, tuple(phones.split()))
    for word, phones in {
        "phone": "F OW N",
        "fox": "F AA K S",
        "box": "B AA K S",
        "fish": "F IH SH",
        "ship": "SH IH P",
        "ship's": "SH IH P S",
        "no": "N OW",
        "not": "N AA T",
        "ten": "T EH N",
        "tenth": "T EH N TH",
        "thin": "TH IH N",
        "graph": "G R AE F",
        "phase": "F EY Z",
        "hose": "HH OW Z",
        "hop": "HH AA P",
    }.items()
] * 3


@pytest.fixture(scope="module")
def aligner():
    return GraphoneAligner(PAIRS, iterations=10, min_count=0.1)


def test_known_correspondences_are_found(aligner):
    tokens = {word: [g.token for g in aligner.align(word, phones)] for word, phones in PAIRS}
    assert tokens["fox"][-1] == "x:K_S"
    assert "sh:SH" in tokens["fish"]
    assert tokens["tenth"][-1] == "th:TH"
    assert sum(aligner.table().values()) == pytest.approx(1)


def test_both_strings_come_out_of_every_alignment(aligner):
    for word, phones in PAIRS:
        graphones = aligner.align(word, phones)
        assert "".join(g.letters for g in graphones) == word
        assert tuple(phone for g in graphones for phone in g.phones) == phones


def splits(word, phones):
    """All sequences of graphones of a pair."""
    if not word and not phones:
        yield []
    for letters, sounds in SHAPES:
        if letters <= len(word) and sounds <= len(phones):
            for rest in splits(word[letters:], phones[sounds:]):
                yield [Graphone(word[:letters], phones[:sounds]), *rest]


@given(st.text("pfhnoxs", min_size=1, max_size=5), st.lists(st.sampled_from("F HH N K S OW".split()), max_size=6))
def test_alignment_is_the_best_of_all(aligner, word, phones):
    table = aligner.table()

    def probability(graphones):
        product = 1.0
        for graphone in graphones:
            product *= table.get(graphone, 0.0)
        return product

    best = max(map(probability, splits(word, tuple(phones))), default=0.0)
    found = aligner.align(word, tuple(phones))
    assert (found is None) == (best == 0)
    if found is not None:
        assert probability(found) == pytest.approx(best)


def test_one_pass_counts_what_brute_force_counts():
    pairs = PAIRS[:5]
    aligner = GraphoneAligner(pairs, iterations=1, min_count=0)
    expected = {}
    for word, phones in pairs:
        lattice = list(splits(word, phones))
        units = len({g for w, p in pairs for split in splits(w, p) for g in split})
        weights = [(1 / len(aligner._units)) ** len(split) for split in lattice]
        assert units <= len(aligner._units)
        for split, weight in zip(lattice, weights, strict=True):
            for graphone in split:
                expected[graphone] = expected.get(graphone, 0) + weight / sum(weights)
    total = sum(expected.values())
    table = aligner.table()
    assert set(table) == set(expected)
    for graphone, count in expected.items():
        assert table[graphone] == pytest.approx(count / total)


def test_tokens_name_graphones():
    for graphone in itertools.starmap(Graphone, [("x", ("K", "S")), ("e", ()), ("'s", ("Z",))]):
        assert Graphone.of(graphone.token) == graphone
    assert Graphone("x", ("K", "S")).token == "x:K_S"
