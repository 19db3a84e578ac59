"""Evaluation: honest scores for biasing, beside every peer on the same log-probs and lists.

Reading order: `normalise`, `counts`, `scoring` (one utterance), `bootstrap` (intervals), `lists` (what the decoder is
offered), `systems` and `peers_*` (who decodes), `evaluate` (the command). Nothing here imports NeMo or torch until a
model is needed.
"""
