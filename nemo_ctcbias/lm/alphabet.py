"""The vocabulary of a checkpoint read from its file, without NeMo (importing which takes longer than a build)."""

from __future__ import annotations

import tarfile
import zlib
from pathlib import Path

from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.data_files import parse_yaml
from nemo_ctcbias.errors import ModelError

MOST_BYTES = 64 << 20  # of a model_config.yaml


def vocabulary_of_file(path: str | Path) -> Vocabulary:
    """The tokens of a `.nemo` file's CTC head.

    Raises:
        ModelError: no such file, no `.nemo` archive, or a model without a CTC vocabulary.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"{path}: no such file; give a .nemo checkpoint, or the characters it writes")
    try:
        with tarfile.open(path) as archive:
            member = next(m for m in archive if Path(m.name).name == "model_config.yaml")
            config = parse_yaml(archive.extractfile(member).read(MOST_BYTES).decode("utf-8"))
    except (tarfile.TarError, OSError, EOFError, zlib.error, StopIteration, AttributeError, ValueError) as error:
        raise ModelError(f"{path}: is no .nemo checkpoint (no model_config.yaml inside); give another file") from error
    decoder = config.get("decoder") if isinstance(config, dict) else None
    pieces = decoder.get("vocabulary") if isinstance(decoder, dict) else None
    if not pieces or not isinstance(pieces, list):
        raise ModelError(f"{path}: names no CTC vocabulary; give a CTC checkpoint, or the characters it writes")
    return Vocabulary([str(piece) for piece in pieces])


def vocabulary_of_characters(characters: str) -> Vocabulary:
    """A vocabulary that writes these characters, and spaces between words."""
    pieces = [" ", *dict.fromkeys(c for c in characters if not c.isspace())]
    if len(pieces) == 1:
        raise ModelError('characters: none given; give for example "abcdefghijklmnopqrstuvwxyz\'"')
    return Vocabulary(pieces)
