"""Choose each system's strength on a dev manifest: best F1 among the settings that leave other words alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nemo_ctcbias.evaluation.counts import Counts
from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.evaluation.runner import Run, run_system
from nemo_ctcbias.evaluation.systems import Phrases, Setting, System

#: A setting may cost at most so many points of U-WER over greedy; otherwise F1 could be bought with damage.
U_WER_GUARD = 0.3


@dataclass(frozen=True)
class Trial:
    """One setting on the tuning utterances; metrics in percent."""

    setting: Setting
    f1: float | None
    u_wer: float | None
    wer: float | None


@dataclass(frozen=True)
class Tuning:
    """What tuning chose, and everything it tried."""

    chosen: Setting
    trials: tuple[Trial, ...]
    utterances: int
    note: str


def tune(
    system: System,
    items: Sequence[Item],
    lists: Sequence[Phrases],
    greedy: Run,
    positions: Sequence[int] | None = None,
    progress: bool = True,
) -> Tuning:
    """Try the system's whole grid.

    Args:
        greedy: greedy decoding of all `items`, whose U-WER on the same utterances is the guard's base.
        positions: the utterances to tune on, None for all.
    """
    chosen = list(range(len(items)) if positions is None else positions)
    wanted = set(chosen)
    base = sum((c for p, c in zip(greedy.positions, greedy.counts, strict=True) if p in wanted), Counts())
    if len(system.grid) <= 1:
        return Tuning(dict(system.default), (), 0, "nothing to tune")
    runs = run_system(system, items, lists, system.grid, chosen, f"tune {system.name}", progress)
    trials = tuple(Trial(run.setting, run.total.f1, run.total.u_wer, run.total.wer) for run in runs)
    index, note = choose(trials, base.u_wer)
    return Tuning(dict(trials[index].setting), trials, len(chosen), note)


def choose(trials: Sequence[Trial], greedy_u_wer: float | None) -> tuple[int, str]:
    """Position of the best trial and how it was chosen; of equals the first, so the weakest of an ascending grid."""
    limit = float("inf") if greedy_u_wer is None else greedy_u_wer + U_WER_GUARD + 1e-9
    allowed = [i for i, trial in enumerate(trials) if (trial.u_wer or 0.0) <= limit]
    if allowed:
        best = max(allowed, key=lambda i: (-1.0 if trials[i].f1 is None else trials[i].f1, -i))
        # A chosen value at the strong end asks for a longer grid; the reader of a table should know.
        edge = "; the strongest of its grid" if best == len(trials) - 1 else ""
        return best, f"best F1 with U-WER at most {U_WER_GUARD} over greedy{edge}"
    best = min(range(len(trials)), key=lambda i: (trials[i].u_wer or 0.0, i))
    return best, f"no setting kept U-WER within {U_WER_GUARD} of greedy: the one with the lowest U-WER"
