"""The signature of a result: two tables can be compared if their signatures say the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from nemo_ctcbias import __version__
from nemo_ctcbias.evaluation.normalise import NORMALISER
from nemo_ctcbias.evaluation.options import EvaluateOptions


def signature(options: EvaluateOptions, model: str, pool: Sequence[str]) -> str:
    """One line: normaliser, aligner, list kind, seed, sizes and pool, manifests, model hash, versions."""
    parts = {
        "norm": NORMALISER,
        "align": f"kaldialign-{_version('kaldialign')}",
        "lists": f"{options.list_kind}/{','.join(map(str, options.list_sizes))}/seed{options.seed}",
        "pool": hashlib.sha256("\n".join(pool).encode()).hexdigest()[:8] if pool else "none",
        "rare": f"{_file_hash(options.word_counts)}<={options.rare_at_most}" if options.word_counts else "manifest",
        "test": f"{Path(options.manifest).name}:{_file_hash(options.manifest)}",
        "tune": f"{Path(options.tune_on).name}:{_file_hash(options.tune_on)}" if options.tune_on else "none",
        "model": model,
        "adapter": _file_hash(options.adapter) if options.adapter else "none",
        "phones": _file_hash(options.phone_head) if options.phone_head else "none",
        "lexicon": _file_hash(options.pronunciations) if options.pronunciations else "none",
        "beam": str(options.beam_width),
        "bootstrap": f"{options.resamples}/seed{options.seed}",
        "nemo-ctcbias": __version__,
        "nemo": _version("nemo_toolkit"),
        "torch": _version("torch"),
        "numpy": _version("numpy"),
        "pyctcdecode": _version("pyctcdecode"),
    }
    return "|".join(f"{name}:{value}" for name, value in parts.items())


def _file_hash(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:8]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"
