"""Decode a set of utterances with one system, single-threaded and timed, and score what comes out."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tqdm import tqdm

from nemo_ctcbias.evaluation.counts import Counts
from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.evaluation.process import quiet_nemo, single_thread
from nemo_ctcbias.evaluation.scoring import Outcome, compare
from nemo_ctcbias.evaluation.systems import Phrases, Setting, System

ATTENTION_UTTERANCES = 24  # the first so many, of which an adapter's attention is kept


@dataclass
class Run:
    """One system with one setting over some utterances.

    Attributes:
        positions: which of the evaluated utterances, ascending.
        hypotheses: text of each.
        outcomes: its score.
        decode_seconds: in all, without building the lists' graphs.
        build_seconds: for graphs, trees and scorers where the system lets them be built apart.
        audio_seconds: of the utterances.
        hits: of each, what the decoder tells of the listed phrases that it wrote (`Hit.as_dict`, times in seconds);
            None where it tells nothing. Empty where several settings were tried.
        attention: `Attended` of the first utterances by position, where there is a contextual adapter.
    """

    setting: Setting
    positions: list[int] = field(default_factory=list)
    hypotheses: list[str] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    decode_seconds: float = 0.0
    build_seconds: float = 0.0
    audio_seconds: float = 0.0
    hits: list[list[dict[str, Any]] | None] = field(default_factory=list)
    attention: dict[int, Any] = field(default_factory=dict)

    @property
    def counts(self) -> list[Counts]:
        """Counts of each utterance."""
        return [outcome.counts for outcome in self.outcomes]

    @property
    def total(self) -> Counts:
        """Counts of all utterances."""
        return sum(self.counts, Counts())


def run_system(
    system: System,
    items: Sequence[Item],
    lists: Sequence[Phrases],
    settings: Sequence[Setting],
    positions: Sequence[int] | None = None,
    label: str = "",
    progress: bool = True,
    unlisted: Sequence[str] | None = None,
    cased: bool = False,
) -> list[Run]:
    """Decode and score with each setting; a list's graph is built once where the system allows it.

    Args:
        items: all utterances, with `lists` one each.
        positions: which utterances to decode, None for all.
        unlisted: what the model writes without a list, one text an item.
        cased: whether errors of case and punctuation count.
    """
    chosen = range(len(items)) if positions is None else positions
    runs = [Run(dict(setting)) for setting in settings]
    previous, bias = None, None
    with single_thread(), quiet_nemo():
        for position in tqdm(chosen, desc=label or system.name, unit="utt", disable=None if progress else True):
            item, phrases = items[position], lists[position]
            system.ready(item)
            plain = unlisted[position] if unlisted else ""
            for run in runs:
                # Utterances of a session share one list object, whose graph is then kept.
                if previous is not phrases or system.rebuild:
                    bias, seconds = _timed(system.build, phrases, run.setting)
                    run.build_seconds += seconds
                    previous = phrases
                text, seconds = _timed(system.decode, item, bias, run.setting)
                run.decode_seconds += seconds
                run.positions.append(position)
                run.hypotheses.append(text)
                run.outcomes.append(compare(item.row["text"], text, phrases, item.seconds, plain, cased))
                run.audio_seconds += item.seconds
                if len(runs) == 1:  # while settings are tried, nobody looks
                    _explain(run, system, item, bias)
    return runs


def _timed(function: Callable[..., Any], *given: Any) -> tuple[Any, float]:
    """What a function returns, and how many seconds it took."""
    start = time.perf_counter()
    result = function(*given)
    return result, time.perf_counter() - start


def _explain(run: Run, system: System, item: Item, bias: Any) -> None:
    """Keep what our own systems tell of the utterance decoded last; it is not timed."""
    if not hasattr(system, "hits"):
        run.hits.append(None)
        return
    run.hits.append([hit.as_dict() for hit in system.hits(item)])
    if len(run.positions) <= ATTENTION_UTTERANCES and (found := system.attention(item, bias)) is not None:
        run.attention[run.positions[-1]] = found


def subset(items: Sequence[Item], size: int, seed: int) -> list[int]:
    """Ascending positions of at most `size` utterances, chosen by seed and id alone, for systems that are slow."""
    ranked = sorted(range(len(items)), key=lambda i: hashlib.sha256(f"{seed}\nsubset\n{items[i].id}".encode()).digest())
    return sorted(ranked[:size])
