"""Train a contextual adapter on a frozen NeMo CTC model, with Lightning and exp_manager.

    python examples/train_contextual_adapter.py model=base.nemo data.manifest=train.json \
        data.validation_manifest=dev.json data.distractors=[words.txt] exp_manager.exp_dir=runs

Every setting is in configs/contextual_adapter.yaml. Stops at `trainer.max_steps` (or `+trainer.max_time=00:01:00:00`);
started again, it resumes. The adapter alone is written, to `save_to`; `model.load_adapters(file)` takes it.
"""

from __future__ import annotations

import time
from pathlib import Path

import lightning.pytorch as pl
import torch
from feature_data import BucketSampler, FeatureDataset, feature_loader
from nemo.core.config import hydra_runner
from nemo.utils import logging
from nemo.utils.exp_manager import exp_manager
from omegaconf import DictConfig, OmegaConf

from nemo_ctcbias import from_ctc
from nemo_ctcbias.bias_list.sampling import ListSampler, SamplingOptions
from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.evaluation.rare_words import read_phrases
from nemo_ctcbias.models.adapter_training import AdapterTraining, TrainingOptions
from nemo_ctcbias.models.convert import shipped_model
from nemo_ctcbias.models.utterance_lists import rows_of_manifest


class Progress(pl.Callback):
    """One line every `log_every_n_steps`: means of the logged values, seconds a step."""

    def __init__(self):
        self.sums, self.steps, self.clock = {}, 0, time.monotonic()

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        for key, value in trainer.callback_metrics.items():
            if key.startswith("train_"):
                self.sums[key[6:]] = self.sums.get(key[6:], 0.0) + float(value)
        self.steps += 1
        if trainer.global_step % trainer.log_every_n_steps == 0:
            means = " ".join(f"{key} {value / self.steps:.3f}" for key, value in self.sums.items())
            pace = (time.monotonic() - self.clock) / self.steps
            rate = trainer.optimizers[0].param_groups[0]["lr"]
            logging.info(f"step {trainer.global_step} {means} lr {rate:.1e} {pace:.2f} s/step")
            self.sums, self.steps, self.clock = {}, 0, time.monotonic()

    def on_validation_end(self, trainer, module):
        shown = {k: round(float(v), 2) for k, v in trainer.callback_metrics.items() if k.startswith("val_")}
        logging.info(f"step {trainer.global_step} validation {shown}")
        self.clock = time.monotonic()


def options_of(kind, section, given):
    try:
        return kind(**(OmegaConf.to_container(given) if given else {}))
    except TypeError as error:
        raise SettingError(f"{section}: {error}; see {kind.__module__}.{kind.__name__}") from error


def manifest_loader(model, manifest: str, cfg: DictConfig, train: bool):
    """NeMo's own loader of recordings."""
    return model._setup_dataloader_from_config(
        OmegaConf.create(
            {
                "manifest_filepath": manifest,
                "sample_rate": model.cfg.preprocessor.sample_rate,
                "batch_size": cfg.data.batch_size,
                "shuffle": train,
                "num_workers": cfg.data.workers,
                "max_duration": cfg.data.max_seconds if train else None,
                "labels": OmegaConf.to_container(model.cfg.decoder.vocabulary),
            }
        )
    )


def feature_sets(model, cfg: DictConfig, rank: int, processes: int):
    def longest() -> float:
        return cfg.data.max_seconds

    data = FeatureDataset(list(cfg.data.features), model.tokenizer.text_to_ids)
    weights = list(cfg.data.weights) if cfg.data.weights else None
    sampler = BucketSampler(data, cfg.data.batch_seconds, longest, weights, rank, processes, cfg.data.seed)
    return feature_loader(data, sampler), data.texts


@hydra_runner(config_path="../configs", config_name="contextual_adapter")
def main(cfg: DictConfig) -> None:
    if cfg.num_threads:
        torch.set_num_threads(cfg.num_threads)
    pl.seed_everything(cfg.data.seed)
    lists = options_of(SamplingOptions, "lists", cfg.lists)
    training = options_of(TrainingOptions, "training", cfg.training)
    distractors = [word for file in cfg.data.distractors for word in read_phrases(file)]
    model = from_ctc(cfg.model or shipped_model())
    model.add_adapter(cfg.adapter_name, cfg.adapter)  # wrong settings stop here
    trainer = pl.Trainer(callbacks=[Progress()], **cfg.trainer)
    exp_manager(trainer, cfg.get("exp_manager"))
    if cfg.data.features:
        loader, texts = feature_sets(model, cfg, trainer.global_rank, trainer.world_size)
    elif cfg.data.manifest:
        loader = manifest_loader(model, cfg.data.manifest, cfg, True)
        texts = [str(row["text"]) for file in cfg.data.manifest.split(",") for _, row in rows_of_manifest(file)]
    else:
        raise SettingError("nothing to train on: give data.manifest=train.json or data.features=[folder]")
    validation = None
    if cfg.data.validation_features:
        dev = FeatureDataset([cfg.data.validation_features], model.tokenizer.text_to_ids)
        validation = feature_loader(dev, BucketSampler(dev, cfg.data.batch_seconds, lambda: 1e9))
    elif cfg.data.validation_manifest:
        validation = manifest_loader(model, cfg.data.validation_manifest, cfg, False)
    module = AdapterTraining(model, cfg.adapter_name, ListSampler(texts, distractors, lists), training)
    trainer.fit(module, loader, validation)
    if trainer.is_global_zero:
        model.save_adapters(cfg.save_to, cfg.adapter_name)
        logging.info(f"saved {Path(cfg.save_to)} after {trainer.global_step} steps")


if __name__ == "__main__":
    main()
