"""Evaluation: honest scores for biasing, beside every peer on the same log-probs and lists.

Reading order: `normalise`, `counts`, `scoring` (one utterance), `bootstrap` (intervals), `lists` (what the decoder is
offered), `systems` and `peers_*` (who decodes), `evaluate` (the command). Nothing here imports NeMo or torch until a
model is needed.
"""

from nemo_ctcbias.evaluation.bootstrap import Difference, intervals, paired_difference
from nemo_ctcbias.evaluation.counts import METRICS, Counts
from nemo_ctcbias.evaluation.scoring import Outcome, compare, phrase_table, score

__all__ = [
    "METRICS",
    "Counts",
    "Difference",
    "Outcome",
    "compare",
    "intervals",
    "paired_difference",
    "phrase_table",
    "score",
]
