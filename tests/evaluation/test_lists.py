"""List builders: deterministic from seed and id, nested over sizes, distractors never spoken."""

from __future__ import annotations

import random

import pytest
from kaldialign import edit_distance

from nemo_ctcbias.bias_list.near import NearIndex
from nemo_ctcbias.errors import BiasListError, ManifestError, SettingError
from nemo_ctcbias.evaluation.lists import LIST_KINDS, WORDLESS, ListBuilder, session_of
from nemo_ctcbias.evaluation.rare_words import own_words, read_phrases, read_word_counts

SYLLABLES = ("ba", "der", "yck", "lo", "min", "sta", "vor", "zel")
POOL = [a + b + c for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES] + ["new york", "dover"]
ROWS = [
    {"id": "u1", "speaker": "s1", "text": "we saw baderlo in New York", "rare_words": ["Baderlo", "New York"]},
    {"id": "u2", "speaker": "s1", "text": "dover again", "rare_words": ["dover"]},
    {"id": "u3", "speaker": "s2", "text": "nothing rare here", "rare_words": []},
]


def build(kind, size, rows=ROWS, seed=7):
    return dict(zip([row["id"] for row in rows], ListBuilder(POOL, seed).build(rows, kind, size), strict=True))


@pytest.mark.parametrize("kind", LIST_KINDS)
@pytest.mark.parametrize("size", [5, 100, 500])
def test_lists_depend_on_seed_and_id_not_on_order(kind, size):
    shuffled = random.Random(0).sample(ROWS, len(ROWS))
    assert build(kind, size) == build(kind, size, shuffled)
    assert build(kind, size) != build(kind, size, seed=8) or kind == "close" or size == 500
    if kind not in ("session", "unspoken"):  # whose lists need all utterances that they are for
        assert build(kind, size, ROWS[:1])["u1"] == build(kind, size)["u1"]


@pytest.mark.parametrize("kind", LIST_KINDS)
def test_distractors_are_exactly_as_many_as_asked_distinct_and_never_spoken(kind):
    lists = build(kind, 50)
    for row in ROWS:
        listed = lists[row["id"]]
        own = set() if kind in WORDLESS else set(own_words(row))
        group = [r for r in ROWS if session_of(r) == session_of(row)] if kind == "session" else [row]
        group = ROWS if kind == "unspoken" else group
        if kind == "session":
            own = {word for r in group for word in own_words(r)}
        distractors = set(listed) - own
        assert len(listed) == len(set(listed)) == 50 + len(own)
        assert own <= set(listed)
        assert not any(f" {d} " in f" {r['text'].lower()} " for d in distractors for r in group)
        assert list(listed) == sorted(listed)


def test_utterances_and_sessions_get_their_own_distractors():
    irrelevant = build("irrelevant", 50)
    assert len(set(irrelevant.values())) == 3
    other = build("irrelevant", 50, [{**ROWS[0], "id": "u9"}])["u9"]
    assert other != irrelevant["u1"]


@pytest.mark.parametrize("kind", LIST_KINDS)
def test_a_longer_list_holds_the_shorter_one(kind):
    assert set(build(kind, 20)["u1"]) < set(build(kind, 200)["u1"])


def test_sessions_share_one_list_of_all_their_words():
    lists = build("session", 10)
    assert lists["u1"] is lists["u2"]
    assert {"baderlo", "new york", "dover"} <= set(lists["u1"])
    assert lists["u3"] != lists["u1"]


def test_of_unspoken_lists_one_serves_all():
    lists = list(build("unspoken", 50).values())
    assert lists[0] is lists[1] is lists[2]


def test_close_lists_are_nearer_than_random_ones():
    row = {"id": "u", "text": "baderlo", "rare_words": ["baderlo"]}

    def mean_distance(kind):
        distractors = set(build(kind, 20, [row])["u"]) - {"baderlo"}
        return sum(edit_distance("baderlo", word)["total"] for word in distractors) / len(distractors)

    assert mean_distance("close") < 0.75 * mean_distance("utterance")


def test_size_zero_leaves_the_own_words():
    assert build("utterance", 0) == {"u1": ("baderlo", "new york"), "u2": ("dover",), "u3": ()}


def test_a_list_can_use_up_the_whole_pool():
    assert len(build("irrelevant", len(POOL), ROWS[2:])["u3"]) == len(POOL)


def test_neighbours_are_ordered_by_spelling():
    index = NearIndex(["derek", "deryck", "zebra", "derrick", "eric"])
    names = [index.pool[i] for i in index.neighbours("deryck")]
    assert names[:2] == ["derrick", "derek"]  # 2 edits in 7 letters, 2 in 6; the word itself is no neighbour of itself
    assert "zebra" not in names[:3]


def test_rare_words_from_counts():
    row = {"id": "u", "text": "the quick zebra", "rare_words": ["quick"]}
    assert own_words(row, {"the": 100, "quick": 2}, at_most=2) == ("quick", "zebra")
    assert own_words(row, {"the": 100, "quick": 3, "zebra": 1}, at_most=0) == ()


def test_rare_words_that_nobody_says_are_left_out():
    assert own_words({"id": "u", "text": "hello Dover", "rare_words": ["Dover", "calais"]}) == ("dover",)


def test_word_count_file(tmp_path):
    path = tmp_path / "counts.txt"
    path.write_text("the 100\n7\tzebra\nThe 1\n\n")
    assert read_word_counts(path) == {"the": 101, "zebra": 7}
    path.write_text("the 100\nzebra\n")
    with pytest.raises(BiasListError, match=r"counts\.txt:2: 'zebra' is not a word and its count"):
        read_word_counts(path)
    path.write_text("")
    with pytest.raises(BiasListError, match="no word counts"):
        read_word_counts(path)


def test_distractor_files(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("Dover\n\nNew-York\ndover\n")
    assert read_phrases(path) == ["dover", "new york"]
    path.write_bytes(b"\xff\xfe\x00dover")
    with pytest.raises(BiasListError, match="is UTF-16; a distractor file is UTF-8 text"):
        read_phrases(path)
    path.write_bytes(b"PK\x00\x01")
    with pytest.raises(BiasListError, match="is a binary file"):
        read_phrases(path)
    path.write_text("\n!!\n")
    with pytest.raises(BiasListError, match="holds no phrase"):
        read_phrases(path)
    with pytest.raises(BiasListError, match="no such distractor file"):
        read_phrases(tmp_path / "absent.txt")
    with pytest.raises(BiasListError, match="is a directory"):
        read_phrases(tmp_path)


def test_refusals():
    with pytest.raises(SettingError, match="unknown list kind 'global'; choose one of utterance"):
        build("global", 5)
    with pytest.raises(SettingError, match="-1 is negative"):
        build("utterance", -1)
    with pytest.raises(BiasListError, match=r"'u1': 1000 distractors wanted, the pool has 512"):
        build("utterance", 1000)
    with pytest.raises(BiasListError, match="no utterance has a listed word"):
        build("utterance", 5, ROWS[2:])
    with pytest.raises(ManifestError, match="'u4' has no 'rare_words'"):
        build("utterance", 5, [{"id": "u4", "text": "hello"}])
    assert len(build("irrelevant", 5, [{"id": "u4", "text": "hello"}])["u4"]) == 5
