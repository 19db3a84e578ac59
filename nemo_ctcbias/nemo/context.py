"""Where adapters sit in a model: between encoder and decoder, reading the encoder's inner layers through hooks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from nemo.core.classes.mixins.adapter_mixin_strategies import ResidualAddAdapterStrategy
from nemo.core.classes.mixins.adapter_mixins import AdapterModuleMixin
from torch import Tensor, nn

from nemo_ctcbias.adapter import Attention, ContextualAdapter, PhraseBank
from nemo_ctcbias.adapter.phrase_bank import TokenList
from nemo_ctcbias.bias_list import BiasList, Vocabulary, spell
from nemo_ctcbias.errors import BiasListError
from nemo_ctcbias.nemo.layers import hooked, keep_frames, layers_of

_CACHED_LISTS, _CACHED_PHRASES = 64, 30_000  # whichever is reached first; one list is always kept


@dataclass
class Encoded:
    """What an encoder made of a batch.

    Attributes:
        output: [B, C, T].
        lengths: int [B], valid frames.
        layers: [B, T_i, C_i] of the layers that adapters look at, by number.
        log_probs: [B, T, V + 1] that the decoder makes of the output.
    """

    output: Tensor
    lengths: Tensor
    layers: dict[int, Tensor]
    log_probs: Tensor


@dataclass
class Listened:
    """The lists of a batch, one an utterance, and which of their phrases each utterance is listened to for.

    Attributes:
        lists: with spelling variants, where these are in use.
        heard: for each utterance factors [N] on the phrases' weights, 0 for those left out; None: all as listed.
        strength: factor on the adapters' own.
    """

    lists: Sequence[BiasList | TokenList]
    heard: Sequence[np.ndarray | None] | None = None
    strength: float = 1.0


class ContextModule(nn.Module, AdapterModuleMixin):
    """Hosts contextual adapters. Without one it holds no weights, so that base checkpoints load as they are.

    With `keeps_attention`, `attention` (by adapter, of the rows of `attended`) and `unbiased` (the log-probs without
    any list) are those of the last batch.
    """

    def __init__(self):
        super().__init__()
        self.set_accepted_adapter_types([ContextualAdapter])
        self.dimensions: dict[str, Any] = {}
        self.keeps_attention = False
        self.attention: dict[str, Attention] = {}
        self.attended: Sequence[TokenList] = ()
        self.unbiased: Tensor | None = None
        self._token_lists: OrderedDict[Any, TokenList] = OrderedDict()
        self._banks: OrderedDict[Any, PhraseBank] = OrderedDict()

    def __getstate__(self) -> dict:
        """Everything but what is made anew when needed."""
        return {
            **self.__dict__,
            "attention": {},
            "attended": (),
            "unbiased": None,
            "_token_lists": OrderedDict(),
            "_banks": OrderedDict(),
        }

    def add_adapter(self, name: str, cfg: Any) -> None:
        """As NeMo's; `dimensions` holds those of the base model, with the decoder's token vectors as `rows` [V, C]."""
        dimensions = dict(self.dimensions)
        rows = dimensions.pop("rows", None)
        super().add_adapter(name, cfg, **dimensions)
        adapter = self.adapter_layer[self.resolve_adapter_module_name_(name)[1]]
        if not hasattr(adapter, "adapter_strategy"):
            adapter.adapter_strategy = ResidualAddAdapterStrategy()
        if rows is not None and adapter.starts_from_decoder:
            adapter.encoder.start_from(rows)

    def enabled(self) -> dict[str, ContextualAdapter]:
        """Adapters in use, by name."""
        return {name: self.adapter_layer[name] for name in self.get_enabled_adapters()}

    @contextmanager
    def listening(
        self, model: Any, vocabulary: Vocabulary, lists: Callable[[Encoded], Listened], strength: float = 1.0
    ):
        """While this lasts, the encoder's output is changed by the enabled adapters.

        Yields a list of log-probs [B, T, V + 1], one a batch, that the decoder makes of the unchanged output.

        Args:
            model: with `encoder` and `decoder`.
            vocabulary: spells the lists.
            lists: those of a batch.
            strength: factor on the adapters' own, besides that of the lists.
        """
        seen: dict[int, Tensor] = {}
        unadapted: list[Tensor] = []

        def act(module, inputs, output):
            found = self._encoded(model, output, seen)
            unadapted.append(found.log_probs)
            listened = lists(found)
            changed = self.change(found, vocabulary, listened.lists, strength * listened.strength, listened.heard)
            return (changed, *output[1:])

        with self._tapped(model.encoder, seen), hooked(model.encoder, act):
            yield unadapted

    @contextmanager
    def recording(self, model: Any):
        """While this lasts, the encoder's output and layers are kept: yields a list of `Encoded`, one a batch."""
        kept: list[Encoded] = []
        seen: dict[int, Tensor] = {}

        def act(module, inputs, output):
            kept.append(self._encoded(model, output, dict(seen)))

        with self._tapped(model.encoder, seen), hooked(model.encoder, act):
            yield kept

    @staticmethod
    @torch.no_grad()
    def _encoded(model: Any, output: tuple, seen: dict[int, Tensor]) -> Encoded:
        return Encoded(output[0], output[1], seen, model.decoder(encoder_output=output[0]))

    @contextmanager
    def _tapped(self, encoder: nn.Module, seen: dict[int, Tensor]):
        layers = layers_of(encoder)
        with ExitStack() as stack:
            for number in {layer for adapter in self.enabled().values() for layer in adapter.query_layers}:
                stack.enter_context(hooked(layers[number], keep_frames(seen, number)))
            yield

    def change(
        self,
        encoded: Encoded,
        vocabulary: Vocabulary,
        lists: Sequence[BiasList | TokenList],
        strength: float = 1.0,
        heard: Sequence[np.ndarray | None] | None = None,
    ) -> Tensor:
        """The encoder's output [B, C, T] as the enabled adapters change it; itself if there is nothing to listen for.

        `heard` as in `Listened`; the phrases that are left out are not even embedded.

        Raises:
            BiasListError: a list that is longer than an adapter takes.
        """
        token_lists = [self.tokens_of(one, vocabulary) for one in lists]
        if heard is not None:
            pairs = zip(token_lists, heard, strict=True)
            token_lists = [one if factors is None else one.heard(factors) for one, factors in pairs]
        if self.keeps_attention:
            self.unbiased, self.attention, self.attended = encoded.log_probs, {}, token_lists
        if not any(map(len, token_lists)):
            return encoded.output
        self._batch = (encoded, token_lists, strength)
        try:
            return self.forward_enabled_adapters(encoded.output.transpose(1, 2)).transpose(1, 2)
        finally:
            del self._batch

    def forward_single_enabled_adapter_(self, input, adapter_module, *, adapter_name, adapter_strategy):
        """One adapter on [B, T, C]; NeMo's strategy says how its result is added."""
        batch, token_lists, strength = self._batch
        layers = [batch.layers[number] for number in adapter_module.query_layers]
        bank = PhraseBank.stack([self._bank(adapter_name, adapter_module, one) for one in token_lists])

        def added(encoded: Tensor) -> Tensor:
            added, attention = adapter_module.attend(encoded, layers, batch.lengths, batch.log_probs, bank)
            if self.keeps_attention:
                self.attention[adapter_name] = attention
            return added if strength == 1 else strength * added

        return adapter_strategy(input, added, module=self)

    def tokens_of(self, bias_list: BiasList | TokenList, vocabulary: Vocabulary) -> TokenList:
        """The list as token ids, kept for the next batch; suppressed and unusable phrases have no row."""
        if isinstance(bias_list, TokenList):
            return bias_list
        for name, adapter in self.enabled().items():
            if len(bias_list) > adapter.max_phrases:
                raise BiasListError(
                    f"{bias_list.source or 'bias list'}: {len(bias_list)} phrases, adapter {name!r} takes at most "
                    f"{adapter.max_phrases}; raise its max_phrases or shorten the list"
                )
        key = (bias_list, vocabulary.pieces)
        return _remember(self._token_lists, key, lambda: self._spell(bias_list, vocabulary))

    def _spell(self, bias_list: BiasList, vocabulary: Vocabulary) -> TokenList:
        spelled = [
            (one.tokens, bias_list[one.phrase], one.phrase)
            for one in spell(bias_list, vocabulary, alternatives=1).spellings
            if bias_list[one.phrase].weight > 0
        ]
        with torch.inference_mode(False):  # what transcription keeps may be trained on later
            return TokenList.of(
                [tokens for tokens, _, _ in spelled],
                [phrase.weight for _, phrase, _ in spelled],
                [phrase.type for _, phrase, _ in spelled],
                [owner for _, _, owner in spelled],
            )

    def _bank(self, name: str, adapter: ContextualAdapter, listed: TokenList) -> PhraseBank:
        """Embedded once a list, and again when the weights or the device have changed; never kept in training."""
        if torch.is_grad_enabled() or adapter.training:
            return adapter.embed(listed)
        weight = adapter.encoder.embedding.weight
        version = sum(0 if each.is_inference() else each._version for each in adapter.parameters())
        autocast = torch.is_autocast_enabled(weight.device.type) and torch.get_autocast_dtype(weight.device.type)
        # The list itself stands in the key, so that no other object can get its id while it is kept.
        key = (name, _Same(listed), version, weight.device, weight.dtype, autocast, torch.is_inference_mode_enabled())
        return _remember(self._banks, key, lambda: adapter.embed(listed))


class _Same:
    """Equal to itself only: a key by identity that keeps the object alive."""

    def __init__(self, value: Any):
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value


def _remember(store: OrderedDict, key: Any, make: Callable[[], Any]) -> Any:
    if key not in store:
        store[key] = make()
        while len(store) > 1 and (len(store) > _CACHED_LISTS or sum(map(len, store.values())) > _CACHED_PHRASES):
            store.popitem(last=False)
    store.move_to_end(key)
    return store[key]
