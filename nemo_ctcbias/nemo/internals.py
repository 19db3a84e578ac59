"""Every private or fragile name of NeMo that we rely on: what we take it for, and functions that hide it.

`NAMES` lists them for the test that says which NeMo lacks which (tests/nemo/test_internals.py).  Public methods that
our classes override are listed as well where NeMo's own calls must find them.  How classes are allowed to be restored
stands in `registration`, which must not import NeMo.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from nemo.collections.asr.parts.mixins.transcription import InternalTranscribeConfig
from nemo.collections.asr.parts.submodules.ctc_decoding import CTCBPEDecoding, CTCDecoding
from nemo.collections.asr.parts.utils.rnnt_utils import Hypothesis
from nemo.utils.app_state import AppState
from omegaconf import OmegaConf, open_dict

from nemo_ctcbias.errors import BiasingError

#: (module, class) -> attributes that must be there.
NAMES: dict[tuple[str, str], tuple[str, ...]] = {
    ("nemo.collections.asr.parts.mixins.transcription", "TranscriptionMixin"): (
        "_transcribe_on_begin",
        "_transcribe_on_end",
        "_transcribe_input_processing",
        "_transcribe_forward",
        "_transcribe_output_processing",
        "transcribe_generator",
    ),
    ("nemo.collections.asr.models", "EncDecCTCModel"): (
        "_setup_dataloader_from_config",
        "change_decoding_strategy",
        "change_vocabulary",
        "predict_step",
        "get_transcribe_config",
        "setup_adapters",
        "adapter_module_names",
        "default_adapter_module_name",
        "adapter_global_cfg_key",
        "resolve_adapter_module_name_",
        "register_artifact",
    ),
    ("nemo.collections.asr.models", "EncDecHybridRNNTCTCModel"): (
        "_transcribe_forward",
        "change_decoding_strategy",
        "change_vocabulary",
        "predict_step",
    ),
    ("nemo.collections.asr.parts.submodules.ctc_decoding", "AbstractCTCDecoding"): ("ctc_decoder_predictions_tensor",),
    ("nemo.collections.asr.parts.submodules.ctc_decoding", "CTCBPEDecoding"): ("decode_tokens_to_str",),
    ("nemo.collections.asr.parts.submodules.ctc_greedy_decoding", "GreedyBatchedCTCInfer"): ("_get_confidence_tensor",),
    ("nemo.core.classes.mixins.adapter_mixins", "AdapterModuleMixin"): (
        "get_enabled_adapters",
        "set_accepted_adapter_types",
        "resolve_adapter_module_name_",
    ),
    ("nemo.core.classes.common", ""): ("ALLOWED_TARGET_PREFIXES",),
    ("nemo.utils.app_state", "AppState"): ("is_model_being_restored", "nemo_file_folder"),
}

_INFERENCE = "nemo.collections.asr.inference"

#: The same of the inference pipelines, which NeMo 2.6 lacks; of their builders, the classes that they make.
PIPELINE_NAMES: dict[tuple[str, str], tuple[str, ...]] = {
    (f"{_INFERENCE}.pipelines.{file}_ctc_pipeline", kind): (
        "create_state",
        "get_state",
        "init_bpe_decoder",
        "run_greedy_decoder",
        "update_partial_transcript",
    )
    for file, kind in (("cache_aware", "CacheAwareCTCPipeline"), ("buffered", "BufferedCTCPipeline"))
} | {
    (f"{_INFERENCE}.factory.cache_aware_pipeline_builder", ""): ("CacheAwareCTCPipeline",),
    (f"{_INFERENCE}.factory.buffered_pipeline_builder", ""): ("BufferedCTCPipeline",),
    (f"{_INFERENCE}.streaming.state.state", "StreamingState"): ("push_back_segment", "push_back_words"),
    (f"{_INFERENCE}.utils.bpe_decoder", "BPEDecoder"): ("decode_bpe_tokens",),
}


# --- one call of `transcribe`


@dataclass
class CallConfig(InternalTranscribeConfig):
    """What NeMo hands through all steps of a call, and with it what is ours: `call`."""

    call: Any = None


def transcribe_config(method: Callable, call: Any, *args: Any, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
    """(audio, keywords) for a model's `transcribe`, with one config that carries `call` to every step."""
    given = inspect.signature(method).bind(*args, **kwargs).arguments
    given.update(given.pop("prompt", {}))  # of hybrids with prompts: the language
    audio, config = given.pop("audio"), given.pop("override_config", None)
    if config is None:
        config = method.__self__.get_transcribe_config()
        known = {item.name for item in fields(config)}
        config = replace(config, **{"num_workers": 0, **{name: given[name] for name in given if name in known}})
        config.return_hypotheses = bool(config.return_hypotheses or config.timestamps)
    internal = vars(config._internal) if config._internal is not None else {}
    internal.pop("call", None)
    config._internal = CallConfig(**internal, call=call)
    return audio, {"timestamps": given.get("timestamps"), "override_config": config}


