"""NeMo's CTC decoding with a bias list: utterances with a list go to the recognizer, others to NeMo.

The search hands NeMo the frame path of its best hypothesis, as greedy decoding would, so that NeMo's own code
computes text, timestamps and confidence.  Utterances without a list take NeMo's decoding untouched.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from itertools import accumulate

import numpy as np
import torch
from nemo.collections.asr.parts.submodules.ctc_decoding import CTCBPEDecoding, CTCDecoding
from nemo.collections.asr.parts.utils.rnnt_utils import Hypothesis

from nemo_ctcbias.nemo.internals import SubwordDecoding, frame_path_writer, joined_marks
from nemo_ctcbias.search.result import BiasedBeam

#: Hypotheses of the utterances (by their place in the batch) that are not left to NeMo.
Recognised = Mapping[int, list[BiasedBeam]]


class BiasedDecodingMixin:
    """Adds bias lists to one of NeMo's CTC decoding classes; `attach` makes it ready."""

    def attach(
        self, recognise: Callable[[torch.Tensor, torch.Tensor], Recognised], seconds_per_frame: float, nbest: bool
    ) -> None:
        """Make ready.

        Args:
            recognise: log-probs [B, T, V + 1] and lengths [B] with the stored list.
            seconds_per_frame: for the times of hits.
            nbest: whether lists of hypotheses are asked for.
        """
        self._recognise, self.seconds_per_frame, self.nbest = recognise, seconds_per_frame, nbest
        self._writer = None

    def ctc_decoder_predictions_tensor(
        self, decoder_outputs, decoder_lengths=None, fold_consecutive=True, return_hypotheses=False
    ):
        """As NeMo's, of log-probs alone, with the stored list; hypotheses carry `hits`.

        What needs the encoder (the adapter, the phones) acts in `transcribe`, not here.
        """
        if decoder_outputs.dim() != 3:
            return super().ctc_decoder_predictions_tensor(
                decoder_outputs, decoder_lengths, fold_consecutive, return_hypotheses
            )
        if self.batch_dim_index == 1:
            decoder_outputs = decoder_outputs.transpose(0, 1)
        if decoder_lengths is None:
            decoder_lengths = torch.full((len(decoder_outputs),), decoder_outputs.shape[1])
        found = self._recognise(decoder_outputs, decoder_lengths)
        return self.hypotheses(decoder_outputs, decoder_lengths, found, return_hypotheses, fold_consecutive)

    def hypotheses(
        self,
        log_probs: torch.Tensor,
        lengths: torch.Tensor,
        found: Recognised,
        return_hypotheses: bool = False,
        fold_consecutive: bool = True,
    ) -> list[Hypothesis] | list[list[Hypothesis]]:
        """NeMo's hypotheses of a batch, lists of them where n-best is asked for.

        Args:
            log_probs, lengths: [B, T, V + 1] and [B], as they were decoded.
            found: by the recognizer; NeMo decodes the others.
        """
        results = self._written(found, return_hypotheses)
        plain = [index for index in range(len(log_probs)) if index not in found]
        if plain:
            outputs = log_probs if len(plain) == len(log_probs) else log_probs[plain]
            if self.batch_dim_index == 1:
                outputs = outputs.transpose(0, 1)
            decoded = super().ctc_decoder_predictions_tensor(
                outputs, lengths[plain], fold_consecutive, return_hypotheses
            )
            for index, result in zip(plain, decoded, strict=True):
                results[index] = [result] if self.nbest and found and not isinstance(result, list) else result
        return [results[index] for index in range(len(log_probs))]

    def _written(self, found: Recognised, return_hypotheses: bool) -> dict[int, Hypothesis | list[Hypothesis]]:
        if not found:
            return {}
        writer = self._writer = self._writer or frame_path_writer(self)
        flat = [(index, beam) for index, beams in found.items() for beam in beams]
        paths = [_frame_path(beam, writer) for _, beam in flat]
        decoded = writer.ctc_decoder_predictions_tensor(paths, None, True, return_hypotheses)
        results: dict[int, list[Hypothesis]] = {}
        for (index, beam), hypothesis in zip(flat, decoded, strict=True):
            self._write(hypothesis, beam)
            results.setdefault(index, []).append(hypothesis)
        return results if self.nbest else {index: hypotheses[0] for index, hypotheses in results.items()}

    def _write(self, hypothesis: Hypothesis, beam: BiasedBeam) -> None:
        """Written forms into text, word timestamps and confidences; hits beside them."""
        hits = beam.hits
        hypothesis.text = joined_marks(self, beam.text)
        hypothesis.hits = [hit.in_seconds(self.seconds_per_frame) for hit in hits]
        if hypothesis.word_confidence is not None:
            aggregate = self._writer.aggregate_confidence
            hypothesis.word_confidence = _write_confidences(hypothesis.word_confidence, beam.written_words, aggregate)
        if isinstance(hypothesis.timestamp, dict):
            _write_timestamps(hypothesis.timestamp, beam.words, beam.written_words)
            # NeMo's scripts write what stands beside the words into their manifest, and ask for offsets.
            hypothesis.timestamp["hits"] = [
                {**hit.as_dict(), "start_offset": frames.start, "end_offset": frames.end}
                for hit, frames in zip(hypothesis.hits, hits, strict=True)
            ]


