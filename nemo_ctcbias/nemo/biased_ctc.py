"""What a biased model adds to NeMo's CTC models; shared by the subword and the character class."""

from __future__ import annotations

import copy
import tempfile
import threading
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from nemo.utils import logging, model_utils
from omegaconf import DictConfig, OmegaConf, open_dict

from nemo_ctcbias.bias_list import BiasList, Note
from nemo_ctcbias.compiled_list import CompiledList, CompiledLists, Sources
from nemo_ctcbias.list_report import notes_on
from nemo_ctcbias.lm.kenlm_file import load_language_model
from nemo_ctcbias.lm.kenlm_module import kenlm, tell_what_is_left_out
from nemo_ctcbias.nemo.bias_settings import SettingsMixin, plain
from nemo_ctcbias.nemo.branch import CTCBranch
from nemo_ctcbias.nemo.decoding_config import hotwords_of, settings_of
from nemo_ctcbias.nemo.encoder import subsampling_of
from nemo_ctcbias.nemo.files import LANGUAGE_MODEL, LEXICON, LIST, member, packed_file, refuse_interpolation, unpacked
from nemo_ctcbias.nemo.internals import (
    archive_folder,
    decoding_unchanged_on_error,
    features_of,
    refusing,
)
from nemo_ctcbias.nemo.pipeline_builders import offer_pipelines
from nemo_ctcbias.nemo.stored_weights import first_line
from nemo_ctcbias.nemo.transcription import TranscriptionMixin
from nemo_ctcbias.nemo.vocabulary import vocabulary_of
from nemo_ctcbias.phones import G2G, Pronouncer
from nemo_ctcbias.phones.common_words import CommonWords
from nemo_ctcbias.phones.lexicon import lexicon_of
from nemo_ctcbias.phones.spoken_variants import SpokenVariants
from nemo_ctcbias.recognizer import Recognizer
from nemo_ctcbias.settings import Settings
from nemo_ctcbias.whole_files import written_whole


