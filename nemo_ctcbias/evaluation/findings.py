"""What an evaluation found."""

from __future__ import annotations

from dataclasses import dataclass, field

from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.evaluation.manifest import Skip
from nemo_ctcbias.evaluation.options import EvaluateOptions
from nemo_ctcbias.evaluation.runner import Run
from nemo_ctcbias.evaluation.tuning import Tuning


@dataclass
class Evaluation:
    """Everything an evaluation found; `report` writes it out.

    Attributes:
        unlisted: what the model writes of each item without a list.
        runs: by system and list size, in the order asked for.
        tunings: what tuning chose for a system, if there was a tuning manifest.
        left_out: system, list size (None: all) and reason of what was not measured.
        notes: system, list size and remark of what was measured in part.
        skipped: manifest name and utterance, of those that could not be used.
    """

    options: EvaluateOptions
    items: list[Item]
    signature: str
    unlisted: list[str] = field(default_factory=list)
    runs: dict[tuple[str, int], Run] = field(default_factory=dict)
    tunings: dict[str, Tuning] = field(default_factory=dict)
    left_out: list[tuple[str, int | None, str]] = field(default_factory=list)
    notes: list[tuple[str, int, str]] = field(default_factory=list)
    skipped: list[tuple[str, Skip]] = field(default_factory=list)
