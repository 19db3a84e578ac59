"""The signature of a result: two tables can be compared if their signatures say the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from nemo_ctcbias import __version__
from nemo_ctcbias.evaluation.ablation import JOINT, missing_parts
from nemo_ctcbias.evaluation.normalise import AS_WRITTEN, NORMALISER
from nemo_ctcbias.evaluation.options import EvaluateOptions
from nemo_ctcbias.evaluation.systems import Context
from nemo_ctcbias.settings import Settings, changed

FILES = ("bias_list", "lm.path", "phonetics.lexicon")


def signature(options: EvaluateOptions, context: Context, model: str, pool: Sequence[str]) -> str:
    """One line: normaliser, aligner, list kind, seed, sizes and pool, manifests, model and files beside it, versions.

    Args:
        context: the files that systems may use, those that come with the shipped model included.
    """
    own = set(JOINT) - set(missing_parts(Context(context.model)))
    parts = {
        "norm": AS_WRITTEN if options.cased else NORMALISER,
        "align": f"kaldialign-{_version('kaldialign')}",
        "lists": f"{options.list_kind}/{','.join(map(str, options.list_sizes))}/seed{options.seed}",
        "pool": hashlib.sha256("\n".join(pool).encode()).hexdigest()[:8] if pool else "none",
        "rare": f"{_file_hash(options.word_counts)}<={options.rare_at_most}" if options.word_counts else "manifest",
        "test": _named(options.manifest),
        "tune": _named(options.tune_on),
        "model": model,
        "adapter": "model" if "adapter" in own else _named(context.adapter),  # a file does not replace it
        "phones": _named(context.phone_head, "model" if getattr(context.model, "has_phone_head", False) else "none"),
        "lm": _named(context.lm),
        "token-lm": _named(context.token_lm),
        "lexicon": _named(context.pronunciations),
        "words": _named(options.lexicon),
        "variants": str(context.variants),
        "settings": _settings_hash(context.biasing),
        "beam": str(context.beam_width or "own"),
        "bootstrap": f"{options.resamples}/seed{options.seed}",
        "nemo-ctcbias": __version__,
        "nemo": _version("nemo_toolkit"),
        "torch": _version("torch"),
        "numpy": _version("numpy"),
        "pyctcdecode": _version("pyctcdecode"),
    }
    return "|".join(f"{name}:{value}" for name, value in parts.items())


def _settings_hash(biasing: dict[str, Any]) -> str:
    """Of what differs from the defaults; files are named by themselves."""
    acting = {name: value for name, value in changed(Settings.of(biasing)).items() if name not in FILES}
    return "default" if not acting else hashlib.sha256(repr(sorted(acting.items())).encode()).hexdigest()[:8]


def _named(path: str | Path | None, otherwise: str = "none") -> str:
    """Name and hash of a file, or what stands in its place; a missing file is refused by the system that needs it."""
    if path is None:
        return otherwise
    return f"{Path(path).name}:{_file_hash(path) if Path(path).is_file() else 'absent'}"


def _file_hash(path: str | Path) -> str:
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(1 << 20):  # language models may be larger than memory
            digest.update(block)
    return digest.hexdigest()[:8]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"
