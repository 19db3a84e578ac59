"""Where contextual adapters sit in a model: between encoder and decoder."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from nemo.core.classes.mixins.adapter_mixin_strategies import ResidualAddAdapterStrategy
from nemo.core.classes.mixins.adapter_mixins import AdapterModuleMixin
from torch import Tensor, nn

from nemo_ctcbias.adapter import Attention, ContextualAdapter, PhraseBank
from nemo_ctcbias.adapter.phrase_bank import TokenList
from nemo_ctcbias.errors import BiasListError
from nemo_ctcbias.nemo.encoder import Encoded

#: Embeds the list of an utterance (by its place in the batch) with an adapter of this name.
Embed = Callable[[int, str, ContextualAdapter], PhraseBank]


@dataclass
class Changed:
    """What adapters made of an encoder's output.

    Attributes:
        output: [B, C, T].
        attention: of each adapter, by name.
    """

    output: Tensor
    attention: dict[str, Attention] = field(default_factory=dict)


class ContextModule(nn.Module, AdapterModuleMixin):
    """Hosts contextual adapters. Without one it holds no weights, so that base checkpoints load as they are."""

    def __init__(self):
        super().__init__()
        self.set_accepted_adapter_types([ContextualAdapter])
        self.dimensions: dict[str, Any] = {}

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

    def change(
        self, encoded: Encoded, lists: Sequence[TokenList], strength: float = 1.0, embed: Embed | None = None
    ) -> Changed:
        """The encoder's output as the enabled adapters change it; itself if there is nothing to listen for.

        Args:
            lists: of each utterance.
            strength: factor on the adapters' own.
            embed: gives embedded lists, for example kept ones; None embeds them anew.

        Raises:
            BiasListError: a list that is longer than an adapter takes.
        """
        if not any(map(len, lists)):
            return Changed(encoded.output)
        for name, adapter in self.enabled().items():
            longest = max(lists, key=len)  # in rows, of which a phrase may have several
            if len(longest) > adapter.max_phrases and (count := len(set(longest.owners))) > adapter.max_phrases:
                raise BiasListError(
                    f"bias list: {count} phrases, adapter {name!r} takes at most {adapter.max_phrases}; raise its "
                    "max_phrases or shorten the list"
                )
        changed = Changed(encoded.output.transpose(1, 2))
        for name, adapter in self.enabled().items():
            if embed is None:
                banks = {id(one): adapter.embed(one) for one in lists}  # a batch may share one list
                bank = PhraseBank.stack([banks[id(one)] for one in lists])
            else:
                bank = PhraseBank.stack([embed(place, name, adapter) for place in range(len(lists))])
            changed.output = self._added(changed, name, adapter, encoded, bank, strength)
        changed.output = changed.output.transpose(1, 2)
        return changed

    def _added(
        self,
        changed: Changed,
        name: str,
        adapter: ContextualAdapter,
        encoded: Encoded,
        bank: PhraseBank,
        strength: float,
    ) -> Tensor:
        """One adapter on [B, T, C]; NeMo's strategy says how its result is added."""
        layers = [encoded.layers[number] for number in adapter.query_layers]

        def added(frames: Tensor) -> Tensor:
            found, changed.attention[name] = adapter.attend(frames, layers, encoded.lengths, encoded.log_probs, bank)
            return found if strength == 1 else strength * found

        return adapter.adapter_strategy(changed.output, added, module=self)


def version_of(adapter: ContextualAdapter) -> Hashable:
    """Changes with the adapter's weights, their device and type: what was embedded before is of no use then."""
    weight = adapter.encoder.embedding.weight
    version = sum(0 if each.is_inference() else each._version for each in adapter.parameters())
    autocast = torch.is_autocast_enabled(weight.device.type) and torch.get_autocast_dtype(weight.device.type)
    return id(adapter), version, weight.device, weight.dtype, autocast, torch.is_inference_mode_enabled()
