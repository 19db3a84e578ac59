"""What a biased model adds to NeMo's CTC models; shared by the subword and the character class."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nemo.collections.asr.models import ASRModel
from nemo.utils import logging, model_utils
from omegaconf import DictConfig, OmegaConf, open_dict

from nemo_ctcbias.bias_list import BiasList, Note, spell
from nemo_ctcbias.bias_list.report import announce
from nemo_ctcbias.nemo import language_model
from nemo_ctcbias.nemo.config import BiasingConfig, beam_options, boost_options, language_model_options
from nemo_ctcbias.nemo.files import packed_file
from nemo_ctcbias.nemo.phonetic import LEXICON
from nemo_ctcbias.nemo.presets import PresetMixin
from nemo_ctcbias.nemo.transcription import TranscriptionMixin
from nemo_ctcbias.nemo.vocabulary import vocabulary_of

ARTIFACT = "biasing.bias_list"


class BiasedCTCMixin(PresetMixin, TranscriptionMixin):
    """Bias lists on one of NeMo's CTC model classes.

    The stored list acts on every transcription; `transcribe(bias_list=...)` replaces it for one call, a
    manifest's `bias_list` field for one utterance.  Without any list the model is its base class.
    """

    decoding_class: type

    def __init__(self, cfg: DictConfig, trainer: Any = None):
        cfg = model_utils.convert_model_config_to_dict_config(cfg)
        with open_dict(cfg):  # NeMo writes `target` only where there is none: a base checkpoint would stay one
            cfg.target = f"{type(self).__module__}.{type(self).__qualname__}"
        super().__init__(cfg=cfg, trainer=trainer)
        self._setup_biasing()

    def _setup_biasing(self) -> None:
        biasing = BiasingConfig.merge(self._cfg.get("biasing"))
        stored = biasing.bias_list
        biasing.bias_list = None
        with open_dict(self._cfg):
            self._cfg.biasing = biasing
        self._bias_list = BiasList()
        if isinstance(stored, str):
            # The file is gone once a restored model is built, so it is read here and packed anew on saving.
            self._bias_list = BiasList.load(self.register_artifact(ARTIFACT, stored))
            self.artifacts.pop(ARTIFACT, None)
            self._cfg.biasing.bias_list = None
        elif stored is not None:
            self._bias_list = BiasList(OmegaConf.to_container(stored))
        language_model.settle(self)
        self._host_adapters()
        self._host_phone_head()
        self._expect_calls()
        self.change_decoding_strategy(self._cfg.decoding, verbose=False)

    # --- the list

    @property
    def bias_list(self) -> BiasList:
        """The stored list."""
        return self._bias_list

    def set_bias_list(self, bias_list: BiasList | Sequence | str | Path | None) -> tuple[Note, ...]:
        """Store a list (phrases, a file, or None for none); it is saved with the model.

        Returns:
            What could not be used or was changed, and why; the first few are logged as well.

        Raises:
            BiasListError: if the list cannot be read.
        """
        self._bias_list = BiasList.of(bias_list)
        notes = self.check_bias_list(self._bias_list)
        announce(notes)
        self.change_decoding_strategy(self._cfg.decoding, verbose=False)
        return notes

    def set_bias_weight(self, weight: float) -> None:
        """Strength of all lists: 10 as tuned, 0 off; saved with the model."""
        self.set_biasing(weight=weight)

    def check_bias_list(self, bias_list: BiasList | Sequence | str | Path | None) -> tuple[Note, ...]:
        """What of a list this model could not use or would change, and why."""
        return spell(BiasList.of(bias_list), vocabulary_of(self), self._cfg.biasing.alternatives).notes

    # --- decoding

    def change_decoding_strategy(self, decoding_cfg: DictConfig | None = None, verbose: bool = True) -> None:
        """As NeMo's; `strategy=pyctcdecode` with `beam.pyctcdecode_cfg.hotwords` makes these the list."""
        decoding_cfg = copy.deepcopy(decoding_cfg if decoding_cfg is not None else self._cfg.decoding)
        if not isinstance(decoding_cfg, DictConfig):
            decoding_cfg = OmegaConf.structured(decoding_cfg)
        OmegaConf.set_struct(decoding_cfg, False)
        hotwords, weight = _hotwords(decoding_cfg)
        base = copy.deepcopy(decoding_cfg)
        if hotwords:
            base.strategy = "greedy_batch"  # for utterances without a list; NeMo's own beam has no timestamps
        super().change_decoding_strategy(base, verbose=False)
        self._install_decoding(decoding_cfg, hotwords, weight)
        if verbose:
            logging.info(f"Changed decoding strategy to \n{OmegaConf.to_yaml(self.cfg.decoding)}")

    def _install_decoding(self, wanted: DictConfig, hotwords: list | None, weight: float | None) -> None:
        from nemo_ctcbias.nemo.strategy import BiasSource
        from nemo_ctcbias.search.greedy import GreedyDecoder

        merged = self.cfg.decoding  # with NeMo's defaults filled in
        decoding = self._make_decoding(merged)
        biasing = self.biasing
        searches = biasing.enabled and biasing.hotword
        default = BiasList(hotwords) if hotwords else self._bias_list
        if self._call_list is not None:  # NeMo comes here in the middle of a call that asks for timestamps
            default = self._call_list
        best_only = merged.get("beam", {}).get("return_best_hypothesis", True)
        source = BiasSource(
            default=default,
            weight=biasing.weight if weight is None else weight,
            nbest=None if best_only else biasing.nbest,
            always=searches and language_model.always(biasing.lm),
            seconds_per_frame=self.encoder.subsampling_factor * self._cfg.preprocessor.window_stride
            if hasattr(self.encoder, "subsampling_factor")
            else 1.0,
        )
        spotting = self._spotting() if biasing.enabled else None
        decoding.attach(
            _HotwordDecoderOf(self) if searches else None,
            source,
            variants=self._variants() if biasing.enabled else None,
            second_pass=self._second_pass(spotting) if searches else None,
            spotting=spotting,
            greedy=GreedyDecoder(vocabulary_of(self), biasing.alternatives) if biasing.enabled else None,
        )
        self.decoding = decoding
        self.wer.decoding = decoding
        if hotwords:  # what was asked for, so that it is kept on saving and on the next change
            with open_dict(self.cfg.decoding):
                self.cfg.decoding.strategy = wanted.strategy

    def make_hotword_decoder(self):
        """The search that this model's lists are decoded with."""
        from nemo_ctcbias.search.hotword_decoder import HotwordBeamDecoder

        biasing = self.biasing
        weights = language_model_options(biasing)
        return HotwordBeamDecoder.from_vocabulary(
            vocabulary_of(self),
            language_model.language_model_of(self),
            boost=boost_options(biasing),
            beam=beam_options(biasing),
            alternatives=biasing.alternatives,
            class_weight=weights.class_weight,
            class_list_cost=weights.class_list_cost,
            boost_share=weights.boost_share,
        )

    # --- saving and loading

    def save_to(self, save_path: str) -> None:
        """As NeMo's; list, language model and lexicon travel inside the `.nemo`."""
        with (
            tempfile.TemporaryDirectory() as folder,
            self._packed_list(Path(folder)),
            language_model.packed(self),
            packed_file(self, LEXICON),
        ):
            super().save_to(save_path)

    @contextmanager
    def _packed_list(self, folder: Path):
        if len(self._bias_list):
            file = folder / "bias_list.jsonl"
            self._bias_list.save(file)
            self.register_artifact(ARTIFACT, str(file))
        try:
            yield
        finally:
            self.artifacts.pop(ARTIFACT, None)
            self._cfg.biasing.bias_list = None

    @classmethod
    def list_available_models(cls) -> list:
        """None of its own: NeMo would otherwise resolve its pretrained names to this subclass."""
        return []

    @classmethod
    def from_pretrained(cls, model_name: str, *args, **kwargs):
        """NeMo's pretrained CTC model of that name, biased."""
        return cls.from_ctc(ASRModel.from_pretrained(model_name, *args, **kwargs))

    @classmethod
    def from_ctc(cls, source):
        """See `nemo_ctcbias.nemo.convert.from_ctc`."""
        from nemo_ctcbias.nemo.convert import from_ctc

        return from_ctc(source)


class _HotwordDecoderOf:
    """The model's hotword decoder, made when the first list is decoded: pyctcdecode is needed only then."""

    def __init__(self, model: BiasedCTCMixin):
        self._make, self._decoder = model.make_hotword_decoder, None

    def __getattr__(self, name: str):
        if self._decoder is None:
            self._decoder = self._make()
        return getattr(self._decoder, name)


def _hotwords(decoding_cfg: DictConfig) -> tuple[list | None, float | None]:
    """Hotwords and weight of NeMo's `pyctcdecode` strategy, where it is selected and they are given."""
    if decoding_cfg.get("strategy") != "pyctcdecode":
        return None, None
    settings = OmegaConf.select(decoding_cfg, "beam.pyctcdecode_cfg") or {}
    hotwords = settings.get("hotwords")
    return (list(hotwords), float(settings.get("hotword_weight", 10.0))) if hotwords else (None, None)
