"""Greedy decoding of what an adapter made of the log-probs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import BiasList, Phrase, Vocabulary
from nemo_ctcbias.search.greedy import GreedyDecoder

PIECES = ["▁new", "▁york", "▁ran", "n", "▁", "s"]
BLANK = len(PIECES)


@given(data=st.data())
@settings(max_examples=100)
def test_the_best_token_of_each_frame_collapsed(data):
    best = data.draw(st.lists(st.integers(0, BLANK), min_size=1, max_size=12))
    log_probs = np.log(np.full((len(best), BLANK + 1), 0.01))
    log_probs[np.arange(len(best)), best] = np.log(1 - 0.01 * BLANK)
    beam = GreedyDecoder(Vocabulary(PIECES)).decode_beams(log_probs, BiasList(["ran"]))[0]
    tokens = [token for token, before in zip(best, [BLANK, *best], strict=False) if token not in (before, BLANK)]
    assert list(beam.tokens) == tokens and beam.boost == 0
    assert beam.acoustic == pytest.approx(len(best) * np.log(1 - 0.01 * BLANK))
    assert len(beam.hits) == "".join(PIECES[token] for token in tokens).split("▁").count("ran")


def test_phrases_are_written_as_listed_and_credited_to_the_adapter():
    base = np.log(np.full((3, BLANK + 1), 0.02))
    base[[0, 1, 2], [0, BLANK, 2]] = np.log(0.88)
    adapted = base.copy()
    adapted[2] = np.log(0.02)
    adapted[2, 1] = np.log(0.88)
    listed = BiasList([Phrase("New York", display="NYC"), Phrase("ran")])
    beam = GreedyDecoder(Vocabulary(PIECES)).decode_beams(adapted, listed, base_log_probs=base)[0]
    (hit,) = beam.hits
    assert beam.text == "NYC" and (hit.start, hit.end) == (0, 3)
    assert (hit.phrase, hit.technique, hit.base_text) == ("NYC", "adapter", "new ran")
    assert hit.parts == {
        "acoustic": pytest.approx(2 * np.log(0.88) + np.log(0.02)),
        "adapter": pytest.approx(np.log(0.88 / 0.02)),
    }
    assert hit.confidence == pytest.approx(0.88)
    unchanged = GreedyDecoder(Vocabulary(PIECES)).decode_beams(base, listed, base_log_probs=base)[0]
    assert [(hit.phrase, hit.technique, hit.score) for hit in unchanged.hits] == [("ran", "base", 0.0)]
