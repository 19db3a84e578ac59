"""What each part brings: alone, and added one by one up to the joint model."""

from __future__ import annotations

from collections.abc import Sequence

from nemo_ctcbias.evaluation.options import ABLATION, USUAL
from nemo_ctcbias.evaluation.parts import PHONE_PARTS
from nemo_ctcbias.evaluation.systems import Context
from nemo_ctcbias.settings import Settings

#: The joint model, in the order in which parts are added.
JOINT = ("hotword", "spot", "adapter", "boost-lm", "rescore", "lookup", "verify")
#: Each part by itself; those that work on a search's hypotheses or lists go with the boosting.
ALONE = (
    "hotword",
    "adapter",
    "boost-lm",
    "hotword+spot",
    "adapter+spot",
    "hotword+rescore",
    "hotword+verify",
    "hotword+lookup",
    "hotword+g2g",
)
#: Other tools, each in its fastest form that writes the same.
PEERS = ("pyctcdecode-cached", "nemo-boosting-greedy", "nemo-boosting-beam", "nemo-ctc-ws", "flashlight")
MISSING = {
    "adapter": "a contextual adapter (--adapter)",
    "boost-lm": "a language model (--lm)",
    "rescore": "a phone head (--phone-head)",
}


def joint_parts(context: Context) -> tuple[str, ...]:
    """The parts of the joint model that this model, these files and the settings allow, in the order of adding."""
    without = {*missing_parts(context), *_switched_off(context)}
    return tuple(part for part in JOINT if part not in without)


def _switched_off(context: Context) -> set[str]:
    """Parts that the settings do without; named as a system, they are measured all the same."""
    settings = Settings.of(context.biasing)
    off = {part for part, name in PHONE_PARTS.items() if not settings.wants(name)}
    return off | ({"boost-lm"} if not settings.lm.enabled else set()) | ({"adapter"} if not settings.adapter else set())


def missing_parts(context: Context) -> dict[str, str]:
    """Parts that cannot be had, and what each of them needs."""
    host = getattr(context.model, "context", None)
    adapted = context.adapter is not None or bool(host is not None and host.get_enabled_adapters())
    hears = context.phone_head is not None or bool(getattr(context.model, "has_phone_head", False))
    there = {"adapter": adapted, "boost-lm": context.lm is not None, "rescore": hears}
    return {part: MISSING[part] for part, has in there.items() if not has}


def expand(names: Sequence[str], context: Context) -> tuple[str, ...]:
    """The names with `ablation` and `usual` replaced by their systems, each once; the rest as it is."""
    several = {ABLATION: _systems, USUAL: _usual}
    found: list[str] = []
    for name in names:
        found += several[name](context) if name in several else [name]
    return tuple(dict.fromkeys(found))


def _usual(context: Context) -> list[str]:
    """What a user wants to see first: the model alone, other tools, and ours."""
    missing = missing_parts(context)
    ours = ["hotword", *(["adapter"] if "adapter" not in missing else []), "joint"]
    return ["greedy", *(["lm"] if context.lm is not None else []), *PEERS, *ours]


def _systems(context: Context) -> list[str]:
    missing, added = missing_parts(context), joint_parts(context)
    alone = [name for name in ALONE if not set(name.split("+")) & set(missing)]
    steps = ["+".join(added[: count + 1]) for count in range(len(added))]
    return ["greedy", *alone, *steps[:-1], "joint" if len(added) > 1 else steps[0]]
