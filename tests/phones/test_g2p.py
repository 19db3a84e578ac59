"""The shipped model: what it knows, what it refuses, and its log-probs against an exhaustive search."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones.g2p import G2P, NGRAM_FILE, SHIPPED, TABLE_FILE, letters_of
from nemo_ctcbias.phones.graphone_ngram import END
from nemo_ctcbias.phones.phones import PHONE_IDS, PHONES
from nemo_ctcbias.phones.transduction import LN10

WORDS = st.text("abcdefghijklmnopqrstuvwxyz'", min_size=1, max_size=12).filter(lambda word: word.strip("'"))


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("night", "N AY T"),
        ("phone", "F OW N"),
        ("boxes", "B AA K S IH Z"),
        ("Michael's", "M AY K AH L Z"),
        ("quick", "K W IH K"),
    ],
)
def test_words_are_pronounced(g2p, word, phones):
    assert tuple(phones.split()) == g2p.pronounce(word)[0][0]


@given(WORDS)
def test_spelled_out_says_which_letters_the_phones_belong_to(g2p, word):
    letters = letters_of(word)
    phones, starts = g2p.spelled_out(letters)
    assert tuple(PHONES[phone] for phone in phones) == g2p.pronounce(word)[0][0]
    assert len(starts) == len(letters) + 1 and starts[0] == 0 and starts[-1] == len(phones)
    assert list(starts) == sorted(starts)


def test_letters_and_their_phones(g2p):
    phones, starts = g2p.spelled_out("box")
    assert [PHONES[phone] for phone in phones] == ["B", "AA", "K", "S"] and starts == (0, 1, 2, 4)


def test_pronunciations_are_spelt(g2p):
    spellings = [spelling for spelling, _ in g2p.spell(("N", "AY", "T"))]
    assert spellings[0] == "night" and {"nite", "knight"} <= set(spellings)
    assert {"katherine", "kathryn", "catherine"} <= {s for s, _ in g2p.spell(tuple("K AE TH R IH N".split()))}


@given(WORDS)
def test_any_word_has_ranked_distinct_pronunciations(g2p, word):
    found = g2p.pronounce(word, 10)
    assert found and len({phones for phones, _ in found}) == len(found) <= 10
    assert all(phones and set(phones) <= set(PHONE_IDS) for phones, _ in found)
    scores = [score for _, score in found]
    assert scores == sorted(scores, reverse=True)
    assert sum(map(math.exp, scores)) <= 1 + 1e-9
    assert g2p.pronounce(word, 3) == found[:3]


@given(st.lists(st.sampled_from(sorted(PHONE_IDS)), min_size=1, max_size=8))
@settings(max_examples=30)
def test_any_pronunciation_can_be_spelt(g2p, phones):
    found = g2p.spell(tuple(phones), 5)
    assert found and all(spelling == letters_of(spelling) for spelling, _ in found if spelling.strip("'"))


def test_log_probs_are_those_of_all_splits(g2p):
    """With an unlimited beam, P(phones | word) is the n-gram's joint probability summed over all graphone sequences."""

    def joint(word, tokens=(), sounds=()):
        if not word:
            yield sounds, joint_log_prob(tokens)
        for graphone in g2p.graphones:
            if word.startswith(graphone.letters):
                yield from joint(word[len(graphone.letters) :], (*tokens, graphone.token), sounds + graphone.phones)

    def joint_log_prob(tokens):
        total, state = 0.0, g2p.ngram.start
        for token in (*tokens, END):
            score, state = g2p.ngram.score(state, g2p.ngram.numbers[token])
            total += score
        return LN10 * total

    for word in ("ox", "sh"):
        total = {}
        for sounds, score in joint(word):
            total[sounds] = total.get(sounds, 0.0) + math.exp(score)
        wide = G2P(g2p.graphones, g2p.ngram, beam=10**6, threshold=1e9).pronounce(word, 10**6)
        whole = sum(total.values())
        # Merged hypotheses keep the n-gram state of the likelier split, so small probabilities are approximate.
        for sounds, score in wide[:5]:
            assert math.exp(score) == pytest.approx(total[sounds] / whole, rel=0.05)
        assert wide[0][0] == max(total, key=total.get) == g2p.pronounce(word)[0][0]


def test_letters_are_folded():
    assert letters_of("Łódź") == "lodz"
    assert letters_of("Zoë’s") == "zoe's"
    assert letters_of("St.") == "st"
    assert letters_of("Straße") == "strasse"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("R2D2", r"'R2D2' has no known sound for '2'; give its pronunciation, or spell it in words"),
        ("Київ", r"'Київ' has no known sound for 'в', "),
        ("東京", r"has no known sound for"),
        ("C++", r"has no known sound for '\+'"),
        ("", r"'' has no letters"),
        ("--", r"'--' has no letters"),
        ("a" * 50, r"longer than 40 letters"),
    ],
)
def test_what_cannot_be_pronounced_is_said(g2p, word, message):
    with pytest.raises(PhoneticsError, match=message):
        g2p.pronounce(word)


def test_missing_and_broken_models_are_named(tmp_path):
    with pytest.raises(PhoneticsError, match=rf"{NGRAM_FILE}.*examples/train_g2p\.py"):
        G2P.load(tmp_path)
    (tmp_path / NGRAM_FILE).write_bytes(b"junk")
    (tmp_path / TABLE_FILE).write_text("{}")
    with pytest.raises(PhoneticsError, match=r"is no G2P model"):
        G2P.load(tmp_path)


def test_the_shipped_model_is_small():
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 4e6
