"""Any stock NeMo CTC checkpoint as a biased model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nemo.collections.asr.models import ASRModel, EncDecCTCModel, EncDecCTCModelBPE

from nemo_ctcbias.errors import ModelError
from nemo_ctcbias.nemo.biased_ctc import BiasedCTCMixin
from nemo_ctcbias.nemo.ctc_models import BiasedEncDecCTCModel, BiasedEncDecCTCModelBPE
from nemo_ctcbias.nemo.internals import refusals, sharing
from nemo_ctcbias.nemo.stored_weights import first_line
from nemo_ctcbias.shipped import checkpoint


def from_ctc(source: EncDecCTCModel | str | Path) -> BiasedCTCMixin:
    """A biased model of a live NeMo CTC model, a `.nemo` file, a pretrained name or a shipped model's ("small").

    Weights, tokenizer, artifacts and decoding config are kept; a live model shares its weights with the
    result.  Subword or character class follows from the source.

    Raises:
        ModelError: if there is no such file, or it is not a CTC model.
    """
    model = restored(source) if isinstance(source, (str, Path)) else source
    if isinstance(model, BiasedCTCMixin):
        return model
    if isinstance(model, EncDecCTCModelBPE):
        kind = BiasedEncDecCTCModelBPE
    elif isinstance(model, EncDecCTCModel):
        kind = BiasedEncDecCTCModel
    else:
        name = f"{source}: " if isinstance(source, (str, Path)) else ""
        raise ModelError(
            f"{name}{type(model).__name__} is not a CTC model; give an EncDecCTCModel or EncDecCTCModelBPE checkpoint"
        )
    biased = sharing(model, kind)
    biased._setup_biasing(local=False)  # its config may be that of an archive
    biased.train(model.training)
    return biased


def restored(source: str | Path, device: Any = "cpu") -> ASRModel:
    """The model of a `.nemo` file, of a pretrained name or of a shipped model's.

    Raises:
        ModelError: there is none, or it cannot be restored.
    """
    source = checkpoint(source)
    path = Path(source)
    if path.suffix == ".ckpt":
        raise ModelError(f"{path}: loading a Lightning checkpoint can run code; load it in NeMo and save it as .nemo")
    if path.suffix == ".nemo" or path.exists():
        if not path.is_file():
            raise ModelError(f"{path}: no such file; give a .nemo checkpoint or a pretrained NeMo model name")
        with refusals() as refused:
            try:
                return ASRModel.restore_from(str(path), map_location=device)
            except Exception as error:  # NeMo raises whatever tar, YAML or torch raise
                reason = first_line(refused[0] if refused else error)
                raise ModelError(f"{path}: not a NeMo checkpoint that can be restored ({reason})") from error
    try:
        return ASRModel.from_pretrained(str(source), map_location=device)
    except Exception as error:
        raise ModelError(
            f"{source}: neither a .nemo file nor a pretrained model that could be fetched ({first_line(error)})"
        ) from error
