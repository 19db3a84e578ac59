"""Train a small CTC base model on stored features, with NeMo's own model, Lightning and exp_manager.

    python examples/train_base.py data.features=[cache/real,cache/tts] model.tokenizer.dir=tokenizer \
        tokenizer_text=text.txt exp_manager.exp_dir=runs save_to=base.nemo
    python examples/train_base.py --config-name base_whisper_ctc_bpe init_from_nemo_model=start.nemo \
        data.features=[cache/trunk] model.tokenizer.dir=tokenizer exp_manager.exp_dir=runs save_to=strong.nemo

Stops cleanly at `trainer.max_steps` or `+trainer.max_time=00:01:30:00`; started again, it resumes.
"""

from __future__ import annotations

import time
from pathlib import Path

import lightning.pytorch as pl
import torch
from feature_data import BucketSampler, FeatureDataset, feature_loader
from nemo.collections.asr.models import EncDecCTCModelBPE
from nemo.collections.common.tokenizers.sentencepiece_tokenizer import create_spt_model
from nemo.core.config import hydra_runner
from nemo.utils import logging
from nemo.utils.exp_manager import exp_manager
from omegaconf import DictConfig, OmegaConf
from same_run import going_on

import nemo_ctcbias  # noqa: F401  (allows our encoder's name)
from nemo_ctcbias.errors import SettingError


class Progress(pl.Callback):
    """One line every `log_every_n_steps`: step, loss, learning rate, seconds of audio a second."""

    def __init__(self):
        self.seconds, self.losses, self.clock, self.frames_per_second = 0.0, [], None, 100.0

    def on_train_batch_end(self, trainer, model, outputs, batch, batch_idx):
        self.clock = self.clock or time.monotonic()
        self.seconds += float(batch[1].sum()) / self.frames_per_second
        self.losses.append(float(outputs["loss"]))
        if trainer.global_step % trainer.log_every_n_steps == 0:
            now = time.monotonic()
            speed = self.seconds * trainer.world_size / max(now - self.clock, 1e-9)
            loss = sum(self.losses) / len(self.losses)
            rate = trainer.optimizers[0].param_groups[0]["lr"]
            logging.info(f"step {trainer.global_step} loss {loss:.3f} lr {rate:.2e} audio {speed:.0f} s/s")
            self.seconds, self.losses, self.clock = 0.0, [], now

    def on_validation_end(self, trainer, model):
        shown = {k: round(float(v), 4) for k, v in trainer.callback_metrics.items() if k.startswith("val_")}
        logging.info(f"step {trainer.global_step} validation {shown}")


def ensure_tokenizer(cfg: DictConfig) -> None:
    folder = Path(cfg.model.tokenizer.dir)
    if not (folder / "tokenizer.model").exists():
        if not cfg.tokenizer_text:
            raise FileNotFoundError(f"{folder}: no tokenizer.model there; set tokenizer_text to train one")
        create_spt_model(cfg.tokenizer_text, cfg.vocab_size, -1, False, "bpe", str(folder))


class BaseModel(EncDecCTCModelBPE):
    """NeMo's model; parameters of a pretrained trunk, if there is one, learn at a rate of their own."""

    trunk_lr: float | None = None

    def setup_optimizer_param_groups(self):
        trunk, rest = [], []
        for name, parameter in self.named_parameters():
            (trunk if name.startswith("encoder.trunk.") else rest).append(parameter)
        self._optimizer_param_groups = [{"params": rest}]
        if trunk:
            self._optimizer_param_groups.append({"params": trunk} | ({"lr": self.trunk_lr} if self.trunk_lr else {}))


@torch.no_grad()
def temper(head: torch.nn.Module, temperature: float) -> None:
    """Divide the scores of a head, a single linear layer, by a temperature (Guo et al. 2017, section 4.2)."""
    for parameter in head.parameters():
        parameter.div_(temperature)


@hydra_runner(config_path="../configs", config_name="base_fastconformer_ctc_bpe")
def main(cfg: DictConfig) -> None:
    if cfg.num_threads:
        torch.set_num_threads(cfg.num_threads)
    if not cfg.temperature > 0:
        raise SettingError(f"temperature: must be above 0, got {cfg.temperature}")
    pl.seed_everything(cfg.data.seed)
    ensure_tokenizer(cfg)
    progress = Progress()
    trainer = pl.Trainer(callbacks=[progress], **cfg.trainer)
    going_on(cfg, Path(exp_manager(trainer, cfg.get("exp_manager"))))
    saved_as = f"{EncDecCTCModelBPE.__module__}.{EncDecCTCModelBPE.__name__}"
    OmegaConf.update(cfg.model, "target", saved_as, force_add=True)
    model = BaseModel(cfg=cfg.model, trainer=trainer)
    model.trunk_lr = cfg.get("trunk_lr")
    model.maybe_init_from_pretrained_checkpoint(cfg)

    curriculum = sorted((int(step), float(limit)) for step, limit in cfg.data.curriculum)

    def longest_now() -> float:
        return min(cfg.data.max_seconds, max(limit for step, limit in curriculum if step <= trainer.global_step))

    data = FeatureDataset(list(cfg.data.features), model.tokenizer.text_to_ids)
    progress.frames_per_second = data.frames_per_second
    sampler = BucketSampler(
        data,
        cfg.data.batch_seconds,
        longest_now,
        weights=list(cfg.data.weights) if cfg.data.weights else None,
        rank=trainer.global_rank,
        world_size=trainer.world_size,
        seed=cfg.data.seed,
    )
    model._train_dl = feature_loader(data, sampler)
    if data.blocks:
        model.encoder.entry = data.blocks
    if cfg.data.validation:
        dev = FeatureDataset([cfg.data.validation], model.tokenizer.text_to_ids)
        model._validation_dl = feature_loader(dev, BucketSampler(dev, cfg.data.batch_seconds, lambda: 1e9))
    trainer.fit(model)
    if trainer.is_global_zero:
        temper(model.decoder, cfg.temperature)
        if cfg.save_half:
            # NeMo's load copies these into 32-bit parameters again; the mel filters stay in 32 bit.
            model.encoder.half()
            model.decoder.half()
        model.save_to(cfg.save_to)
        logging.info(f"saved {cfg.save_to} after {trainer.global_step} steps")


if __name__ == "__main__":
    main()
