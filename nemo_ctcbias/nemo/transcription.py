"""NeMo's ways to transcribe, each utterance with its list: the call's, its own of the manifest, or the stored one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from nemo.collections.asr.parts.utils.timestamp_utils import process_timestamp_outputs
from nemo.utils import logging
from torch import Tensor

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.nemo.branch import UNHEARD, check_branch
from nemo_ctcbias.nemo.call import Call, lists_of
from nemo_ctcbias.nemo.encoder import Encoded, rows_of
from nemo_ctcbias.nemo.internals import (
    call_begun,
    call_of,
    decoding_unchanged_on_error,
    manifest_of_call,
    transcribe_config,
    was_training,
    without_timestamps,
)
from nemo_ctcbias.nemo.strategy import BiasedDecodingMixin, Recognised
from nemo_ctcbias.nemo.utterance_lists import (
    FIELD,
    list_of_entry,
    lists_of_dataset,
    lists_of_manifest,
    rows_of_manifest,
)
from nemo_ctcbias.recognizer import Utterance
from nemo_ctcbias.search.result import BiasedBeam
from nemo_ctcbias.side_by_side import SideBySide, can_fork, cores

TWINS = 4  # hypotheses asked for in place of each: several may be written alike


class TranscriptionMixin:
    """NeMo's ways to transcribe (`transcribe`, and `predict_step` of its parallel script), each with its lists."""

    def transcribe(self, audio, *args, bias_list=..., bias_lists: Sequence | None = None, **kwargs):
        """As NeMo's `transcribe`.

        Several threads may call at once, each with lists of its own; NeMo works on one call after the other.

        Args:
            bias_list: list for this call instead of the stored one (None: no bias).
            bias_lists: one list for each recording, in order.

        Raises:
            BiasListError: a list that cannot be read, or more or fewer lists than recordings.
            SettingError: a list, and a branch of a hybrid decodes on which none acts.
        """
        each = None if bias_lists is None else lists_of(bias_lists)
        call = Call(self.default_list if bias_list is ... else BiasList.of(bias_list), each)
        check_branch(self, any(map(len, each or [call.default] * (bias_list is not ...))))
        transcribe = super().transcribe
        audio, options = transcribe_config(transcribe, call, audio, *args, **kwargs)
        with self.lock, decoding_unchanged_on_error(self):
            if self.ctc_decodes and self.ctc_config.decoding.get("compute_timestamps"):
                call.timed, options = without_timestamps(options)
            found = transcribe(audio, **options)
            if self.ctc_decodes:
                call.check(call.row)
            return found

    def recognised(self, encoded: Encoded, lists: Sequence[BiasList]) -> Recognised:
        """Hypotheses of the utterances of a batch that have a list which can act.

        All are searched where the language model is for all recordings.
        """
        return self._recognising(encoded, lists, self.recognizer.recognize)()

    def _recognising(
        self, encoded: Encoded, lists: Sequence[BiasList], recognize: Callable[..., Any]
    ) -> Callable[[], Recognised]:
        """The same begun now, by a recognizer or what works for one; call what is returned for the hypotheses."""
        compiled = [self.lists.of(one) for one in lists]
        for one in compiled:
            one.tell(lambda one=one: self.report_on(one))
        active = [place for place, one in enumerate(compiled) if self.acts(one)]
        if not active:
            return dict
        encoded = encoded.take(active)
        lists = [compiled[place] for place in active]
        utterances = self.utterances(encoded, self.hears())
        adapt = self.adapting(encoded) if self.adapters_act() else None
        found = recognize(utterances, lists, adapt, self._asked)
        return lambda: dict(zip(active, self._different(found() if callable(found) else found), strict=True))

    def _beside(self, call: Call) -> Callable[..., Any]:
        """What recognises the utterances of a call: other processes where there are several of both."""
        number = min(self.settings.workers or cores(), call.recordings)
        if call.beside is None and (number < 2 or not can_fork()):
            return self.recognizer.recognize
        call.beside = call.beside or SideBySide(self.recognizer, self.lists, number)
        return call.beside.recognize

    def recognise_log_probs(self, log_probs: Tensor, lengths: Tensor) -> Recognised:
        """The same of log-probs alone, with the stored list."""
        listed = self.lists.of(self.default_list)
        listed.tell(lambda: self.report_on(listed))
        if not self.settings.boost.enabled or not self.acts(listed):
            return {}
        utterances = [Utterance.of(one) for one in rows_of(log_probs, lengths)]
        found = self.recognizer.recognize(utterances, [listed] * len(utterances), nbest=self._asked)
        return dict(enumerate(self._different(found)))

    @property
    def _asked(self) -> int:
        """Hypotheses asked of the recognizer, some of which are the same text."""
        return self.nbest if self.nbest == 1 else TWINS * self.nbest

    def _different(self, found: Iterable[Sequence[BiasedBeam]]) -> list[list[BiasedBeam]]:
        """Of each utterance the best hypothesis of each text, at most `nbest`."""
        results = []
        for beams in found:
            by_text: dict[str, BiasedBeam] = {}
            for beam in beams:
                by_text.setdefault(beam.text, beam)
            results.append(list(by_text.values())[: self.nbest])
        return results

    def _transcribe_on_begin(self, audio, trcfg):
        call_of(trcfg, lambda: Call(self.default_list))
        with self.lock:
            if self._running:
                self._put_back(self._running[-1][1])
            self._running.append((audio, trcfg))
            super()._transcribe_on_begin(audio, trcfg)

    def _transcribe_on_end(self, trcfg):
        """As NeMo's, which changes the model for a call and puts it back, and cannot do so for two at a time.

        A generator may be in the middle of its recordings meanwhile: the model is always changed for the last one that
        began and has not ended.
        """
        with self.lock:
            last = bool(self._running) and self._running[-1][1] is trcfg
            self._running[:] = [one for one in self._running if one[1] is not trcfg]
            if not last:
                return
            self._put_back(trcfg)
            if self._running:
                super()._transcribe_on_begin(*self._running[-1])

    def _put_back(self, trcfg):
        super()._transcribe_on_end(trcfg)
        self.train(was_training(trcfg))  # NeMo leaves encoder and decoder in train mode

    def _transcribe_input_processing(self, audio, trcfg):
        loader = super()._transcribe_input_processing(audio, trcfg)
        manifest, call = manifest_of_call(trcfg), call_of(trcfg, lambda: Call(self.default_list))
        recordings = len(audio) if isinstance(audio, (list, tuple)) else 1
        if manifest.is_file():
            first = audio[0] if isinstance(audio, (list, tuple)) and len(audio) else audio
            given = isinstance(first, str) and first.endswith((".json", ".jsonl"))
            # NeMo copies the manifest's rows to a temporary file.
            folder = Path(first).parent if given else None
            call.of_rows = lists_of_manifest(manifest, folder)
            recordings = sum(1 for _ in rows_of_manifest(manifest))
            if any(map(len, call.of_rows.values())) and not self.ctc_decodes:
                logging.warning(f"{first}: '{FIELD}': {UNHEARD}")
        call.check(recordings)
        call.recordings = recordings
        return loader

    def _transcribe_forward(self, batch, trcfg):
        if not self.ctc_decodes:
            return super()._transcribe_forward(batch, trcfg)
        lists = call_of(trcfg, lambda: Call(self.default_list)).next(len(batch[0]))
        return {"encoded": self.encoded(lambda: self.transcribe_ctc(batch, trcfg)), "lists": lists}

    def _transcribe_output_processing(self, outputs, trcfg):
        if not self.ctc_decodes:
            return super()._transcribe_output_processing(outputs, trcfg)
        encoded, call = outputs.pop("encoded"), call_of(trcfg, lambda: Call(self.default_list))
        recognised = self._recognising(encoded, outputs.pop("lists"), self._beside(call))
        strategy, log_probs, lengths = self.ctc_strategy, encoded.log_probs, encoded.lengths

        def hypotheses() -> list:
            return self._hypotheses(strategy, log_probs, lengths, recognised(), trcfg, trcfg.timestamps or call.timed)

        return hypotheses if call.beside is not None else hypotheses()

    def _hypotheses(
        self,
        strategy: BiasedDecodingMixin,
        log_probs: Tensor,
        lengths: Tensor,
        found: Recognised,
        trcfg: Any,
        timed: bool | None,
    ) -> list:
        """NeMo's hypotheses of a batch, with all that a call asks for."""
        hypotheses = strategy.hypotheses(log_probs, lengths, found, trcfg.return_hypotheses)
        groups = [one if isinstance(one, list) else [one] for one in hypotheses]
        if trcfg.return_hypotheses and not strategy.nbest:  # as NeMo does it
            plain, frames = log_probs.cpu(), lengths.tolist()
            for place, (hypothesis,) in enumerate(groups):
                decoded = torch.from_numpy(found[place][0].log_probs) if place in found else plain[place]
                hypothesis.y_sequence = decoded[: frames[place]].clone()
                if hypothesis.alignments is None:
                    hypothesis.alignments = hypothesis.y_sequence
        if timed:  # NeMo's own n-best path cannot; each list is an ordinary list of hypotheses
            stride = self.cfg["preprocessor"]["window_stride"]
            for group in groups:
                process_timestamp_outputs(group, self.subsampling, stride)
        return hypotheses

    def transcribe_generator(self, audio, override_config):
        """As NeMo's; while the encoder works on a batch, the one before it is recognised in other processes."""
        override_config = self.get_transcribe_config() if override_config is None else override_config
        batches = super().transcribe_generator(audio, override_config)
        begun: deque[Callable[[], list]] = deque()
        try:
            for outputs in batches:
                if not callable(outputs):
                    yield outputs
                    continue
                begun.append(outputs)
                if len(begun) > 1:
                    yield begun.popleft()()
            while begun:
                yield begun.popleft()()
        finally:
            batches.close()
            call = call_begun(override_config)
            if call is not None and call.beside is not None:
                call.beside.close()
                call.beside = None

    def _setup_dataloader_from_config(self, config):
        loader = super()._setup_dataloader_from_config(config)
        manifests = config.get("manifest_filepath") if config else None
        if manifests and config.get("return_sample_id"):  # what predict_step needs
            folder = Path(manifests.split(",")[0] if isinstance(manifests, str) else manifests[0]).parent
            lists = {} if config.get("use_lhotse") else lists_of_dataset(manifests, loader.dataset)
            self.predicted = folder, lists
        return loader

    def predict_step(self, batch, batch_idx, dataloader_idx=0):
        """As NeMo's (transcribe_speech_parallel.py), with the lists of the manifest that was set up last."""
        if not self.ctc_decodes:
            return super().predict_step(batch, batch_idx, dataloader_idx)
        signal, lengths, _, _, samples = batch
        ready = getattr(batch, "has_processed_signal", False)
        names = ("processed_signal", "processed_signal_length") if ready else ("input_signal", "input_signal_length")
        encoded = self.encode(**dict(zip(names, (signal, lengths), strict=True)))
        found = self.recognised(encoded, [self._list_of_sample(sample) for sample in samples])
        hypotheses = self.ctc_strategy.hypotheses(encoded.log_probs, encoded.lengths, found)
        samples = samples.cpu().detach().numpy() if isinstance(samples, Tensor) else samples
        return list(zip(samples, hypotheses, strict=True))

    def _list_of_sample(self, sample) -> BiasList:
        """The list of a data set's sample number, or of a Lhotse cut, which holds its row of the manifest."""
        folder, lists = self.predicted
        if not hasattr(sample, "supervisions"):
            return lists.get(int(sample), self.default_list)
        cut = getattr(sample, "first_non_padding_cut", sample)
        value = (cut.custom or {}).get(FIELD)
        return self.default_list if value is None else list_of_entry(value, cut.id, folder)