class BiasedCTCMixin(SettingsMixin, TranscriptionMixin, CTCBranch):
    """Bias lists on one of NeMo's CTC model classes.

    The stored list acts on every transcription; `transcribe(bias_list=...)` replaces it for one call, a
    manifest's `bias_list` field for one utterance.  Without any list the model is its base class.

    Attributes:
        settings: the section `biasing` of its config as it acts, parsed.
        lacks_kenlm: whether they ask for more, which only acts where kenlm is installed.
        lists: the compiled lists that it keeps.
        lock: held where NeMo changes itself.
    """

    def __init__(self, cfg: DictConfig, trainer: Any = None):
        with refusing():
            if (archive := archive_folder()) is not None:
                refuse_interpolation(archive)
            cfg = model_utils.convert_model_config_to_dict_config(cfg)
            with open_dict(cfg):  # NeMo writes `target` only where there is none: a base checkpoint would stay one
                cfg.target = f"{type(self).__module__}.{type(self).__qualname__}"
            self.lock = threading.RLock()  # NeMo's constructor adds adapters
            super().__init__(cfg=cfg, trainer=trainer)
            if "context" not in self._modules:  # hybrids set their adapters up before there is a head
                self.setup_adapters()
            self._setup_biasing()

    def _setup_biasing(self, local: bool = True) -> None:
        """Make ready what the config's section `biasing` says.

        Args:
            local: whether the config is this machine's, whose files it may name; of an archive it may not.
        """
        self.lock, self._folders, self._running = threading.RLock(), {}, []
        archive = archive_folder()
        local = local and archive is None
        given = plain(self._cfg.get("biasing") or {})
        stored = given.get("bias_list")
        with open_dict(self._cfg):
            self._cfg.biasing = self.checked_biasing({**given, "bias_list": None})
        if isinstance(stored, str):  # read here and packed anew on saving
            stored = BiasList.load(stored if local else member(archive, stored, LIST))
        self._bias_list = BiasList.of(stored)
        for key in () if local else (LANGUAGE_MODEL, LEXICON):
            path = OmegaConf.select(self._cfg, key)
            if path:
                self._folders[key], path = unpacked(archive, path, key)
                OmegaConf.update(self._cfg, key, str(path))
        self._settle_language_model()
        self._host_adapters()
        self._host_phone_head()
        self.renew_decoding()
        offer_pipelines()

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
        bias_list = BiasList.of(bias_list)
        notes = self.check_bias_list(bias_list)
        self.lists.of(bias_list).tell(lambda: notes)
        with self.changing():
            self._bias_list = bias_list
            self.renew_decoding()
        return notes

    def check_bias_list(self, bias_list: BiasList | Sequence | str | Path | None) -> tuple[Note, ...]:
        """What of a list this model could not use or would change, and why: the whole report.

        Raises:
            BiasListError: if the list cannot be read.
        """
        return self.report_on(self.lists.of(BiasList.of(bias_list)))

    def report_on(self, listed: CompiledList) -> tuple[Note, ...]:
        """The same of a compiled list."""
        if self.lacks_kenlm:
            tell_what_is_left_out()
        return notes_on(listed, self.settings, self.asks_how_words_sound(self.settings))

    def acts(self, listed: CompiledList) -> bool:
        """Whether an utterance with this list is more than NeMo's own decoding."""
        settings = self.settings
        if not settings.enabled or not (settings.boost.enabled or self.adapters_act()):
            return False
        if settings.boost.enabled and settings.lm.always and self.language_model_path:
            return True
        return bool(settings.weight) and len(listed) > 0 and listed.search.active

    # --- decoding

    def change_decoding_strategy(self, decoding_cfg: DictConfig | None = None, verbose: bool = True) -> None:
        """As NeMo's; `strategy=pyctcdecode` with `beam.pyctcdecode_cfg.hotwords` makes these the list."""
        with self.lock, decoding_unchanged_on_error(self):
            self._change_decoding_strategy(decoding_cfg, verbose)

    def _change_decoding_strategy(self, decoding_cfg: DictConfig | None, verbose: bool) -> None:
        decoding_cfg = copy.deepcopy(decoding_cfg if decoding_cfg is not None else self.ctc_config.decoding)
        if not isinstance(decoding_cfg, DictConfig):
            decoding_cfg = OmegaConf.structured(decoding_cfg)
        OmegaConf.set_struct(decoding_cfg, False)
        hotwords = hotwords_of(decoding_cfg)
        base = copy.deepcopy(decoding_cfg)
        if hotwords:
            base.strategy = "greedy_batch"  # for utterances without a list; NeMo's own beam has no timestamps
        self.change_ctc_decoding(base)
        self.default_list = self._bias_list if hotwords is None else BiasList(hotwords)
        self._use(settings_of(self._cfg.biasing, decoding_cfg))
        config = self.ctc_config.decoding  # with NeMo's defaults filled in
        decoding = self._make_decoding(config)
        best_only = config.get("beam", {}).get("return_best_hypothesis", True)
        decoding.attach(
            self.recognise_log_probs, self.subsampling * self._cfg.preprocessor.window_stride, nbest=not best_only
        )
        self.ctc_strategy = decoding
        if hotwords:  # what was asked for, so that it is kept on saving and on the next change
            with open_dict(config):
                config.strategy = decoding_cfg.strategy
        if verbose:
            logging.info(f"Changed decoding strategy to \n{OmegaConf.to_yaml(config)}")

    def change_vocabulary(self, *args: Any, **kwargs: Any) -> None:
        """As NeMo's; lists are spelled in the new tokens."""
        with self.changing():
            super().change_vocabulary(*args, **kwargs)
            self.renew_decoding()

    def _use(self, settings: Settings) -> None:
        """Take settings; what is compiled of lists stays as long as it would be the same."""
        self.lacks_kenlm = kenlm is None and settings.lm.enabled and settings.lm.path is not None
        if self.lacks_kenlm:
            settings = replace(settings, lm=replace(settings.lm, enabled=False))
        if _searched_with(getattr(self, "settings", None)) != _searched_with(settings):
            self._recognizer = None
        self.settings = settings
        self._warn_of_missing_head()
        vocabulary, phonetics = vocabulary_of(self), settings.phonetics
        guessing = self.language_model_path if phonetics.variants > 1 else None  # which words are no names
        made_of = vocabulary.pieces, settings.alternatives, phonetics.variants, phonetics.lexicon, guessing
        if getattr(self, "_lists_made_of", None) != made_of:
            lexicon = lexicon_of(phonetics.lexicon)
            variants = None
            if phonetics.variants > 1:
                g2g = G2G(Pronouncer(lexicon=lexicon), excluded=CommonWords(guessing).unfit)
                variants = SpokenVariants(g2g, phonetics.variants)
            self.lists = CompiledLists(Sources(vocabulary, settings.alternatives, variants, lexicon))
            self._lists_made_of, self._recognizer = made_of, None

    @property
    def recognizer(self) -> Recognizer:
        """What lists are recognised with, made when the first is."""
        with self.lock:
            if self._recognizer is None:
                self._recognizer = self._make_recognizer()
            return self._recognizer

    def _make_recognizer(self) -> Recognizer:
        if self.lacks_kenlm:
            tell_what_is_left_out()
        settings, path, sources = self.settings, self.language_model_path, self.lists.sources
        listed = [phrase.text for phrase in self.bias_list]
        weights = settings.language_model_options
        model = None if path is None else load_language_model(path, weights, sources.vocabulary, listed)
        return Recognizer(settings, sources.vocabulary, model, CommonWords(path, sources.lexicon))

    @property
    def language_model_path(self) -> str | None:
        """The file of the language model that is in use."""
        return self.settings.lm.path if self.settings.lm.enabled else None

    @property
    def nbest(self) -> int:
        """Hypotheses that are asked for."""
        return self.settings.nbest if self.ctc_strategy.nbest else 1

    @property
    def subsampling(self) -> float:
        """Feature frames to a frame of the encoder's output."""
        return subsampling_of(self.encoder, features_of(self))

    # --- saving and loading

    def save_to(self, save_path: str) -> None:
        """As NeMo's; list, language model and lexicon travel inside the `.nemo`, which is written whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        with (
            written_whole(Path(save_path).expanduser()) as partial,
            tempfile.TemporaryDirectory() as folder,
            self._packed_list(Path(folder)),
            packed_file(self, LANGUAGE_MODEL),
            packed_file(self, LEXICON),
        ):
            try:
                super().save_to(str(partial))
            except RuntimeError as error:  # torch's, where the disk is full
                raise OSError(first_line(error)) from error

    @contextmanager
    def _packed_list(self, folder: Path):
        if len(self._bias_list):
            file = folder / "bias_list.jsonl"
            self._bias_list.save(file)
            self.register_artifact(LIST, str(file))
        try:
            yield
        finally:
            self.artifacts.pop(LIST, None)
            self._cfg.biasing.bias_list = None


def _searched_with(settings: Settings | None) -> Settings | None:
    """Settings without those that say for which recordings there is a search at all, and where it is done."""
    if settings is None:
        return None
    return replace(settings, preset=None, workers=None, lm=replace(settings.lm, always=False))
