"""Contextual adapters on a model: NeMo's adapter calls, with the bias lists acting on the encoder's output."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from nemo.utils import logging
from omegaconf import OmegaConf, open_dict
from torch import Tensor, nn

from nemo_ctcbias.adapter import Attention, ContextualAdapter, PhraseBank
from nemo_ctcbias.adapter.config import check_config
from nemo_ctcbias.adapter.phrase_bank import TokenList
from nemo_ctcbias.adapter.possessives import keep_possessives
from nemo_ctcbias.compiled_list import CompiledList
from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.nemo.adapter_files import AdapterFilesMixin, check_base
from nemo_ctcbias.nemo.context import Changed, ContextModule, version_of
from nemo_ctcbias.nemo.encoder import Encoded, encode, layers_of, rows_of, widths_of
from nemo_ctcbias.nemo.heard_window import chunks_heard
from nemo_ctcbias.nemo.internals import features_of
from nemo_ctcbias.nemo.vocabulary import vocabulary_of
from nemo_ctcbias.recognizer import Adapt
from nemo_ctcbias.search.beam_search import NEARBY

HOST = "context"


class ContextualMixin(AdapterFilesMixin):
    """Adapters that listen to the bias list; `add_adapter("names", ContextualAdapterConfig())` and NeMo's other calls.

    Adapters named `encoder:...` and `decoder:...` are NeMo's own and work as in any model.
    """

    def setup_adapters(self) -> None:
        """Called by NeMo's constructor once encoder and decoder exist; adapters of the config are made again."""
        self._host_adapters()
        super().setup_adapters()

    def _host_adapters(self) -> None:
        if HOST not in self._modules:
            self.context = ContextModule()

    @property
    def adapter_module_names(self) -> list[str]:
        """Where adapters may go; '' is the default, ours."""
        return ["", HOST, *(name for name in super().adapter_module_names if name)]

    @property
    def default_adapter_module_name(self) -> str:
        """Ours."""
        return HOST

    def add_adapter(self, name: str, cfg: Any) -> None:
        """As NeMo's, with a `ContextualAdapterConfig` (or a mapping of its fields).

        Raises:
            SettingError: a name that cannot be, an unknown field or an impossible value.
            ModelError: the adapter belongs to another base model.
        """
        module, adapter = self.resolve_adapter_module_name_(name)
        if module not in ("", HOST):
            super().add_adapter(name, cfg)
            return
        layers = layers_of(self.encoder)
        self._check_name(adapter)
        cfg = check_config(cfg, len(layers))
        if cfg.query_layers is None:
            cfg.query_layers = self._usual_layers(len(layers))
        widths, width = widths_of(self.encoder, features_of(self))
        if cfg.base is not None:
            check_base(adapter, dict(cfg.base), self.adapter_base())
        cfg.base = self.adapter_base()
        self.context.dimensions = {
            "width": width,
            "layer_widths": [widths[number] for number in cfg.query_layers] + [width] * cfg.final_layer,
            "vocabulary_size": vocabulary_of(self).size,
            "rows": self._decoder_rows(width),
        }
        with self.changing():
            super().add_adapter(f"{HOST}:{adapter}", cfg)

    def change_vocabulary(self, *args: Any, **kwargs: Any) -> None:
        """As NeMo's; adapters that listen in the old tokens are removed, and a warning says so."""
        before = self._vocabulary_digest()
        super().change_vocabulary(*args, **kwargs)
        names = list(getattr(self.context, "adapter_layer", ())) if self._vocabulary_digest() != before else []
        if names:
            logging.warning(
                f"change_vocabulary: removed the adapters {', '.join(names)}, which listen in the old tokens; "
                "train them for the new ones"
            )
            self.context = ContextModule()
            with open_dict(self.cfg):
                for name in names:
                    del self.cfg.adapters[name]

    def disable_adapters(self) -> None:
        """Switch off all adapters that listen to the list."""
        for name in self.context.get_enabled_adapters():
            self.set_enabled_adapters(name, enabled=False)

    def _check_name(self, name: str) -> None:
        """NeMo finds an adapter's weights by looking for its name inside their names."""
        others = [other for other in self.adapter_names() if other != name]
        parts = {part for key, _ in ContextualAdapter(1, [1], 1, dim=4).named_parameters() for part in key.split(".")}
        taken = next((word for word in [*others, *parts] if name in word or word in name), None)
        if not name.isidentifier() or taken is not None:
            reason = f"it and {taken!r} contain one another" if taken is not None else "use letters, digits and _"
            raise SettingError(f"adapter name {name!r} cannot be used: {reason}; choose another, such as 'names'")

    def adapter_names(self) -> list[str]:
        """Of the adapters that the config knows."""
        return [name for name in self.cfg.get("adapters", {}) if name != self.adapter_global_cfg_key]

    def _usual_layers(self, count: int) -> list[int]:
        inter = OmegaConf.select(self._cfg, "interctc.apply_at_layers")
        return [number % count for number in inter] if inter else sorted({count // 3, 2 * count // 3})

    def adapter_base(self) -> dict[str, Any]:
        """What an adapter depends on, whatever the weights are."""
        width, layers = widths_of(self.encoder, features_of(self))[1], len(layers_of(self.encoder))
        return {"width": width, "layers": layers, "vocabulary": self._vocabulary_digest()}

    def _vocabulary_digest(self) -> str:
        return hashlib.sha256("\n".join(vocabulary_of(self).pieces).encode()).hexdigest()[:12]

    def _decoder_rows(self, width: int) -> torch.Tensor | None:
        """The decoder's vector of each token [V, C], if it is a single linear layer over the encoder's output."""
        weights = [p for name, p in self.ctc_head.named_parameters() if name.endswith("weight")]
        size = vocabulary_of(self).size
        fits = len(weights) == 1 and weights[0].shape[:2] == (size + 1, width) and weights[0][0].numel() == width
        return weights[0].detach().float().reshape(size + 1, width)[:size] if fits else None

    # --- acting

    def forward(self, *args, **kwargs):
        """As NeMo's, the encoder's output changed by the enabled adapters for the stored list."""
        listed = self.lists.of(self.bias_list)
        if not len(listed) or not self.adapters_act():
            return super().forward(*args, **kwargs)
        encoded = self.encode(*args, **kwargs)
        lists = [listed] * len(encoded.output)
        heard = self._heard(encoded, lists)
        log_probs = self._adapted(
            encoded, self._changed(encoded, lists, heard, self.recognizer.adapter_strength(heard))
        )
        return log_probs, encoded.lengths, log_probs.argmax(dim=-1)

    def encode(self, *args, **kwargs) -> Encoded:
        """What the encoder makes of a batch, whatever the lists; called as `forward`."""
        return self.encoded(lambda: self.run_ctc(*args, **kwargs))

    def encoded(self, run: Callable[[], None]) -> Encoded:
        """What passes through encoder and head while the model runs."""
        with self.lock:
            return encode(self.encoder, self.ctc_head, self.layers_read(), run)

    def layers_read(self) -> set[int]:
        """Numbers of the encoder's layers that adapters look at."""
        return {layer for adapter in self.context.enabled().values() for layer in adapter.query_layers}

    def looks_ahead(self) -> int:
        """How many frames behind the one that they change adapters look at."""
        adapters = self.context.enabled().values() if self.adapters_act() else ()
        return max((adapter.looks_ahead for adapter in adapters), default=0)

    @contextmanager
    def hearing(self, dropped: int = 0) -> Iterator[list[Encoded]]:
        """While this lasts: what passes through encoder and head, as `chunks_heard`; other threads wait."""
        with self.lock, chunks_heard(self.encoder, self.ctc_head, self.layers_read(), dropped) as chunks:
            yield chunks

    def adapters_act(self) -> bool:
        """Whether there is an adapter that may listen to lists."""
        settings = self.settings
        return bool(settings.enabled and settings.adapter and settings.weight and self.context.get_enabled_adapters())

    def adapting(self, encoded: Encoded) -> Adapt:
        """The enabled adapters on a batch, as the recognizer calls them."""

        def adapt(lists, heard, strength):
            log_probs = self._adapted(encoded, self._changed(encoded, lists, heard, strength))
            return rows_of(log_probs, encoded.lengths)

        return adapt

    def attended(self, encoded: Encoded, listed: CompiledList, name: str) -> tuple[Tensor, Attention | None, TokenList]:
        """Log-probs [B, T, V + 1] for a list, where an adapter looked, and the rows of the list that it looked at.

        There is no attention where no phrase can be spelled, or heard in the first utterance.
        """
        lists = [listed] * len(encoded.output)
        heard = self._heard(encoded, lists)
        rows = listed.tokens_for(heard[0])
        changed = self._changed(encoded, lists, heard, self.recognizer.adapter_strength(heard))
        return self._adapted(encoded, changed), changed.attention.get(name), rows

    def trained_on(self, lists: Sequence[TokenList], **inputs: Tensor) -> tuple[Encoded, Changed, Tensor]:
        """What the encoder makes of a batch, the adapters of that with these lists, and the decoder of that."""
        encoded = self.encode(**inputs)
        changed = self.context.change(encoded, lists, self.settings.strength)
        return encoded, changed, self._decoded(changed)

    def _heard(self, encoded: Encoded, lists: Sequence[CompiledList]) -> list[np.ndarray | None]:
        """Which phrases are listened for."""
        utterances = self.utterances(encoded, self.hears())
        recognizer = self.recognizer
        return [
            recognizer.detected(recognizer.witnesses(one, listed), listed)
            for one, listed in zip(utterances, lists, strict=True)
        ]

    def _changed(
        self, encoded: Encoded, lists: Sequence[CompiledList], heard: Sequence[np.ndarray | None], strength: float
    ) -> Changed:
        rows = [listed.tokens_for(factors) for listed, factors in zip(lists, heard, strict=True)]

        def embed(place: int, name: str, adapter: ContextualAdapter) -> PhraseBank:
            """Embedded once a list; never kept in training, nor for the few phrases that one recording is left with."""
            if heard[place] is not None or torch.is_grad_enabled() or adapter.training:
                return adapter.embed(rows[place])
            return lists[place].bank(name, version_of(adapter), adapter.embed)

        return self.context.change(encoded, rows, strength, embed)

    def _adapted(self, encoded: Encoded, changed: Changed) -> Tensor:
        """Log-probs with the adapters where something is heard nearby, no possessive ending less likely than without.

        In hiss adapters would hear names.
        """
        vocabulary, without = self.lists.sources.vocabulary, encoded.log_probs
        log_probs = torch.where(encoded.heard_nearby(NEARBY)[..., None], self._decoded(changed), without)
        ids = vocabulary.apostrophe_ids, vocabulary.possessive_ids
        marks, rests = (torch.tensor(some, device=log_probs.device, dtype=torch.long) for some in ids)
        return keep_possessives(log_probs, without, marks, rests)

    def _decoded(self, changed: Changed) -> Tensor:
        return self.ctc_head(encoder_output=changed.output)

    def train(self, mode: bool = True) -> ContextualMixin:
        """As torch's, but what is frozen stays in eval mode: no dropout, and BatchNorm keeps its statistics."""
        super().train(mode)
        if mode:
            for module in (self.encoder, self.ctc_head):
                for part in module.modules():
                    frozen = not any(parameter.requires_grad for parameter in part.parameters())
                    if frozen and (part is module or isinstance(part, nn.modules.batchnorm._BatchNorm)):
                        part.eval()
        return self