def _frame_path(beam: BiasedBeam, writer: CTCDecoding | CTCBPEDecoding) -> Hypothesis:
    """A hypothesis as greedy decoding would return it."""
    path, log_probs = torch.from_numpy(np.array(beam.path)), torch.from_numpy(beam.log_probs)
    hypothesis = Hypothesis(score=float(beam.score), y_sequence=path, length=len(path))
    hypothesis.timestamp = torch.nonzero(path != writer.blank_id, as_tuple=False).squeeze(-1).tolist()
    if writer.preserve_alignments:
        hypothesis.alignments = (log_probs, path)
    if writer.preserve_frame_confidence:
        hypothesis.frame_confidence = writer.frame_confidence_of(log_probs)
    return hypothesis


def _write_timestamps(timestamp: dict, spoken: list[str], written: list[tuple[int, int, str]]) -> None:
    """Give words and segments of NeMo's timestamps the written forms; the words of a phrase become one entry.

    Args:
        timestamp: as NeMo fills it: words of nothing but a space among others, punctuation put to the word before it.
        spoken: the words that were recognised.
        written: (first, last + 1, text) of words that are written otherwise.
    """
    words = timestamp["word"] = [entry for entry in timestamp.get("word") or [] if entry["word"].strip()]
    ends = list(accumulate((len(word) for word in spoken), initial=0))  # characters, spaces not counted
    places = list(accumulate((len("".join(entry["word"].split())) for entry in words), initial=0))
    spans = []
    for first, last, text in written:
        start = bisect_right(places, ends[first]) - 1
        spans.append((start, max(start + 1, bisect_left(places, ends[last])), text))
    texts = [entry["word"] for entry in words]
    at = 0
    for segment in timestamp.get("segment") or []:
        count = len(segment["segment"].split())
        inside = texts[at : at + count]
        for first, last, text in reversed(spans):
            if first >= at and last <= at + count:
                inside[first - at : last - at] = [text]
        segment["segment"] = " ".join(inside)
        at += count
    for first, last, text in reversed(spans):
        span = words[first:last]
        if span:
            words[first:last] = [{**span[0], "word": text, "end_offset": span[-1]["end_offset"]}]


def _write_confidences(
    confidences: list[float], written: list[tuple[int, int, str]], aggregate: Callable[[list[float]], float]
) -> list[float]:
    """Confidences of the words as they are written; those of a phrase are one where it has more or fewer words then."""
    confidences = list(confidences)
    for first, last, text in reversed(written):
        if (count := len(text.split())) != last - first:
            confidences[first:last] = [aggregate(confidences[first:last])] * count
    return confidences


class BiasedCTCBPEDecoding(BiasedDecodingMixin, SubwordDecoding):
    """NeMo's subword CTC decoding with bias lists."""


class BiasedCTCDecoding(BiasedDecodingMixin, CTCDecoding):
    """NeMo's character CTC decoding with bias lists."""