def without_timestamps(options: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
    """Whether the options of `transcribe_config` ask for times, and the same without asking.

    NeMo's CTC models make their whole decoding anew in each call that asks, even where it works out times already.
    """
    config = options["override_config"]
    timed = bool(options["timestamps"] or config.timestamps)
    return timed, {"timestamps": None, "override_config": replace(config, timestamps=None)} if timed else options


def call_of(config: Any, make: Callable[[], Any]) -> Any:
    """What a call carries; where NeMo's own generator was called, it is made now."""
    if not isinstance(config._internal, CallConfig):
        config._internal = CallConfig(**vars(config._internal), call=make())
    return config._internal.call


def call_begun(config: Any) -> Any:
    """What a call carries; None before its first step."""
    return getattr(config._internal, "call", None)


def manifest_of_call(config: Any) -> Path:
    """The manifest that NeMo wrote for this call (or was given)."""
    return Path(config._internal.temp_dir) / "manifest.json"


def was_training(config: Any) -> bool:
    """Whether the model was in training mode before the call."""
    return config._internal.training_mode


@contextmanager
def decoding_unchanged_on_error(model: Any) -> Iterator[None]:
    """An error or interrupt leaves the model's decoding as it was before; NeMo itself puts back modes and loggers."""
    attributes = {name: copy.copy(value) if type(value) is dict else value for name, value in vars(model).items()}
    config = copy.deepcopy(model.ctc_config.decoding)
    try:
        yield
    except BaseException:
        vars(model).clear()
        vars(model).update(attributes)
        model.ctc_strategy = model.ctc_strategy  # its metric has it, too
        with open_dict(model.cfg):
            model.ctc_config.decoding = config
        raise


@contextmanager
def unchanged_on_error(model: Any) -> Iterator[None]:
    """An error or interrupt leaves all of the model as it was: config, settings, decoding, adapters and other parts.

    Weights are not copied: what changes a model replaces its parts, and does not write into them.
    """
    before = [(part, {name: _kept(value) for name, value in vars(part).items()}) for part in model.modules()]
    try:
        yield
    except BaseException:
        for part, attributes in before:
            vars(part).clear()
            vars(part).update(attributes)
        raise


def _kept(value: Any) -> Any:
    return copy.deepcopy(value) if OmegaConf.is_config(value) else copy.copy(value) if type(value) is dict else value


# --- models


def archive_folder() -> Path | None:
    """Where NeMo has unpacked the archive of the model that is being restored; None while none is."""
    state = AppState()
    folder = Path(state.nemo_file_folder) if state.is_model_being_restored and state.nemo_file_folder else None
    return folder if folder is not None and folder.is_dir() else None  # NeMo does not take it back after a failure


#: Why constructors of our models failed: NeMo tells its log only, and goes on to raise something else.
_refused: ContextVar[list[BiasingError] | None] = ContextVar("refused", default=None)


@contextmanager
def refusals() -> Iterator[list[BiasingError]]:
    """What our models' constructors refuse meanwhile."""
    found: list[BiasingError] = []
    token = _refused.set(found)
    try:
        yield found
    finally:
        _refused.reset(token)


@contextmanager
def refusing() -> Iterator[None]:
    """In a constructor: what it refuses is told to `refusals`."""
    try:
        yield
    except BiasingError as error:
        if (found := _refused.get()) is not None:
            found.append(error)
        raise


def sharing(model: Any, kind: type) -> Any:
    """A `kind` with the modules of `model`, whose containers and config are copied: the original stays as it is."""
    shared = kind.__new__(kind)
    shared.__dict__.update(
        {name: copy.copy(value) if isinstance(value, dict) else value for name, value in model.__dict__.items()}
    )
    shared._cfg = copy.deepcopy(model._cfg)
    with open_dict(shared._cfg):
        shared._cfg.target = f"{kind.__module__}.{kind.__qualname__}"
    for metric in {"wer", kind.branch[2]}:
        setattr(shared, metric, copy.copy(getattr(model, metric)))
    return shared


def features_of(model: Any) -> int:
    """How many features its encoder reads."""
    return getattr(model.encoder, "_feat_in", None) or model.cfg.preprocessor.features


# --- decoding


class SubwordDecoding(CTCBPEDecoding):
    """NeMo's decoding of subwords, which in NeMo 3 cannot write those of an aggregate of tokenizers."""

    def decode_tokens_to_str(self, tokens: list[str]) -> str:
        """As NeMo's, for any tokenizer."""
        if hasattr(self.tokenizer, "tokenizers_dict"):
            return "".join(tokens).replace("▁", " ").removeprefix(" ")
        return super().decode_tokens_to_str(tokens)


def joined_marks(decoding: Any, text: str) -> str:
    """A text as NeMo writes it: without spaces before punctuation."""
    return decoding.space_before_punct_pattern.sub(r"\2", text) if decoding.supported_punctuation else text


def frame_path_writer(decoding: Any) -> Any:
    """NeMo's own greedy decoding of this kind, which takes hypotheses (frame paths) in place of log-probs.

    It collapses them and works out text, timestamps and confidences as it does of its own.
    """
    config = OmegaConf.create(OmegaConf.to_container(decoding.cfg))
    config.strategy, config.batch_dim_index = "greedy_batch", 0
    if isinstance(decoding, CTCBPEDecoding):
        writer = SubwordDecoding(config, tokenizer=decoding.tokenizer)
    else:
        labels = decoding.labels_map
        writer = CTCDecoding(config, vocabulary=[labels[index] for index in range(len(labels))])
    writer.frame_confidence_of = writer.decoding._get_confidence_tensor
    writer.aggregate_confidence = writer._aggregate_confidence
    writer.decoding = _ready
    return writer


def _ready(decoder_output: list[Hypothesis], decoder_lengths: Any = None) -> tuple[list[Hypothesis]]:
    """Stands where NeMo's strategy stands; what it is given is decoded already."""
    return (decoder_output,)
