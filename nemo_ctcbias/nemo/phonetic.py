"""Phonetics on a model: its phone head, and what it hears."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from nemo.utils import logging
from omegaconf import OmegaConf, open_dict
from torch import Tensor

from nemo_ctcbias.errors import ModelError
from nemo_ctcbias.nemo.encoder import Encoded, rows_of, widths_of
from nemo_ctcbias.nemo.fingerprint import check_fingerprint, fingerprint
from nemo_ctcbias.nemo.internals import features_of
from nemo_ctcbias.nemo.stored_weights import read_weights, write_weights
from nemo_ctcbias.phones.phone_head import PhoneHead, PhoneHeadConfig
from nemo_ctcbias.recognizer import SPELLED_PARTS, Utterance
from nemo_ctcbias.settings import PHONE_PARTS, Settings

HEAD = "phone_head"


class PhoneticMixin:
    """A phone head beside the decoder, in models whose config has the section `phone_head`."""

    # --- the head

    def _host_phone_head(self) -> None:
        """Make the head that the config asks for; without one a model has no weights of ours."""
        self._settle_lexicon()
        self._phonetics_missed = False
        if self._cfg.get(HEAD) is not None:
            self._put_head(self._settled(self._cfg.get(HEAD), HEAD))

    @property
    def has_phone_head(self) -> bool:
        """Whether the model can hear phones."""
        return HEAD in self._modules

    def add_phone_head(self, config: PhoneHeadConfig | dict | None = None) -> None:
        """Give the model an untrained phone head, in place of the one it may have.

        Args:
            config: a `PhoneHeadConfig`, or a mapping of its fields; None for the usual one.

        Raises:
            SettingError: an unknown field or an impossible value.
            ModelError: a head of another inventory or another encoder.
        """
        with self.changing():
            self._put_head(self._settled(config, HEAD))
            self.renew_decoding()

    def remove_phone_head(self) -> None:
        """Leave phones to the model's own spelling, as if there had never been a head; the settings stay."""
        with self.changing():
            self._modules.pop(HEAD, None)
            with open_dict(self._cfg):
                self._cfg.pop(HEAD, None)
            self.renew_decoding()

    def _settled(self, config: Any, where: str) -> PhoneHeadConfig:
        if OmegaConf.is_config(config):
            config = OmegaConf.to_container(config)
        elif isinstance(config, PhoneHeadConfig):
            config = asdict(config)
        widths, _ = widths_of(self.encoder, features_of(self))
        return PhoneHeadConfig.of(config, widths, where)

    def _put_head(self, config: PhoneHeadConfig, weights: dict[str, Tensor] | None = None) -> None:
        head = PhoneHead(config)
        if weights is not None:
            head.load_state_dict(weights)
        head.train(self.training)
        self.phone_head = head.to(next(self.encoder.parameters()).device)
        with open_dict(self._cfg):
            self._cfg[HEAD] = asdict(config)

    def save_phone_head(self, path: str | Path) -> None:
        """Write the head alone, a file of a few MB that `load_phone_head` takes.

        Raises:
            ModelError: the model has none.
            OutputError: the file cannot be written.
        """
        if not self.has_phone_head:
            raise ModelError("there is no phone head to save; add_phone_head or load_phone_head gives the model one")
        weights = {name: value.detach().cpu() for name, value in self.phone_head.state_dict().items()}
        config = asdict(self.phone_head.config)
        write_weights(path, {"config": config, "weights": weights, "base": fingerprint(self)})

    def load_phone_head(self, path: str | Path, other_base: bool = False) -> None:
        """Take the head of a file; it is saved with the model from then on.

        Args:
            other_base: take one that was trained with other weights of this model.

        Raises:
            ModelError: no such file, no phone head in it, or one of another encoder or phone inventory.
        """
        stored = read_weights(path, "phone head", "save_phone_head")
        config, weights = stored.get("config"), stored.get("weights")
        if not isinstance(config, dict) or not isinstance(weights, dict):
            raise ModelError(f"{path}: no phone head file; give a file that save_phone_head wrote")
        config = self._settled(config, str(path))
        if not other_base:
            check_fingerprint(self, stored.get("base"), f"{path}: the phone head")
        with self.changing():
            try:
                self._put_head(config, weights)
            except Exception as error:  # torch's, for weights of another shape or kind
                reason = "its weights do not fit its own settings"
                raise ModelError(f"{path}: {reason}; save it again with save_phone_head") from error
            self.renew_decoding()

    # --- hearing

    def layers_read(self) -> set[int]:
        """Numbers of the encoder's layers that are looked at, those of the phone head besides the adapters'."""
        return super().layers_read() | (set(self.phone_head.config.layers) if self.has_phone_head else set())

    def looks_ahead(self) -> int:
        """How many frames behind the one that they speak of adapters and phone head look at."""
        return max(super().looks_ahead(), self.phone_head.config.context // 2 if self.hears() else 0)

    def phone_log_probs(self, **inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Phone log-probs [B, U * T, K, 40] (blank last) of K heads and valid frames [B]; called as `forward`.

        Raises:
            ModelError: the model has no phone head.
        """
        if not self.has_phone_head:
            raise ModelError("the model has no phone head; load_phone_head(FILE) gives it one")
        learns = any(parameter.requires_grad for parameter in self.encoder.parameters())
        with torch.set_grad_enabled(torch.is_grad_enabled() and learns):
            encoded = self.encode(**inputs)
        return self._phones(encoded)

    def hears(self) -> bool:
        """Whether there is a phone head whose phones are of use."""
        return self.has_phone_head and any(map(self.settings.wants, PHONE_PARTS)) and not self.training

    def asks_how_words_sound(self, settings: Settings) -> bool:
        """Whether settings would have it do so."""
        parts = PHONE_PARTS if self.has_phone_head else SPELLED_PARTS
        return settings.phonetics.variants > 1 or any(map(settings.wants, parts))

    def utterances(self, encoded: Encoded, phones: bool) -> list[Utterance]:
        """A batch as the recognizer takes it, with the phones that the phone head hears or without."""
        log_probs = rows_of(encoded.log_probs, encoded.lengths)
        if not phones:
            return [Utterance.of(one) for one in log_probs]
        return [Utterance.of(*pair) for pair in zip(log_probs, rows_of(*self._phones(encoded)), strict=True)]

    def _phones(self, encoded: Encoded) -> tuple[Tensor, Tensor]:
        layers = [encoded.layers[number] for number in self.phone_head.config.layers]
        long = {layer.shape[1] for layer in layers}
        if len(long) > 1:
            raise ModelError(f"phone_head.layers: {self.phone_head.config.layers} differ in length; choose other ones")
        # Convolutional encoders shorten between layers.
        return self.phone_head(layers, -(-encoded.lengths * long.pop() // encoded.log_probs.shape[1]))

    def _warn_of_missing_head(self) -> None:
        """What is asked for and cannot be had is said once."""
        missed = "rescoring" in (self.settings.phonetics.parts or ())
        if self.settings.enabled and missed and not self.has_phone_head:
            if not self._phonetics_missed:
                logging.warning(
                    "biasing.phonetics.parts: rescoring needs a phone head, which this model does not have; load one "
                    "with load_phone_head(FILE). Everything else works without."
                )
            self._phonetics_missed = True
