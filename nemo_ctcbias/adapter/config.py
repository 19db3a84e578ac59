"""Settings of a contextual adapter; what `model.add_adapter(name, config)` takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nemo_ctcbias.data_files import interpolation
from nemo_ctcbias.errors import SettingError

MOST, MOST_PHRASES = 4096, 10_000_000  # of what memory depends on; beyond any sense


@dataclass
class ContextualAdapterConfig:
    """Shape and limits of a contextual adapter; the base model's own dimensions are filled in when it is added.

    Args:
        query_layers: encoder layers that the query looks at (0 first, -1 last); None: the InterCTC layers, or
            the ones at one and two thirds of the depth where the model has none.
        final_layer: whether the encoder's output is among them.
        query_context: frames that a query sees, an odd number; 1: its own frame alone, as in the paper.
        dim: width of phrase embeddings and attention.
        heads: of the attention over phrases; divides `dim`.
        embedding: "decoder" starts the token embedding from the rows of the CTC decoder, "own" at random.
        token_attention: whether the best phrases are attended token by token as well (ours), so that a frame
            is told which subword of the phrase is due; False: the paper's one vector a phrase.
        token_phrases: phrases of an utterance that are attended token by token.
        types: names of lists that phrases may belong to (`Phrase.type`), each with an embedding of its own.
        evidence_context: frames to either side in which the base model's log-probs are searched for a phrase's tokens.
        preselect: phrases of an utterance that take part in the attention; longer lists are thinned to those
            whose tokens were heard best.
        max_phrases: longer lists are refused.
        usual_size: phrases of a list; in longer ones every phrase needs more evidence, the more the longer.
        strength: factor on what is added to the encoder's output; a trained adapter is on the careful side.
        dropout: while training.
        base: written by `add_adapter`, checked when the adapter is loaded into a model: encoder width, layers
            and vocabulary.
        adapter_strategy: how NeMo adds the result to the encoder output; None: plain addition.
        enabled: whether it acts; `model.set_enabled_adapters` changes it.
    """

    _target_: str = "nemo_ctcbias.adapter.contextual_adapter.ContextualAdapter"
    query_layers: list[int] | None = None
    final_layer: bool = True
    query_context: int = 9
    dim: int = 128
    heads: int = 4
    embedding: str = "decoder"
    token_attention: bool = True
    token_phrases: int = 16
    types: list[str] = field(default_factory=list)
    evidence_context: int = 10
    preselect: int = 128
    max_phrases: int = 50_000
    usual_size: int = 2000
    strength: float = 1.0
    dropout: float = 0.1
    base: dict[str, Any] | None = None
    adapter_strategy: Any = None
    enabled: bool = True


def check_config(given: Any, layers: int) -> DictConfig:
    """Defaults overlaid by what was given, layer numbers counted from 0.

    Args:
        given: a `ContextualAdapterConfig`, mapping or DictConfig.
        layers: of the encoder.

    Raises:
        SettingError: naming the field that does not exist or whose value cannot be.
    """
    config = _merged(given)
    frames, phrases = ("query_context", "evidence_context"), ("token_phrases", "preselect", "max_phrases", "usual_size")
    for name in ("dim", "heads", *frames, *phrases):
        most = MOST_PHRASES if name in phrases else MOST
        if not 1 <= config[name] <= most:
            raise SettingError(f"adapter.{name}: must be from 1 to {most}, got {config[name]}")
    if config.query_layers is not None:
        config.query_layers = [_layer(number, layers) for number in config.query_layers]
    for name, fits, reason in _requirements(config):
        if not fits:
            raise SettingError(f"adapter.{name}: {reason}")
    return OmegaConf.create(OmegaConf.to_container(config))  # NeMo adds keys of its own


def _merged(given: Any) -> DictConfig:
    """Defaults overlaid by what was given, each value of its type."""
    if is_dataclass(given) and not isinstance(given, type):
        given = OmegaConf.structured(given)
    if OmegaConf.is_config(given):
        given = OmegaConf.to_container(given, resolve=False)
    if not isinstance(given, Mapping):
        raise SettingError(f"adapter: a config is a mapping of its fields, got {type(given).__name__}")
    if (odd := interpolation(given)) is not None:
        raise SettingError(f"adapter: nothing is interpolated here, got {odd!r}; write the value itself")
    try:
        return OmegaConf.merge(OmegaConf.structured(ContextualAdapterConfig), dict(given))
    except (OmegaConfBaseException, ValueError, TypeError) as error:
        known = ", ".join(item.name for item in fields(ContextualAdapterConfig) if not item.name.startswith("_"))
        raise SettingError(f"adapter: {str(error).splitlines()[0]}; its fields are {known}") from error


def _requirements(config: DictConfig) -> Iterator[tuple[str, bool, str]]:
    """(field, whether its value can be, why not)."""
    target, read = ContextualAdapterConfig._target_, config.query_layers
    yield "_target_", config._target_ == target, f"{config._target_[:60]!r} is no contextual adapter; leave it out"
    divides = f"{config.heads} do not divide dim {config.dim}; choose one that does"
    yield "heads", config.dim % config.heads == 0, divides
    odd = f"must be odd, got {config.query_context}; frames to both sides count"
    yield "query_context", config.query_context % 2 == 1, odd
    bounds = f"must be above 0 and at most {MOST}, got {config.strength}; to have none, disable it"
    yield "strength", 0 < config.strength <= MOST, bounds
    yield "dropout", 0 <= config.dropout < 1, f"must be from 0 to below 1, got {config.dropout}"
    yield "embedding", config.embedding in ("decoder", "own"), f"'decoder' or 'own', got {config.embedding!r}"
    twice = read is not None and len(set(read)) < len(read)
    yield "query_layers", not twice, f"{read and list(read)} names a layer twice"
    none = "empty, and final_layer is off; the query needs at least one layer"
    yield "query_layers", read is None or len(read) > 0 or config.final_layer, none


def _layer(number: int, layers: int) -> int:
    if not isinstance(number, int) or isinstance(number, bool):
        raise SettingError(f"adapter.query_layers: must be a list of whole numbers, got {type(number).__name__} in it")
    if not -layers <= number < layers:
        raise SettingError(f"adapter.query_layers: no layer {number}; the encoder has {layers}, 0 to {layers - 1}")
    return number % layers
