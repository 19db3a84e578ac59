"""Train a phone head on a frozen NeMo CTC model, with Lightning and exp_manager.

    python examples/train_phone_head.py model=base.nemo lexicon=cmudict.dict data.manifest=train.json \
        data.validation_manifest=dev.json exp_manager.exp_dir=runs

Every setting is in configs/phone_head.yaml. Stops at `trainer.max_steps` (or `+trainer.max_time=00:01:00:00`); started
again, it resumes. The head alone is written, to `save_to`; `model.load_phone_head(file)` takes it.
"""

from __future__ import annotations

from pathlib import Path

import lightning.pytorch as pl
import torch
from frozen_training import Progress, options_of, training_data, validation_data
from nemo.core.config import hydra_runner
from nemo.utils import logging
from nemo.utils.exp_manager import exp_manager
from omegaconf import DictConfig
from same_run import going_on

from nemo_ctcbias import from_ctc
from nemo_ctcbias.phones import Lexicon, Pronouncer
from nemo_ctcbias.shipped import checkpoint
from nemo_ctcbias.training.phone_training import PhoneHeadTraining, PhoneTrainingOptions


@hydra_runner(config_path="../configs", config_name="phone_head")
def main(cfg: DictConfig) -> None:
    if cfg.num_threads:
        torch.set_num_threads(cfg.num_threads)
    pl.seed_everything(cfg.data.seed)
    training = options_of(PhoneTrainingOptions, "training", cfg.training)
    pronouncer = Pronouncer(lexicon=Lexicon.load(cfg.lexicon) if cfg.lexicon else None)
    model = from_ctc(checkpoint(cfg.model))
    if cfg.start_from:
        model.load_phone_head(cfg.start_from, other_base=True)  # it is trained for this one
    else:
        model.add_phone_head(cfg.phone_head)  # wrong settings stop here
    trainer = pl.Trainer(callbacks=[Progress()], **cfg.trainer)
    going_on(cfg, Path(exp_manager(trainer, cfg.get("exp_manager"))))
    loader, texts = training_data(model, cfg, trainer.global_rank, trainer.world_size)
    module = PhoneHeadTraining(model, pronouncer, training)
    left_out = sum(module.slots(text) is None for text in set(texts))
    logging.info(f"{len(texts)} utterances; {left_out} transcripts cannot be pronounced and are left out")
    trainer.fit(module, loader, validation_data(model, cfg))
    if trainer.is_global_zero:
        model.save_phone_head(cfg.save_to)
        logging.info(f"saved {Path(cfg.save_to)} after {trainer.global_step} steps")


if __name__ == "__main__":
    main()
