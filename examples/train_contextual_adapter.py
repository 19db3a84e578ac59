"""Train a contextual adapter on a frozen NeMo CTC model, with Lightning and exp_manager.

    python examples/train_contextual_adapter.py model=base.nemo data.manifest=train.json \
        data.validation_manifest=dev.json data.distractors=[words.txt] exp_manager.exp_dir=runs

Every setting is in configs/contextual_adapter.yaml. Each validation draws where the adapter looks in the first few
utterances, beside the checkpoints (needs matplotlib). Stops at `trainer.max_steps` (or
`+trainer.max_time=00:01:00:00`); started again, it resumes. The adapter alone is written, to `save_to`;
`model.load_adapters(file)` takes it.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import lightning.pytorch as pl
import torch
from frozen_training import Progress, options_of, training_data, validation_data
from lightning.pytorch.utilities import rank_zero_only
from nemo.core.config import hydra_runner
from nemo.utils import logging
from nemo.utils.exp_manager import exp_manager
from omegaconf import DictConfig
from same_run import going_on

from nemo_ctcbias import from_ctc
from nemo_ctcbias.bias_list.sampling import ListSampler, SamplingOptions
from nemo_ctcbias.evaluation.rare_words import read_phrases
from nemo_ctcbias.nemo.attention_picture import draw
from nemo_ctcbias.shipped import checkpoint
from nemo_ctcbias.training.adapter_training import AdapterTraining, TrainingOptions

PICTURES, PHRASES = 3, 12  # utterances, and phrases of each


class Pictures(pl.Callback):
    """Draws where the adapter looks in the first held-out utterances, as training goes on."""

    def __init__(self, folder: Path):
        self.folder = folder / "attention"
        self.folder.mkdir(parents=True, exist_ok=True)

    @rank_zero_only
    def on_validation_batch_end(self, trainer, module, outputs, batch, batch_idx, dataloader_idx=0):
        for row in range(min(PICTURES, len(batch[3]))) if batch_idx == 0 else ():
            picture = self.folder / f"{row}-step-{trainer.global_step:06d}.png"
            draw(module.pictured(batch, row, batch_idx), picture, PHRASES)


@hydra_runner(config_path="../configs", config_name="contextual_adapter")
def main(cfg: DictConfig) -> None:
    if cfg.num_threads:
        torch.set_num_threads(cfg.num_threads)
    pl.seed_everything(cfg.data.seed)
    lists = options_of(SamplingOptions, "lists", cfg.lists)
    training = options_of(TrainingOptions, "training", cfg.training)
    distractors = [word for file in cfg.data.distractors for word in read_phrases(file)]
    model = from_ctc(checkpoint(cfg.model))
    if cfg.start_from:
        model.load_adapters(cfg.start_from, cfg.adapter_name, other_base=True)  # it is trained for this one
    else:
        model.add_adapter(cfg.adapter_name, cfg.adapter)  # wrong settings stop here
    trainer = pl.Trainer(callbacks=[Progress()], **cfg.trainer)
    folder = Path(exp_manager(trainer, cfg.get("exp_manager")))
    going_on(cfg, folder)
    if find_spec("matplotlib"):
        trainer.callbacks.append(Pictures(folder))
    loader, texts = training_data(model, cfg, trainer.global_rank, trainer.world_size)
    module = AdapterTraining(model, cfg.adapter_name, ListSampler(texts, distractors, lists), training)
    trainer.fit(module, loader, validation_data(model, cfg))
    if trainer.is_global_zero:
        model.save_adapters(cfg.save_to, cfg.adapter_name)
        logging.info(f"saved {Path(cfg.save_to)} after {trainer.global_step} steps")


if __name__ == "__main__":
    main()
