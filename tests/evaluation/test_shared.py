"""On the real dev sets: reading, rare words and lists; skipped where ../shared is not."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from nemo_ctcbias.evaluation.lists import LIST_KINDS, ListBuilder
from nemo_ctcbias.evaluation.manifest import read_manifest
from nemo_ctcbias.evaluation.rare_words import own_words, read_phrases

SHARED = Path(os.environ.get("NEMO_CTCBIAS_SHARED", Path(__file__).parents[3] / "shared")) / "speech"
pytestmark = [pytest.mark.shared, pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/speech")]


@pytest.fixture(scope="module")
def builder():
    return ListBuilder(read_phrases(SHARED / "lists/rare_words.txt"), seed=1)


@pytest.mark.parametrize(("name", "utterances"), [("dev_librispeech", 234), ("dev_commonvoice", 350)])
def test_lists_of_a_dev_set_take_seconds(builder, name, utterances):
    rows, skipped = read_manifest(SHARED / f"{name}.json")
    assert (len(rows), skipped) == (utterances, [])
    for kind in LIST_KINDS:
        start = time.perf_counter()
        lists = builder.build(rows, kind, 1000)
        assert time.perf_counter() - start < 60
        assert len(lists) == utterances
        if kind in ("utterance", "close"):
            assert all(
                set(own_words(row)) <= set(listed) and len(listed) == 1000 + len(own_words(row))
                for row, listed in zip(rows, lists, strict=True)
            )
    assert sum(len(own_words(row)) for row in rows) == sum(len(row["rare_words"]) for row in rows)
