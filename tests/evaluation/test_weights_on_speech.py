"""Tuning counts what was said of the lists, however a transcript is written."""

import numpy as np

from nemo_ctcbias.evaluation import weights
from nemo_ctcbias.evaluation.counts import Counts
from nemo_ctcbias.evaluation.logprobs import Item


def test_spoken_phrases_are_counted_in_normalised_texts(monkeypatch):
    class Run:
        total = Counts()
        counts = (Counts(),)

    monkeypatch.setattr(weights, "weights_of", lambda system: {"weight": 10.0})
    monkeypatch.setattr(weights, "run_system", lambda system, items, lists, settings, *rest: [Run() for _ in settings])
    text = "Call Okonkwo, please: Cape Varennes!"
    items = [Item({"id": str(k), "text": text}, np.zeros((1, 2), np.float32), 1.0) for k in range(6)]
    lists = [("cape varennes", "okonkwo", "varenne", "zelda")] * 6
    tuned = weights.tune_weights(None, items, lists, progress=False)
    assert tuned.spoken == 2 * 4, "two phrases in each of the two thirds that are tuned on"
