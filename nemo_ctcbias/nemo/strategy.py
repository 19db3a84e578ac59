"""NeMo's CTC decoding with a bias list: utterances with a list go to the hotword search, others to NeMo.

The search hands NeMo the frame path of its best hypothesis, as greedy decoding would, so that NeMo's own code
computes text, timestamps and confidence.  Utterances without a list take NeMo's decoding untouched.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from nemo.collections.asr.parts.submodules.ctc_decoding import CTCBPEDecoding, CTCDecoding
from nemo.collections.asr.parts.utils.rnnt_utils import Hypothesis
from omegaconf import OmegaConf

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.search.hits import Hit, write

if TYPE_CHECKING:  # importing it needs pyctcdecode, which models without a list do without
    from nemo_ctcbias.phones.spotting import Spotting
    from nemo_ctcbias.search.biased_beam import BiasedBeam
    from nemo_ctcbias.search.greedy import GreedyDecoder
    from nemo_ctcbias.search.hotword_decoder import HotwordBeamDecoder
    from nemo_ctcbias.search.second_pass import SecondPass


@dataclass
class BiasSource:
    """Where the lists of a batch come from, and how strongly they act.

    Args:
        default: list of utterances that bring none.
        weight: strength on pyctcdecode's scale (10 = as tuned, 0 = off).
        nbest: hypotheses to return for each utterance, None for the best alone.
        seconds_per_frame: for the times of hits.
        always: search utterances without a list too (there is a language model to help).
    """

    default: BiasList
    weight: float = 10.0
    nbest: int | None = None
    seconds_per_frame: float = 1.0
    always: bool = False


class _ReadyPaths:
    """Stands where NeMo's strategy stands and hands over hypotheses that are decoded already."""

    override_fold_consecutive_value = None  # NeMo collapses our frame paths as it does greedy ones

    def __init__(self):
        self.hypotheses: list[Hypothesis] = []

    def __call__(self, decoder_output=None, decoder_lengths=None):
        return (self.hypotheses,)


