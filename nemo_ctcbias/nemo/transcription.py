"""Which list an utterance is transcribed with: that of the call, of its row in the manifest, or the stored one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nemo.collections.asr.parts.utils.timestamp_utils import process_timestamp_outputs

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.errors import BiasListError
from nemo_ctcbias.nemo.utterance_lists import FIELD, list_of_entry, lists_of_dataset, lists_of_manifest


class TranscriptionMixin:
    """NeMo's ways to transcribe (`transcribe`, and `predict_step` of its parallel script), each with its lists."""

    def _expect_calls(self) -> None:
        self._call_list: BiasList | None = None
        self._call_lists: list[BiasList] | None = None
        self._manifest_lists: dict[int, BiasList] = {}
        self._batch_lists: list[BiasList] | None = None
        self._row = 0
        self._predict_lists: dict[int, BiasList] = {}
        self._predict_folder = Path()

    def transcribe(self, audio, *args, bias_list=..., bias_lists: Sequence | None = None, **kwargs):
        """As NeMo's `transcribe`.

        Args:
            bias_list: list for this call instead of the stored one (None: no bias).
            bias_lists: one list for each recording, in order.
        """
        if bias_lists is not None:
            if isinstance(audio, (list, tuple)) and len(audio) != len(bias_lists):
                raise BiasListError(f"bias_lists: {len(bias_lists)} lists for {len(audio)} recordings")
            self._call_lists = [BiasList.of(one) for one in bias_lists]
        stored = self.decoding._source.default
        if bias_list is not ...:
            self.decoding._source.default = self._call_list = BiasList.of(bias_list)
        try:
            return super().transcribe(audio, *args, **kwargs)
        finally:
            self._call_list = self._call_lists = None
            self.decoding._source.default = stored

    def _transcribe_on_begin(self, audio, trcfg):
        self._row, self._manifest_lists, self._list_folder = 0, {}, None
        super()._transcribe_on_begin(audio, trcfg)

    def _transcribe_on_end(self, trcfg):
        super()._transcribe_on_end(trcfg)
        self.train(trcfg._internal.training_mode)  # NeMo leaves encoder and decoder in train mode

    def _transcribe_input_processing(self, audio, trcfg):
        first = audio[0] if isinstance(audio, (list, tuple)) and len(audio) else audio
        if isinstance(first, str) and first.endswith((".json", ".jsonl")):
            self._list_folder = Path(first).parent  # NeMo copies the manifest's rows to a temporary file
        return super()._transcribe_input_processing(audio, trcfg)

    def _setup_transcribe_dataloader(self, config):
        manifest = config.get("manifest_filepath") or Path(config["temp_dir"]) / "manifest.json"
        self._manifest_lists = lists_of_manifest(manifest, self._list_folder)
        return super()._setup_transcribe_dataloader(config)

    def _lists_of_batch(self, size: int) -> list[BiasList] | None:
        """Lists of the next `size` utterances, in the order of the call; None where all take the default."""
        rows = range(self._row, self._row + size)
        self._row += size
        if self._call_lists is not None:
            return [self._call_lists[row] for row in rows]
        if any(row in self._manifest_lists for row in rows):
            return [self._manifest_lists.get(row, self.decoding._source.default) for row in rows]
        return None

    def _transcribe_forward(self, batch, trcfg):
        self._batch_lists = self._lists_of_batch(len(batch[0]))
        with self.decoding.lists(self._batch_lists):
            return super()._transcribe_forward(batch, trcfg)

    def _transcribe_output_processing(self, outputs, trcfg):
        with self.decoding.lists(self._batch_lists):
            if not self.decoding._source.nbest:
                return super()._transcribe_output_processing(outputs, trcfg)
            found = self.decoding.ctc_decoder_predictions_tensor(
                outputs.pop("logits"), outputs.pop("logits_len"), return_hypotheses=trcfg.return_hypotheses
            )
        if trcfg.timestamps:  # NeMo's own n-best path cannot; each list is an ordinary list of hypotheses
            stride = self.cfg["preprocessor"]["window_stride"]
            for hypotheses in found:
                process_timestamp_outputs(hypotheses, self.encoder.subsampling_factor, stride)
        return found

    def _setup_dataloader_from_config(self, config):
        loader = super()._setup_dataloader_from_config(config)
        manifests = config.get("manifest_filepath") if config else None
        if manifests and config.get("return_sample_id"):  # what predict_step needs
            self._predict_folder = Path(manifests.split(",")[0] if isinstance(manifests, str) else manifests[0]).parent
            self._predict_lists = {} if config.get("use_lhotse") else lists_of_dataset(manifests, loader.dataset)
        return loader

    def predict_step(self, batch, batch_idx, dataloader_idx=0):
        """As NeMo's (transcribe_speech_parallel.py), with the lists of the manifest."""
        with self.decoding.lists([self._list_of_sample(sample) for sample in batch[-1]]):
            return super().predict_step(batch, batch_idx, dataloader_idx)

    def _list_of_sample(self, sample) -> BiasList:
        """The list of a data set's sample number, or of a Lhotse cut, which holds its row of the manifest."""
        default = self.decoding._source.default
        if not hasattr(sample, "supervisions"):
            return self._predict_lists.get(int(sample), default)
        cut = getattr(sample, "first_non_padding_cut", sample)
        value = (cut.custom or {}).get(FIELD)
        return default if value is None else list_of_entry(value, cut.id, self._predict_folder)
