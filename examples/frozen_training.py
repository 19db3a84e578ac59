"""What the scripts that train a part of a frozen model share: data from recordings or features, progress lines."""

from __future__ import annotations

import time

import lightning.pytorch as pl
from feature_data import BucketSampler, FeatureDataset, feature_loader
from nemo.utils import logging
from omegaconf import DictConfig, OmegaConf
from torch.utils.data import DataLoader, DistributedSampler

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.nemo.utterance_lists import rows_of_manifest
from nemo_ctcbias.nemo.vocabulary import head_of


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
    """NeMo's own loader of recordings; all of them in every process."""
    return model._setup_dataloader_from_config(
        OmegaConf.create(
            {
                "manifest_filepath": manifest,
                "sample_rate": model.cfg.preprocessor.sample_rate,
                "batch_size": cfg.data.batch_size,
                "shuffle": train,
                "num_workers": cfg.data.workers,
                "max_duration": cfg.data.max_seconds if train else None,
                "labels": [str(label) for label in head_of(model).vocabulary],
            }
        )
    )


def share(loader: DataLoader, rank: int, processes: int, seed: int) -> DataLoader:
    """The loader of one of several processes: each epoch they share the recordings out anew, as many to each.

    Where they cannot be divided evenly, the first few of the epoch are read twice, so that no process waits in vain.
    """
    sampler = DistributedSampler(loader.dataset, processes, rank, shuffle=True, seed=seed)
    return DataLoader(
        loader.dataset,
        batch_size=loader.batch_size,
        sampler=sampler,  # Lightning tells it the epoch
        collate_fn=loader.collate_fn,
        num_workers=loader.num_workers,
    )


def training_data(model, cfg: DictConfig, rank: int, processes: int):
    """A loader of this process's share of the recordings or features that the config names, and all transcripts."""
    if cfg.data.features:
        data = FeatureDataset(list(cfg.data.features), model.tokenizer.text_to_ids)
        if data.blocks:  # of a Whisper trunk, which these features have been through
            model.encoder.entry = data.blocks
        weights = list(cfg.data.weights) if cfg.data.weights else None
        longest = float(cfg.data.max_seconds)
        sampler = BucketSampler(data, cfg.data.batch_seconds, lambda: longest, weights, rank, processes, cfg.data.seed)
        return feature_loader(data, sampler), data.texts
    if cfg.data.manifest:
        texts = [str(row["text"]) for file in cfg.data.manifest.split(",") for _, row in rows_of_manifest(file)]
        loader = manifest_loader(model, cfg.data.manifest, cfg, True)
        return share(loader, rank, processes, cfg.data.seed) if processes > 1 else loader, texts
    raise SettingError("nothing to train on: give data.manifest=train.json or data.features=[folder]")


def validation_data(model, cfg: DictConfig):
    """A loader of what the config names for validation, None if nothing."""
    if cfg.data.validation_features:
        dev = FeatureDataset([cfg.data.validation_features], model.tokenizer.text_to_ids)
        return feature_loader(dev, BucketSampler(dev, cfg.data.batch_seconds, lambda: 1e9))
    if cfg.data.validation_manifest:
        return manifest_loader(model, cfg.data.validation_manifest, cfg, False)
    return None
