"""Systems under test by their names."""

from __future__ import annotations

import importlib

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.evaluation.own import JOINT_SYSTEM, UNTRAINED, OwnSystem
from nemo_ctcbias.evaluation.parts import PARTS
from nemo_ctcbias.evaluation.systems import System

_PEERS = {
    "greedy": "nemo_ctcbias.evaluation.peers_nemo:Greedy",
    "nemo-boosting-greedy": "nemo_ctcbias.evaluation.peers_nemo:BoostingGreedy",
    "nemo-boosting-beam": "nemo_ctcbias.evaluation.peers_nemo:BoostingBeam",
    "nemo-boosting-beam+lm": "nemo_ctcbias.evaluation.peers_nemo:BoostingBeamWithLM",
    "nemo-ctc-ws": "nemo_ctcbias.evaluation.peers_wordspotter:WordSpotter",
    "pyctcdecode": "nemo_ctcbias.evaluation.peers_pyctcdecode:PyctcdecodeHotwords",
    "pyctcdecode-cached": "nemo_ctcbias.evaluation.peers_pyctcdecode:PyctcdecodeCached",
    "pyctcdecode-cached+lm": "nemo_ctcbias.evaluation.peers_pyctcdecode:PyctcdecodeWithLM",
    "flashlight": "nemo_ctcbias.evaluation.peers_flashlight:Flashlight",
}


def make_system(name: str) -> System:
    """The system of a name: a peer, or our own parts joined with '+'.

    Raises:
        SettingError: no such system, or one of its parts does not exist or is not there yet.
    """
    if name in _PEERS:
        module, kind = _PEERS[name].split(":")
        return getattr(importlib.import_module(module), kind)()
    if "+" in name or name.startswith(f"{JOINT_SYSTEM}-") or name in (*PARTS, JOINT_SYSTEM, *UNTRAINED):
        return OwnSystem(name)
    raise SettingError(
        f"unknown system {name!r}; choose from {', '.join(_PEERS)}, or own parts joined with '+': "
        f"{', '.join(PARTS)}; joint for all of them, joint-PART without one, untrained and untrained+lm for what needs "
        "no training, ablation for each part alone and added one by one"
    )


def is_own(name: str) -> bool:
    """Whether a name is one of our own systems rather than a peer."""
    return name not in _PEERS
