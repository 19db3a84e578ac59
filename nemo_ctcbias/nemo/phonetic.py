"""Phonetics on a model: its phone head, and what bias lists become through their sounds."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from nemo.utils import logging
from omegaconf import OmegaConf, open_dict
from torch import Tensor

from nemo_ctcbias.bias_list import BiasList, Note
from nemo_ctcbias.errors import ModelError, PhoneticsError
from nemo_ctcbias.nemo import language_model
from nemo_ctcbias.nemo.config import phonetics_options
from nemo_ctcbias.nemo.context import Encoded, Listened
from nemo_ctcbias.nemo.files import settle_file
from nemo_ctcbias.nemo.layers import hooked, keep_frames, layers_of, widths_of
from nemo_ctcbias.phones import G2G, Lexicon, Pronouncer
from nemo_ctcbias.phones.common_words import CommonWords
from nemo_ctcbias.phones.options import PhoneticsOptions
from nemo_ctcbias.phones.phone_head import PhoneHead, PhoneHeadConfig
from nemo_ctcbias.phones.spoken_variants import SpokenVariants
from nemo_ctcbias.phones.spotting import Spotting

HEAD = "phone_head"
LEXICON = "biasing.phonetics.lexicon"


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
        self._put_head(self._settled(config, HEAD))
        self.change_decoding_strategy(self._cfg.decoding, verbose=False)

    def _settled(self, config: Any, where: str) -> PhoneHeadConfig:
        if OmegaConf.is_config(config):
            config = OmegaConf.to_container(config)
        elif isinstance(config, PhoneHeadConfig):
            config = asdict(config)
        widths, _ = widths_of(self.encoder, self.encoder._feat_in)
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
        """
        if not self.has_phone_head:
            raise ModelError("there is no phone head to save; add_phone_head or load_phone_head gives the model one")
        weights = {name: value.detach().cpu() for name, value in self.phone_head.state_dict().items()}
        torch.save({"config": asdict(self.phone_head.config), "weights": weights}, path)

    def load_phone_head(self, path: str | Path) -> None:
        """Take the head of a file; it is saved with the model from then on.

        Raises:
            ModelError: no such file, no phone head in it, or one of another encoder or phone inventory.
        """
        path = Path(path)
        if not path.is_file():
            raise ModelError(f"{path}: no such phone head; give a file that save_phone_head wrote")
        try:
            stored = torch.load(path, map_location="cpu", weights_only=True)
            config, weights = dict(stored["config"]), dict(stored["weights"])
        except Exception as error:  # torch raises whatever its unpickler meets
            reason = f"no phone head file ({type(error).__name__})"
            raise ModelError(f"{path}: {reason}; give a file that save_phone_head wrote") from error
        try:
            self._put_head(self._settled(config, str(path)), weights)
        except RuntimeError as error:  # torch's, for weights of another shape
            reason = "its weights do not fit its own settings"
            raise ModelError(f"{path}: {reason}; save it again with save_phone_head") from error
        self.change_decoding_strategy(self._cfg.decoding, verbose=False)

    # --- hearing

    def forward(self, *args, **kwargs):
        """As NeMo's; where phonetics is in use, the decoding is told the phones of the batch."""
        if not self._hears():
            return super().forward(*args, **kwargs)
        with self._listening() as self._seen:
            try:
                found = super().forward(*args, **kwargs)
                if any(map(len, self._lists_in_force(len(found[0])))):
                    self.decoding.know(found[0], **self._heard(found[0].shape[1], found[1]))
            finally:
                del self._seen  # a batch's tensors must not stay in the model, nor be copied with it
        return found

    def _heard(self, frames: int, lengths: Tensor) -> dict[str, Any]:
        """What was heard in the batch that the encoder has just seen, worked out once: see the decoding's `know`."""
        seen = self._seen
        if "phones" not in seen:
            phones, phone_lengths = self._phones(seen, frames, lengths)
            seen.update(phones=phones, phone_lengths=phone_lengths)
            if self.decoding.spotting is not None:
                lists, lengths = self._lists_in_force(len(phones)), phone_lengths.tolist()
                seen["heard"] = [
                    self.decoding.spotting(one[:length].numpy(), listed) if isinstance(listed, BiasList) else None
                    for one, length, listed in zip(phones.detach().float().cpu(), lengths, lists, strict=True)
                ]
        return {name: seen[name] for name in ("phones", "phone_lengths", "heard") if name in seen}

    def _listened(self, encoded: Encoded) -> Listened:
        """Of each list what was heard of it, with the spelling variants of its phrases."""
        found = super()._listened(encoded)
        found.lists = [self.decoding.listened(one) for one in found.lists]
        if self._hears() and any(map(len, found.lists)):
            found.heard = self._heard(encoded.output.shape[2], encoded.lengths).get("heard")
        spotted = any(one is not None for one in found.heard or ())  # lists drawn for training are not
        if spotted and not self.biasing.hotword:
            found.strength = self.decoding.spotting.options.adapter_strength
        return found

    def phone_log_probs(self, **inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Phone log-probs [B, U * T, K, 40] (blank last) of K heads and valid frames [B]; called as `forward`.

        Raises:
            ModelError: the model has no phone head.
        """
        if not self.has_phone_head:
            raise ModelError("the model has no phone head; load_phone_head(FILE) gives it one")
        with torch.set_grad_enabled(torch.is_grad_enabled() and self._base_learns()), self._listening() as seen:
            log_probs, lengths, _ = self.unadapted_forward(**inputs)
        return self._phones(seen, log_probs.shape[1], lengths)

    def _base_learns(self) -> bool:
        return any(parameter.requires_grad for parameter in self.encoder.parameters())

    def _hears(self) -> bool:
        decoding = self.decoding
        in_use = decoding.second_pass is not None or decoding.spotting is not None
        return in_use and decoding._source.weight != 0 and not self.training

    @contextlib.contextmanager
    def _listening(self):
        """While this lasts, the outputs of the head's layers are kept: yields a dictionary that they are put into."""
        layers, seen = layers_of(self.encoder), {}
        with contextlib.ExitStack() as stack:
            for number in self.phone_head.config.layers:
                stack.enter_context(hooked(layers[number], keep_frames(seen, number)))
            yield seen

    def _phones(self, seen: dict[Any, Any], frames: int, lengths: Tensor) -> tuple[Tensor, Tensor]:
        layers = [seen[number] for number in self.phone_head.config.layers]
        long = {layer.shape[1] for layer in layers}
        if len(long) > 1:
            raise ModelError(f"phone_head.layers: {self.phone_head.config.layers} differ in length; choose other ones")
        # Convolutional encoders shorten between layers.
        return self.phone_head(layers, -(-lengths * long.pop() // frames))

    # --- lists and their sounds

    def set_phonetics(self, **settings: Any) -> None:
        """Change settings of `biasing.phonetics`, for example `set_phonetics(variants=5)`; saved with the model.

        Raises:
            SettingError: a setting that does not exist or is out of range.
            PhoneticsError: a lexicon that cannot be read.
        """
        lexicon_of(settings.get("lexicon"))
        self.set_biasing(phonetics=settings)

    def _settle_lexicon(self) -> None:
        missing = "no such lexicon; give a file in the format of the CMU dictionary"
        settle_file(self, LEXICON, missing, PhoneticsError)

    def check_pronunciations(self, bias_list: BiasList | Sequence | str | Path | None) -> tuple[Note, ...]:
        """What of a list cannot be pronounced or heard, and why; nothing where phonetics is not in use."""
        options = phonetics_options(self.biasing)
        if self.decoding.second_pass is None and self.decoding.spotting is None and options.variants == 1:
            return ()
        bias_list = BiasList.of(bias_list)
        too_short = () if self.decoding.spotting is None else self.decoding.spotting.spotter(bias_list).notes
        return (*Pronouncer(bias_list, lexicon_of(options.lexicon)).notes, *too_short)

    def _variants(self) -> SpokenVariants | None:
        """What adds spelling variants to lists, None where there are none to add."""
        options = phonetics_options(self.biasing)
        if options.variants == 1:
            return None
        return spoken_variants(options, language_model.chosen(self)[0])

    def _second_pass(self, spotting: Spotting | None):
        """What phonetics does after the search; None without a phone head, or where it is switched off.

        Args:
            spotting: the one in use, which shares what it knows of lists.
        """
        from nemo_ctcbias.search.second_pass import SecondPass

        options = phonetics_options(self.biasing)
        if not self._can_hear(options.rescore, options.look_up, options.verify):
            return None
        lexicon = lexicon_of(options.lexicon)
        common = CommonWords(language_model.chosen(self)[0], lexicon)
        return SecondPass(options, lexicon, common, spotting=spotting)

    def _spotting(self) -> Spotting | None:
        """What finds out which phrases are heard; None without a phone head, or where it is switched off."""
        options = phonetics_options(self.biasing)
        return Spotting(options.spotting, lexicon_of(options.lexicon)) if self._can_hear(options.spot) else None

    def _can_hear(self, *wanted: bool | None) -> bool:
        """Whether one of the parts is wanted (None: where the model can) and possible; what is not is said once."""
        if any(wanted) and not self.has_phone_head and not self._phonetics_missed:
            self._phonetics_missed = True
            logging.warning(
                "biasing.phonetics: spotting, rescoring, verification and lookup need a phone head, which this model "
                "does not have; load one with load_phone_head(FILE). Everything else works without."
            )
        return self.has_phone_head and any(one is not False for one in wanted)


def spoken_variants(options: PhoneticsOptions, language_model: str | Path | None) -> SpokenVariants:
    """What adds `options.variants` to lists; words that the language model knows are none."""
    g2g = G2G(Pronouncer(lexicon=lexicon_of(options.lexicon)), excluded=CommonWords(language_model).unfit)
    return SpokenVariants(g2g, options.variants, options.variant_cost)


@lru_cache(maxsize=4)
def lexicon_of(path: str | Path | None) -> Lexicon | None:
    """The lexicon of a file, read once; None for none.

    Raises:
        PhoneticsError: if it cannot be read.
    """
    return None if path is None else Lexicon.load(path)