class BiasedDecodingMixin:
    """Adds bias lists to one of NeMo's CTC decoding classes; `attach` makes it ready."""

    def attach(
        self,
        decoder: HotwordBeamDecoder | None,
        source: BiasSource,
        variants: Callable[[BiasList], BiasList] | None = None,
        second_pass: SecondPass | None = None,
        greedy: GreedyDecoder | None = None,
        spotting: Spotting | None = None,
    ) -> None:
        """Make ready.

        Args:
            decoder: for utterances with a list; None never searches (and needs no pyctcdecode).
            source: of the lists.
            variants: what is listened for in place of a list.
            second_pass: for batches of which the model let us know the phones.
            greedy: without `decoder`, for batches that adapters have changed.
            spotting: says for the model which phrases are heard.
        """
        self._hotword_decoder, self._source, self._greedy = decoder, source, greedy
        self._lists: Sequence[BiasList] | None = None
        self._variants, self.second_pass, self.spotting = variants, second_pass, spotting
        self._known: tuple[weakref.ref, dict[str, Any]] | None = None
        self._writer = None

    def know(self, log_probs: torch.Tensor, **beside: Any) -> None:
        """Take what belongs to these log-probs.

        Args:
            log_probs: [B, T, V + 1] that will be decoded.
            beside: `phones` [B, T', K, 40], log-probs of K heads, and `phone_lengths` [B], their valid frames; `heard`,
                for each utterance which phrases of its list were heard (factors on their weights, or None); `base`
                [B, T, V + 1], the log-probs of the model without adapters.
        """
        if self._known is None or self._known[0]() is not log_probs:
            self._known = weakref.ref(log_probs), {}
        self._known[1].update(beside)

    def _known_of(self, log_probs: torch.Tensor) -> dict[str, Any]:
        """What is known of these log-probs, for this once."""
        known, self._known = self._known, None
        return known[1] if known is not None and known[0]() is log_probs else {}

    def listened(self, bias_list: BiasList) -> BiasList:
        """What is listened for: the list, with spelling variants of its phrases where these are in use."""
        return self._variants(bias_list) if self._variants and isinstance(bias_list, BiasList) else bias_list

    @contextmanager
    def lists(self, lists: Sequence[BiasList] | None):
        """Decode the next batch with these lists, one an utterance; None: the default for all."""
        self._lists = lists
        try:
            yield
        finally:
            self._lists = None

    def ctc_decoder_predictions_tensor(
        self, decoder_outputs, decoder_lengths=None, fold_consecutive=True, return_hypotheses=False
    ):
        """As NeMo's; hypotheses carry `hits`, and are lists of hypotheses where n-best is asked for."""
        known = self._known_of(decoder_outputs)
        decoder = self._greedy if self._hotword_decoder is None and "base" in known else self._hotword_decoder
        active = self._active(decoder_outputs, decoder)
        if not active:
            return super().ctc_decoder_predictions_tensor(
                decoder_outputs, decoder_lengths, fold_consecutive, return_hypotheses
            )
        if self.batch_dim_index == 1:
            decoder_outputs = decoder_outputs.transpose(0, 1)
        if decoder_lengths is None:
            decoder_lengths = torch.full((len(decoder_outputs),), decoder_outputs.shape[1])
        results = self._biased(decoder, decoder_outputs, decoder_lengths, active, known, return_hypotheses)
        plain = [index for index in range(len(decoder_outputs)) if index not in active]
        if plain:
            outputs = decoder_outputs[plain]
            if self.batch_dim_index == 1:
                outputs = outputs.transpose(0, 1)
            decoded = super().ctc_decoder_predictions_tensor(
                outputs, decoder_lengths[plain], fold_consecutive, return_hypotheses
            )
            for index, result in zip(plain, decoded, strict=True):
                results[index] = [result] if self._source.nbest and not isinstance(result, list) else result
        return [results[index] for index in range(len(decoder_outputs))]

    def _active(self, decoder_outputs, decoder) -> dict[int, BiasList]:
        """Utterances to decode ourselves: those that have a list which can act, or all."""
        always, off = self._source.always, self._source.weight == 0 and not self._source.always
        if decoder is None or off or decoder_outputs.dim() != 3:
            return {}
        size = decoder_outputs.shape[self.batch_dim_index]
        lists = self._lists if self._lists is not None else [self._source.default] * size
        return {index: one for index, one in enumerate(lists) if always or self._acts(one, decoder)}

    def _acts(self, bias_list: BiasList, decoder) -> bool:
        return bool(len(bias_list)) and decoder.compile(self.listened(bias_list)).active

    def _biased(
        self, decoder, outputs, lengths, active, known, return_hypotheses
    ) -> dict[int, Hypothesis | list[Hypothesis]]:
        beams: dict[int, list[BiasedBeam]] = {}
        log_probs, base = outputs.detach().float().cpu(), known.get("base")
        for index, bias_list in active.items():
            length, weight = int(lengths[index]), self._source.weight
            heard = known["heard"][index] if "heard" in known else None
            search = partial(
                decoder.decode_beams,
                log_probs[index, :length].numpy(),
                hotwords=self.listened(bias_list),
                hotword_weight=weight,
                base_log_probs=None if base is None else base[index, :length].detach().float().cpu().numpy(),
                limit=max(self._source.nbest or 1, self.second_pass.hypotheses if self.second_pass else 1),
            )
            if self.second_pass is not None and "phones" in known and weight and self._acts(bias_list, decoder):
                phones = known["phones"][index, : int(known["phone_lengths"][index])]
                found = self.second_pass(search, phones.detach().float().cpu().numpy(), bias_list, heard)
            else:
                found = search(heard=heard)
            beams[index] = found[: self._source.nbest or 1]
        flat = [(index, beam) for index, found in beams.items() for beam in found]
        writer = self._greedy_twin()
        writer.decoding.hypotheses = [self._as_greedy(beam, log_probs[index]) for index, beam in flat]
        decoded = writer.ctc_decoder_predictions_tensor(None, None, True, return_hypotheses)
        results: dict[int, list[Hypothesis]] = {}
        for (index, beam), hypothesis in zip(flat, decoded, strict=True):
            self._write(hypothesis, beam)
            results.setdefault(index, []).append(hypothesis)
        return results if self._source.nbest else {index: found[0] for index, found in results.items()}

    def _greedy_twin(self):
        """NeMo's own decoding of this kind, set to greedy, whose strategy is replaced by ready paths."""
        if self._writer is None:
            config = OmegaConf.create(OmegaConf.to_container(self.cfg))
            config.strategy = "greedy_batch"
            config.batch_dim_index = 0
            host = CTCBPEDecoding if isinstance(self, CTCBPEDecoding) else CTCDecoding
            words = {"tokenizer": self.tokenizer} if host is CTCBPEDecoding else {"vocabulary": self._vocabulary()}
            self._writer = host(config, **words)
            self._confidence = getattr(self._writer.decoding, "_get_confidence_tensor", None)
            self._writer.decoding = _ReadyPaths()
        return self._writer

    def _vocabulary(self) -> list[str]:
        return [self.labels_map[index] for index in range(len(self.labels_map))]

    def _as_greedy(self, beam: BiasedBeam, log_probs: torch.Tensor) -> Hypothesis:
        path = torch.from_numpy(np.array(beam.path))
        hypothesis = Hypothesis(score=float(beam.score), y_sequence=path, length=len(path))
        hypothesis.timestamp = torch.nonzero(path != self.blank_id, as_tuple=False).squeeze(-1).tolist()
        if self._writer.preserve_alignments:
            hypothesis.alignments = (log_probs[: len(path)], path)
        if self._writer.preserve_frame_confidence:
            hypothesis.frame_confidence = self._confidence(log_probs[: len(path)])
        return hypothesis

    def _write(self, hypothesis: Hypothesis, beam: BiasedBeam) -> None:
        """Written forms into text and word timestamps; hits beside them."""
        hits = beam.hits
        hypothesis.text = beam.text
        hypothesis.hits = [hit.in_seconds(self._source.seconds_per_frame) for hit in hits]
        if isinstance(hypothesis.timestamp, dict):
            _write_timestamps(hypothesis.timestamp, hits)
            # NeMo's scripts write what stands beside the words into their manifest, and ask for offsets.
            hypothesis.timestamp["hits"] = [
                {**hit.as_dict(), "start_offset": frames.start, "end_offset": frames.end}
                for hit, frames in zip(hypothesis.hits, hits, strict=True)
            ]


def _write_timestamps(timestamp: dict, hits: list[Hit]) -> None:
    """Give words and segments of NeMo's timestamps the written forms; a phrase becomes one entry."""
    words = timestamp.get("word") or []
    spoken = [entry["word"] for entry in words]
    at = 0
    for segment in timestamp.get("segment") or []:
        count = len(segment["segment"].split())
        inside = [
            (hit.first_word - at, hit.last_word - at, hit.phrase)
            for hit in hits
            if hit.first_word >= at and hit.last_word <= at + count
        ]
        segment["segment"] = write(spoken[at : at + count], inside)
        at += count
    for hit in reversed(hits):
        span = words[hit.first_word : hit.last_word]
        if span:
            merged = {**span[0], "word": hit.phrase, "end_offset": span[-1]["end_offset"]}
            words[hit.first_word : hit.last_word] = [merged]


class BiasedCTCBPEDecoding(BiasedDecodingMixin, CTCBPEDecoding):
    """NeMo's subword CTC decoding with bias lists."""


class BiasedCTCDecoding(BiasedDecodingMixin, CTCDecoding):
    """NeMo's character CTC decoding with bias lists."""
