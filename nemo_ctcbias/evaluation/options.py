"""Options of an evaluation, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.evaluation.bootstrap import RESAMPLES
from nemo_ctcbias.evaluation.lists import GIVEN, LIST_KINDS

USUAL = "usual"  # stands for the peers and our own main systems among `--systems`
ABLATION = "ablation"  # for each part of ours alone, and parts added one by one


@dataclass(frozen=True)
class EvaluateOptions:
    """What `nemo-ctcbias evaluate` is told; the fields are its options.

    Raises:
        SettingError: a value out of range, or the tuning manifest is the test manifest.
    """

    manifest: Path
    out: Path
    bias_list: tuple[Path, ...] = ()  # the user's own list for all utterances, in place of lists that are drawn
    distractors: Path | None = None
    model: str | None = None  # None: the shipped checkpoint
    list_sizes: tuple[int, ...] = (100, 1000)
    list_kind: str = "utterance"
    systems: tuple[str, ...] = (USUAL,)
    tune_on: Path | None = None
    compare_to: str | None = None  # None: the last of our own systems, else greedy
    seed: int = 1
    cache: Path | None = None
    word_counts: Path | None = None
    rare_at_most: int = 2
    lexicon: Path | None = None
    adapter: Path | None = None  # None: the model's own, or the shipped one of the shipped model
    lm: Path | None = None  # None: the shipped one, of the shipped model
    token_lm: Path | None = None  # of the model's tokens, for nemo-boosting-beam+lm
    phone_head: Path | None = None  # None: the model's own, or the shipped one of the shipped model
    pronunciations: Path | None = None  # None: the G2P model says how all words sound
    settings: Path | None = None  # YAML with a section `biasing`; None: the model's own, or the defaults
    variants: int | None = None  # forms of each phrase that the part g2g listens for; None: the settings', or 5
    beam_width: int | None = None
    slow_utterances: int = 30
    limit: int | None = None  # utterances of each manifest; None: all
    resamples: int = RESAMPLES
    cased: bool = False  # whether errors of case and punctuation count
    progress: bool = True

    def __post_init__(self) -> None:
        if self.list_kind not in (*LIST_KINDS, *([GIVEN] if self.bias_list else [])):
            raise SettingError(f"unknown list kind {self.list_kind!r}; choose one of {', '.join(LIST_KINDS)}")
        if not self.list_sizes or min(self.list_sizes) < 0 or len(set(self.list_sizes)) < len(self.list_sizes):
            raise SettingError(f"list sizes {self.list_sizes}: give different whole numbers from 0, such as 100,1000")
        if not self.systems or len(set(self.systems)) < len(self.systems):
            raise SettingError("systems: name at least one, each once")
        if self.bias_list and self.distractors is not None:
            raise SettingError("--bias-list is the list as it stands; leave out --distractors")
        if max(self.list_sizes) > 0 and self.distractors is None and not self.bias_list:
            raise SettingError("give your own list as --bias-list FILE, or --distractors FILE to draw lists from")
        for name in ("variants", "beam_width", "slow_utterances", "resamples", "limit"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise SettingError(f"{name.replace('_', '-')} {getattr(self, name)}: give a whole number from 1")
        if self.rare_at_most < 0:
            raise SettingError(f"rare-at-most {self.rare_at_most}: give a whole number from 0")
        if self.tune_on is not None and Path(self.tune_on).resolve() == Path(self.manifest).resolve():
            raise SettingError("--tune-on is the test manifest itself; tune on another one, or leave it out")
        several = {USUAL, ABLATION} & set(self.systems)  # checked again once expanded
        known = self.compare_to in (None, *self.systems) or several
        if not known:
            raise SettingError(f"--compare-to {self.compare_to!r} is not among the systems {', '.join(self.systems)}")
