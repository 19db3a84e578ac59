"""The model classes that NeMo restores, its CTC models and hybrids with a bias list; any stock checkpoint as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nemo.collections.asr.models import (
    ASRModel,
    EncDecCTCModel,
    EncDecCTCModelBPE,
    EncDecHybridRNNTCTCBPEModel,
    EncDecHybridRNNTCTCBPEModelWithPrompt,
    EncDecHybridRNNTCTCModel,
)
from omegaconf import DictConfig

from nemo_ctcbias.errors import ModelError
from nemo_ctcbias.nemo.biased_ctc import BiasedCTCMixin
from nemo_ctcbias.nemo.branch import CTCBranch, HybridMixin
from nemo_ctcbias.nemo.cache_aware import CacheAwareMixin
from nemo_ctcbias.nemo.contextual import ContextualMixin
from nemo_ctcbias.nemo.copies import CopyMixin
from nemo_ctcbias.nemo.internals import refusals, sharing
from nemo_ctcbias.nemo.phonetic import PhoneticMixin
from nemo_ctcbias.nemo.stored_weights import first_line
from nemo_ctcbias.nemo.strategy import BiasedCTCBPEDecoding, BiasedCTCDecoding
from nemo_ctcbias.nemo.streams import StreamMixin
from nemo_ctcbias.shipped import checkpoint


class _Biased(CopyMixin, PhoneticMixin, ContextualMixin, CacheAwareMixin, StreamMixin, BiasedCTCMixin):
    """All that is ours, of models with subwords."""

    @classmethod
    def list_available_models(cls) -> list:
        """None of its own: NeMo would otherwise resolve its pretrained names to this subclass."""
        return []

    @classmethod
    def from_pretrained(cls, model_name: str, *args, **kwargs):
        """NeMo's pretrained CTC model of that name, biased."""
        return from_ctc(ASRModel.from_pretrained(model_name, *args, **kwargs))

    @classmethod
    def from_ctc(cls, source):
        """See `nemo_ctcbias.from_ctc`."""
        return from_ctc(source)

    def _make_decoding(self, config: DictConfig):
        return BiasedCTCBPEDecoding(config, tokenizer=self.tokenizer)


class _BiasedCharacters(_Biased):
    """The same of models with characters."""

    def _make_decoding(self, config: DictConfig):
        return BiasedCTCDecoding(config, vocabulary=list(self.ctc_head.vocabulary))


class BiasedEncDecCTCModelBPE(_Biased, EncDecCTCModelBPE):
    """`EncDecCTCModelBPE` (subwords) that takes a bias list."""


class BiasedEncDecCTCModel(_BiasedCharacters, EncDecCTCModel):
    """`EncDecCTCModel` (characters) that takes a bias list."""


class BiasedEncDecHybridRNNTCTCBPEModel(HybridMixin, _Biased, EncDecHybridRNNTCTCBPEModel):
    """`EncDecHybridRNNTCTCBPEModel` (RNN-T or TDT beside CTC, subwords) that takes a bias list."""


class BiasedEncDecHybridRNNTCTCModel(HybridMixin, _BiasedCharacters, EncDecHybridRNNTCTCModel):
    """`EncDecHybridRNNTCTCModel` (the same with characters) that takes a bias list."""


class BiasedEncDecHybridRNNTCTCBPEModelWithPrompt(HybridMixin, _Biased, EncDecHybridRNNTCTCBPEModelWithPrompt):
    """`EncDecHybridRNNTCTCBPEModelWithPrompt` (subwords, told the language) that takes a bias list."""

    # Its batches carry prompts and no row of the manifest: there the stored list acts, without adapters.
    predict_step = EncDecHybridRNNTCTCBPEModelWithPrompt.predict_step


#: Of each kind that NeMo loads, the special ones first: ours.
BIASED = {
    kind.__mro__[kind.__mro__.index(CTCBranch) + 1]: kind
    for kind in (
        BiasedEncDecHybridRNNTCTCBPEModelWithPrompt,
        BiasedEncDecHybridRNNTCTCBPEModel,
        BiasedEncDecHybridRNNTCTCModel,
        BiasedEncDecCTCModelBPE,
        BiasedEncDecCTCModel,
    )
}


def from_ctc(source: ASRModel | str | Path) -> BiasedCTCMixin:
    """A biased model of a live NeMo CTC model, a `.nemo` file, a pretrained name or a shipped model's ("small").

    Weights, tokenizer, artifacts and decoding config are kept; a live model shares its weights with the
    result.  Its class follows from the source; a hybrid decodes with its CTC branch from now on.

    Raises:
        ModelError: if there is no such file, or it has no CTC branch.
    """
    model = restored(source) if isinstance(source, (str, Path)) else source
    if isinstance(model, BiasedCTCMixin):
        return model
    kind = next((ours for nemos, ours in BIASED.items() if isinstance(model, nemos)), None)
    if kind is None:
        name = f"{source}: " if isinstance(source, (str, Path)) else ""
        raise ModelError(f"{name}{type(model).__name__} is not a CTC model; give one, or a hybrid with a CTC branch")
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
