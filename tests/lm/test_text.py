import gzip
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.errors import LanguageModelError
from nemo_ctcbias.lm.text import TextCounts, fit, rare_words, read_lines

LOWER = Vocabulary([" ", *"abcdefghijklmnopqrstuvwxyz'"])


def test_text_gzip_and_manifests_read_alike(tmp_path):
    lines = ["one two", "three’s a crowd"]
    (tmp_path / "a.txt").write_text("\n".join([lines[0], "", lines[1]]), encoding="utf-8")
    with gzip.open(tmp_path / "a.txt.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(lines))
    (tmp_path / "a.json").write_text("".join(json.dumps({"text": line}) + "\n" for line in lines))
    for name in ("a.txt", "a.txt.gz", "a.json"):
        assert [line.strip() for line in read_lines(tmp_path / name)] == lines


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(b"one two three\n" * 999)[:-20])
    (tmp_path / "no.txt.gz").write_bytes(b"plain text\n")
    (tmp_path / "bad.json").write_text('{"text": "a"}\n{"text"\n')
    (tmp_path / "none.json").write_text('{"audio": "a"}\n')
    for name, message in {
        "missing.txt": "missing.txt: no such text; check the path",
        "latin.txt": "is not UTF-8 after line 0; save the text as UTF-8",
        "cut.txt.gz": "cannot be read after line",
        "no.txt.gz": "cannot be read after line 0",
        "bad.json": "bad.json:2: is not valid JSON",
        "none.json": "none.json:1: has no 'text'",
        ".": "cannot be read",
    }.items():
        with pytest.raises(LanguageModelError, match=message):
            list(read_lines(tmp_path / name))


def test_text_is_written_as_the_model_would():
    counts = TextCounts()
    lines = ["The Café’s “cat”!", "in 1812 there", "say <boost> now", "...", "cat-o-nine"]
    assert list(fit(lines, LOWER, counts)) == ["the cafe's cat", "cat o nine"]
    assert (counts.sentences, counts.tokens, counts.skipped, counts.example) == (2, 6, 2, "1812")
    assert counts.words["cat"] == 2
    upper = Vocabulary([" ", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ"])
    assert list(fit(["The cat's"], upper, TextCounts())) == ["THE CATS"]


@given(words=st.dictionaries(st.text("abc", min_size=1), st.integers(1, 9)).map(Counter), share=st.floats(0, 0.99))
def test_the_class_is_what_is_rarer_than_a_threshold(words, share):
    for least in (0, 1, 3):
        assert rare_words(words, least) == {word for word, count in words.items() if count < least}
    rare = rare_words(words, 3, share)
    taken = sum(words[word] for word in rare)
    assert taken >= share * words.total()
    most = max((words[word] for word in rare), default=0)
    assert all(word in rare for word in words if words[word] <= most)
    without = sum(count for word, count in words.items() if word in rare and count < most)
    assert not rare or without < share * words.total()
