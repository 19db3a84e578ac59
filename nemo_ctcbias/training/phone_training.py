"""Training the phone head of a frozen model, as a Lightning module around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from nemo_ctcbias.errors import ModelError, PhoneticsError
from nemo_ctcbias.evaluation.phone_errors import PhoneErrors
from nemo_ctcbias.nemo.vocabulary import vocabulary_of
from nemo_ctcbias.phones.alignment import heard_phones
from nemo_ctcbias.phones.phones import BLANK, Pronunciation, phone_ids
from nemo_ctcbias.phones.pronouncer import Pronouncer, split_words
from nemo_ctcbias.training.frozen_training import FrozenBaseTraining


@dataclass
class PhoneTrainingOptions:
    """Learning rate and input.

    Args:
        lr: highest learning rate, reached after the warm-up, then falling linearly to 0 at the last step.
        warmup: steps until then.
        weight_decay: of AdamW.
        spec_augment: whether the input is masked as in the base model's training.
    """

    lr: float = 2e-3
    warmup: int = 200
    weight_decay: float = 1e-2
    spec_augment: bool = True


class PhoneHeadTraining(FrozenBaseTraining):
    """Trains the phone head of `model` with CTC; everything else is frozen and stays as it is, BatchNorm included.

    Checkpoints hold the head alone.  Utterances with a word that cannot be pronounced (digits, another script) are
    left out of the loss: what is said there is not known.

    Args:
        pronouncer: says how the words of the transcripts sound; the first pronunciation is what is trained on.

    Raises:
        ModelError: the model has no phone head.
    """

    def __init__(self, model: Any, pronouncer: Pronouncer, options: PhoneTrainingOptions = PhoneTrainingOptions()):
        super().__init__(model, options, kept="phone_head.")
        if not model.has_phone_head:
            raise ModelError("there is no phone head to train; model.add_phone_head() gives the model one")
        self.pronouncer, self.vocabulary = pronouncer, vocabulary_of(model)
        self._slots: dict[str, list[tuple[Pronunciation, ...]] | None] = {}
        model.freeze()
        model.phone_head.requires_grad_(True)
        model.train()  # for SpecAugment and the head's dropout; what is frozen stays in eval mode
        model.spec_augmentation = model.spec_augmentation if options.spec_augment else None
        self.validation = PhoneErrors()

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        """CTC loss a phone, mean of the utterances, summed over the heads, which have nothing in common."""
        log_probs, frames = self.model.phone_log_probs(**self.inputs(batch))
        targets = [self.target(text) for text in self._texts(batch)]
        known = [row for row, target in enumerate(targets) if target]
        if not known:
            return log_probs.sum() * 0.0  # a loss all the same, for other processes wait
        flat = torch.tensor([phone for row in known for phone in targets[row]], device=log_probs.device)
        lengths = torch.tensor([len(targets[row]) for row in known], device=log_probs.device)
        loss = sum(
            torch.nn.functional.ctc_loss(
                heard.transpose(0, 1), flat, frames[known], lengths, blank=BLANK, zero_infinity=True
            )
            for heard in log_probs[known].unbind(2)
        )
        self.log("train_loss", loss.detach() / log_probs.shape[2], batch_size=len(known))
        return loss

    def _texts(self, batch: Any) -> list[str]:
        rows = zip(batch[2].tolist(), batch[3].tolist(), strict=True)
        return [self.vocabulary.decode(tokens[:count]) for tokens, count in rows]

    def target(self, text: str) -> list[int] | None:
        """Columns of the phones of a transcript in phone log-probs; None if a word cannot be pronounced."""
        slots = self.slots(text)
        return None if slots is None else [phone for slot in slots for phone in phone_ids(slot[0]).tolist()]

    def slots(self, text: str) -> list[tuple[Pronunciation, ...]] | None:
        """Pronunciations of each word, the usual one first; None if a word cannot be pronounced."""
        found = []
        for word in split_words(text):
            if word not in self._slots:
                try:
                    self._slots[word] = tuple(phones for phones, _ in self.pronouncer.word(word))
                except PhoneticsError:
                    self._slots[word] = None
            if self._slots[word] is None:
                return None
            found.append(self._slots[word])
        return found

    def on_validation_epoch_start(self) -> None:
        """Forget the last validation."""
        self.validation = PhoneErrors()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Phones read off frame by frame, by the last head, against the nearest pronunciations of the words."""
        log_probs, frames = self.model.phone_log_probs(**self.inputs(batch))
        log_probs = log_probs[:, :, -1]
        for text, row, count in zip(self._texts(batch), log_probs.detach().cpu().numpy(), frames.tolist(), strict=True):
            slots = self.slots(text)
            if slots:
                self.validation.add(slots, heard_phones(row[:count]))

    def on_validation_epoch_end(self) -> None:
        """Phone error rate in percent."""
        self.log("val_per", 100 * self.validation.rate, sync_dist=True)
