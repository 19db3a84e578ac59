"""The training configs, read with their comments; and what those keys mean that no comment or docstring explains."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import yaml

CONFIGS = Path(__file__).parents[1] / "configs"
NAMES = ("contextual_adapter", "phone_head", "base_fastconformer_ctc_bpe", "base_whisper_ctc_bpe")
#: Sections that all of them have, none of them ours.
SHARED = ("trainer", "exp_manager", "hydra")

#: Keys of NeMo's decoding that act on lists.
DECODING: dict[str, str] = {
    "decoding.strategy": "how recordings without a list are decoded; with `pyctcdecode` the next four keys count.",
    "decoding.beam.pyctcdecode_cfg.hotwords": "a list in place of the stored one.",
    "decoding.beam.pyctcdecode_cfg.hotword_weight": "its strength, in place of `biasing.weight`.",
    "decoding.beam.ngram_lm_model": "a KenLM file in place of `biasing.lm.path`; the other keys of `biasing.lm` hold.",
    "decoding.beam.ngram_lm_alpha": "its weight, in place of `biasing.lm.alpha`.",
    "decoding.beam.beam_beta": "score of each word, in place of `biasing.lm.beta`.",
    "decoding.beam.return_best_hypothesis": "false: the `biasing.nbest` best hypotheses of every recording.",
}

#: Meanings that stand neither in a comment of the file nor in a docstring: most are keys of NeMo, Lightning and hydra.
MEANINGS: dict[str, str] = {
    "name": "of the run, a folder in `exp_manager.exp_dir`.",
    "adapter_name": "the adapter's name in the model.",
    "save_to": "the file that is written at the end.",
    "adapter": "what is trained: a file in `configs/adapter/`, with the keys of [adapters.NAME](#adaptersname).",
    "phone_head": "what is trained: the keys of [phone_head](#phone_head).",
    "vocab_size": "tokens of a new tokenizer.",
    "save_half": "whether `save_to` holds 16-bit weights.",
    "temperature": "by which the head's scores are divided at the end: what was trained long on little speech is "
    "surer than right, which hides from a search what else was heard.",
    "data.validation_manifest": "NeMo manifest to measure on while training, null for none.",
    "data.validation_features": "or a feature folder.",
    "data.max_seconds": "longer utterances are left out.",
    "data.workers": "processes that read recordings; 0: the training reads them itself.",
    "data.seed": "of the order of the data, and of first weights and dropout.",
    # NeMo's model
    "model.sample_rate": "of the recordings, in Hz.",
    "model.log_prediction": "whether a transcript of every validation batch goes to the log.",
    "model.ctc_reduction": "how the losses of a batch become one: `mean_volume` divides their sum by all tokens.",
    "model.train_ds.manifest_filepath": "null, as the data are features; for who trains the `.nemo` further.",
    "model.train_ds.defer_setup": "true: NeMo opens no data of its own.",
    "model.train_ds.batch_size": "as NeMo's loader of recordings would be told.",
    "model.train_ds.shuffle": "as NeMo's loader of recordings would be told.",
    "model.train_ds.sample_rate": "as NeMo's loader of recordings would be told.",
    "model.validation_ds.manifest_filepath": "as in `model.train_ds`.",
    "model.validation_ds.defer_setup": "as in `model.train_ds`.",
    "model.validation_ds.batch_size": "as in `model.train_ds`.",
    "model.validation_ds.shuffle": "as in `model.train_ds`.",
    "model.validation_ds.sample_rate": "as in `model.train_ds`.",
    "model.tokenizer.dir": "folder of `tokenizer.model`; trained on `tokenizer_text` if it has none.",
    "model.tokenizer.type": "`bpe` for SentencePiece.",
    "model.preprocessor._target_": "class of the features.",
    "model.preprocessor.sample_rate": "of the recordings, in Hz.",
    "model.preprocessor.normalize": "`per_feature`: each mel band of an utterance has mean 0 and variance 1.",
    "model.preprocessor.window_size": "seconds that a frame sees.",
    "model.preprocessor.window_stride": "seconds from frame to frame.",
    "model.preprocessor.window": "shape of the window.",
    "model.preprocessor.features": "mel bands.",
    "model.preprocessor.n_fft": "samples of the Fourier transform.",
    "model.preprocessor.dither": "noise added while training.",
    "model.preprocessor.pad_to": "frames are padded to a multiple of it; as it is one of `subsampling_factor`, output "
    "lengths never depend on the batch.",
    "model.spec_augment._target_": "class that masks features while training.",
    "model.spec_augment.freq_masks": "masks along frequency.",
    "model.spec_augment.freq_width": "widest of them, in mel bands.",
    "model.spec_augment.time_masks": "masks along time.",
    "model.spec_augment.time_width": "widest of them, as a share of the utterance.",
    "model.encoder._target_": "class of the encoder.",
    "model.encoder.feat_in": "mel bands, as in `model.preprocessor.features`.",
    "model.encoder.feat_out": "-1: as wide as `d_model`.",
    "model.encoder.n_layers": "layers.",
    "model.encoder.d_model": "width of a layer.",
    "model.encoder.subsampling": "`dw_striding`: convolutions apart by channel, as in FastConformer.",
    "model.encoder.subsampling_factor": "frames of features that become one of the encoder.",
    "model.encoder.subsampling_conv_channels": "of these convolutions; 128 and more halve the speed on a CPU.",
    "model.encoder.ff_expansion_factor": "width of the feed-forward parts over `d_model`.",
    "model.encoder.self_attention_model": "`rel_pos`: relative positions.",
    "model.encoder.n_heads": "of the attention; divides `d_model`.",
    "model.encoder.att_context_size": "frames to the left and right that are attended to, -1: all.",
    "model.encoder.stack": "frames of Whisper's encoder, 20 ms each, that become one.",
    "model.encoder.xscaling": "whether inputs are scaled by the root of `d_model`.",
    "model.encoder.untie_biases": "whether every layer has position biases of its own.",
    "model.encoder.pos_emb_max_len": "encoder frames that positions are made for at first.",
    "model.encoder.conv_kernel_size": "frames that a convolution sees.",
    "model.encoder.conv_norm_type": "normalisation in the convolutions.",
    "model.encoder.dropout": "in the layers, while training.",
    "model.encoder.dropout_pre_encoder": "before the first layer.",
    "model.encoder.dropout_emb": "of the position embeddings.",
    "model.encoder.dropout_att": "of the attention weights.",
    "model.decoder._target_": "class of the CTC decoder.",
    "model.decoder.feat_in": "null: the encoder's width.",
    "model.decoder.num_classes": "-1: the tokens of the tokenizer.",
    "model.decoder.vocabulary": "filled from the tokenizer.",
    "model.interctc.loss_weights": "shares of the CTC losses of inner layers (InterCTC) in the loss.",
    "model.interctc.apply_at_layers": "these layers, 0 first; a contextual adapter looks at them by default.",
    "model.optim.name": "optimiser.",
    "model.optim.lr": "highest learning rate.",
    "model.optim.betas": "of the optimiser's moving averages.",
    "model.optim.weight_decay": "of the optimiser.",
    "model.optim.sched.warmup_steps": "steps until `model.optim.lr` is reached.",
    "model.optim.sched.hold_ratio": "share of all steps for which it is held then.",
    "model.optim.sched.power": "1.0: it falls linearly.",
    "model.optim.sched.min_lr": "the rate at the end.",
    # Lightning's trainer
    "trainer.devices": "devices of each machine that share the work.",
    "trainer.num_nodes": "machines.",
    "trainer.accelerator": "`cpu`, `gpu`, or `auto` for what is there.",
    "trainer.strategy": "`ddp` for several devices.",
    "trainer.max_epochs": "-1: only `max_steps` ends the training.",
    "trainer.max_steps": "steps of the optimiser, after which the training ends.",
    "trainer.precision": "32 bit, or for example `bf16-mixed` on a GPU.",
    "trainer.accumulate_grad_batches": "batches of a step.",
    "trainer.gradient_clip_val": "largest norm of the gradient.",
    "trainer.log_every_n_steps": "steps from one line of progress to the next.",
    "trainer.val_check_interval": "batches from one validation to the next.",
    "trainer.check_val_every_n_epoch": "null: `val_check_interval` counts on from epoch to epoch.",
    "trainer.num_sanity_val_steps": "validation batches that are tried before the training.",
    "trainer.enable_checkpointing": "false: checkpoints are `exp_manager`'s.",
    "trainer.logger": "false: loggers are `exp_manager`'s.",
    "trainer.enable_progress_bar": "false: lines of progress instead.",
    "trainer.benchmark": "whether cuDNN times its algorithms for every new shape; shapes vary here.",
    "trainer.use_distributed_sampler": "false: the scripts give each process its share of the data.",
    # NeMo's exp_manager
    "exp_manager.exp_dir": "folder of all runs, their logs and checkpoints; null: `nemo_experiments`.",
    "exp_manager.name": "folder of this run in it.",
    "exp_manager.create_tensorboard_logger": "whether curves are written for TensorBoard.",
    "exp_manager.create_checkpoint_callback": "whether checkpoints are written.",
    "exp_manager.resume_if_exists": "whether a run that was started before goes on.",
    "exp_manager.resume_ignore_no_checkpoint": "true: where there is nothing to go on with, it begins.",
    "exp_manager.checkpoint_callback_params.monitor": "what is compared between checkpoints.",
    "exp_manager.checkpoint_callback_params.mode": "`max`: the latest step is the best.",
    "exp_manager.checkpoint_callback_params.save_top_k": "checkpoints kept.",
    "exp_manager.checkpoint_callback_params.every_n_train_steps": "steps from one checkpoint to the next.",
    "exp_manager.checkpoint_callback_params.every_n_epochs": "null: steps count.",
    "exp_manager.checkpoint_callback_params.save_last": "whether one is written at the end of the training, too.",
    "exp_manager.checkpoint_callback_params.always_save_nemo": "whether each checkpoint also becomes a `.nemo`.",
    "exp_manager.checkpoint_callback_params.save_nemo_on_train_end": "false: `save_to` is written instead.",
    # hydra
    "hydra.run.dir": "`.`: the working directory stays.",
    "hydra.output_subdir": "null: hydra writes no copies of the config.",
    "hydra.job_logging.root.handlers": "null: logs are NeMo's.",
}


@cache
def commented(name: str) -> dict[str, tuple[str, str]]:
    """Every key of one of `NAMES`: its value as written in the file, and the comment beside or right above it."""
    text = (CONFIGS / f"{name}.yaml").read_text(encoding="utf-8")
    lines, found = text.splitlines(), {}

    def walk(node: yaml.MappingNode, prefix: str) -> None:
        for key, value in node.value:
            name = f"{prefix}{key.value}"
            if isinstance(value, yaml.MappingNode) and value.value:
                walk(value, f"{name}.")
            else:
                beside = re.match(r"\s*#\s*(.*)", lines[value.end_mark.line][value.end_mark.column :])
                above = re.match(r"\s*#\s*(.*)", lines[key.start_mark.line - 1])
                comment = beside or above
                default = text[value.start_mark.index : value.end_mark.index].strip()
                found[name] = (default, comment[1] if comment else "")

    walk(yaml.compose(text), "")
    return found
