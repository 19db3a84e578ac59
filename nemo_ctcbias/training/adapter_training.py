"""Training one contextual adapter of a frozen model, as a Lightning module around it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from nemo_ctcbias.adapter.losses import Labels, attention_loss, label_frames
from nemo_ctcbias.adapter.phrase_bank import TokenList
from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.bias_list.sampling import ListSampler, words_of
from nemo_ctcbias.compiled_list import CompiledList, Sources
from nemo_ctcbias.errors import ModelError
from nemo_ctcbias.evaluation.counts import Counts
from nemo_ctcbias.evaluation.scoring import compare
from nemo_ctcbias.nemo.attention_picture import seen
from nemo_ctcbias.nemo.encoder import Encoded
from nemo_ctcbias.nemo.vocabulary import vocabulary_of
from nemo_ctcbias.search.alignment import align, greedy_spans
from nemo_ctcbias.training.frozen_training import FrozenBaseTraining


@dataclass
class TrainingOptions:
    """Losses and learning rate.

    Args:
        lr: highest learning rate, reached after `warmup` steps, then falling linearly to 0 at the last step.
        warmup: steps until `lr` is reached.
        weight_decay: of AdamW.
        phrase_weight, token_weight: of the attention losses beside the CTC loss.
        spec_augment: whether the input is masked as in the base model's training.
        distractors: in the lists of validation.
    """

    lr: float = 2e-3
    warmup: int = 200
    weight_decay: float = 1e-2
    phrase_weight: float = 1.0
    token_weight: float = 0.3
    spec_augment: bool = True
    distractors: int = 100


class AdapterTraining(FrozenBaseTraining):
    """Trains the adapter `name` of `model`; everything else is frozen and stays as it is, BatchNorm included.

    Checkpoints hold the adapter alone.

    Raises:
        ModelError: the model has no enabled adapter of that name.
    """

    def __init__(self, model: Any, name: str, sampler: ListSampler, options: TrainingOptions = TrainingOptions()):
        super().__init__(model, options, kept=f"adapter_layer.{name}.")
        if name not in model.context.enabled():
            raise ModelError(f"adapter {name!r}: not in this model or not enabled; add it with model.add_adapter first")
        self.name, self.sampler = name, sampler
        self.vocabulary = vocabulary_of(model)
        self.sources = Sources(self.vocabulary, alternatives=1)
        # Words are over where others begin, and before punctuation.
        marks = [not any(map(str.isalnum, text)) for text in self.vocabulary.texts]
        self.opens = (self.vocabulary.starts_word | marks).tolist()
        model.set_enabled_adapters(enabled=False)
        model.set_enabled_adapters(name, enabled=True)
        model.freeze()
        model.unfreeze_enabled_adapters()
        model.train()  # for the adapter's dropout and SpecAugment; what is frozen stays in eval mode
        model.spec_augmentation = model.spec_augmentation if options.spec_augment else None
        self.validation: dict[str, Counts] = {}

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        """CTC loss with a list drawn for the batch, and the attention losses."""
        transcripts, lengths = batch[2], batch[3]
        tokens = [row[:count].tolist() for row, count in zip(transcripts, lengths.tolist(), strict=True)]
        rng = random.Random(f"{self.global_step} {batch_idx} {self.global_rank}")
        texts = [self.vocabulary.decode(one) for one in tokens]
        listed = self.spelled(self.sampler.sample(texts, rng))
        if not len(listed):  # nothing of the list can be spelled; a loss all the same, for other processes wait
            return sum(parameter.sum() for parameter in self.parameters() if parameter.requires_grad) * 0.0
        encoded, changed, log_probs = self.model.trained_on([listed] * len(tokens), **self.inputs(batch))
        frames = encoded.lengths
        ctc = self.model.ctc_criterion(
            log_probs=log_probs, targets=transcripts, input_lengths=frames, target_lengths=lengths
        )
        labels = self._labels(listed, tokens, encoded)
        parts = attention_loss(changed.attention[self.name], labels)
        loss = ctc + self.options.phrase_weight * parts.phrase + self.options.token_weight * parts.token
        shown = {"loss": loss, "ctc": ctc, **vars(parts)}
        self.log_dict({f"train_{key}": value.detach() for key, value in shown.items()}, batch_size=len(tokens))
        return loss

    def spelled(self, phrases: Sequence[str]) -> TokenList:
        """The rows that the adapter sees of a list, in all cases that the model writes."""
        return CompiledList(BiasList(phrases), self.sources).tokens

    @torch.no_grad()
    def _labels(self, listed: TokenList, tokens: list[list[int]], encoded: Encoded) -> Labels:
        """What each frame should look at, by aligning the transcripts with the base model's own log-probs."""
        base, frames = encoded.log_probs.float().cpu().numpy(), encoded.lengths.tolist()
        blank = base.shape[2] - 1
        paths, spans = [], []
        rows = {
            tuple(row[:count].tolist()): at
            for at, (row, count) in enumerate(zip(listed.tokens, listed.lengths, strict=True))
        }
        for log_probs, count, one in zip(base, frames, tokens, strict=True):
            try:
                paths.append(align(log_probs[:count], one).tolist())
                spans.append(find_rows(one, rows, self.opens))
            except ValueError:  # spoken faster than the frames allow: nothing to learn for the attention
                paths.append([])
                spans.append([])
        labels = label_frames(paths, spans, base.shape[1], blank)
        device = encoded.log_probs.device
        return Labels(labels.phrases.to(device), labels.tokens.to(device))

    def on_validation_epoch_start(self) -> None:
        """Counts of the base model and of the adapted one, each with the same lists."""
        self.validation = {"base": Counts(), "list": Counts()}

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Greedy decoding without and with lists: the utterance's rare words among distractors."""
        tokens = [row[:count].tolist() for row, count in zip(batch[2], batch[3].tolist(), strict=True)]
        texts = [self.vocabulary.decode(one) for one in tokens]
        lists = self.validation_lists(texts, batch_idx)
        encoded, _, log_probs = self.model.trained_on([self.spelled(one) for one in lists], **self.inputs(batch))
        frames = encoded.lengths
        for key, probs in (("base", encoded.log_probs), ("list", log_probs)):
            for row, (text, phrases) in enumerate(zip(texts, lists, strict=True)):
                best = greedy_spans(probs[row, : frames[row]].detach().float().cpu().numpy())
                heard = self.vocabulary.decode(token for token, _, _ in best)
                self.validation[key] += compare(text, heard, phrases, 0.0).counts

    def validation_lists(self, texts: Sequence[str], batch_idx: int) -> list[list[str]]:
        """For each utterance of a batch its rare words among distractors, the same each time."""
        rng = random.Random(f"validation {batch_idx} {self.global_rank}")
        lists = []
        for text in texts:
            rare = [word for word in words_of(text) if self.sampler.counts[word] <= 2]
            lists.append(sorted({*rare, *rng.choices(self.sampler.pool, k=self.options.distractors)}))
        return lists

    @torch.no_grad()
    def pictured(self, batch: Any, row: int, batch_idx: int) -> dict[str, Any]:
        """Where the adapter looks in an utterance of a validation batch; see `attention_picture.seen`."""
        texts = [self.vocabulary.decode(one[:count].tolist()) for one, count in zip(batch[2], batch[3], strict=True)]
        phrases = self.validation_lists(texts, batch_idx)[row]
        listed = self.spelled(phrases)
        (name, signal), (length, lengths) = self.inputs(batch).items()
        alone = {name: signal[row : row + 1, ..., : int(lengths[row])], length: lengths[row : row + 1]}
        _, changed, log_probs = self.model.trained_on([listed], **alone)
        seconds = log_probs.shape[1] * self.model.subsampling * self.model.cfg.preprocessor.window_stride
        attention = changed.attention[self.name]
        return seen(log_probs, attention, listed.owners, phrases, self.vocabulary.texts, seconds)

    def on_validation_epoch_end(self) -> None:
        """WER and F1 of listed words, without and with the list."""
        for key, counts in self.validation.items():
            for metric in ("wer", "u_wer", "b_wer", "f1"):
                self.log(f"val_{metric}_{key}", counts.rate(metric) or 0.0, sync_dist=True)


def find_rows(tokens: Sequence[int], rows: dict[tuple[int, ...], int], opens: Sequence[bool]) -> list[tuple]:
    """(row, first token, last token + 1) of listed phrases in a transcript: whole words, longest first.

    Args:
        opens: bool [V], whether a word is over before a token.
    """
    longest = max(map(len, rows), default=0)
    bounds = [at for at, token in enumerate(tokens) if opens[token]] + [len(tokens)]
    found, at = [], 0
    for first in bounds[:-1]:
        if first < at:
            continue
        for last in reversed([end for end in bounds if first < end <= first + longest]):
            row = rows.get(tuple(tokens[first:last]))
            if row is not None:
                found.append((row, first, last))
                at = last
                break
    return found
