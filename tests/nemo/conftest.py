"""Recordings as the models take them, and hybrids with random weights."""

import pytest
import soundfile
import torch

DURATIONS = [0, 1, 2]  # of TDT
LETTERS = [" ", *"abcdefghijklmnopqrstuvwxyz", "'"]


@pytest.fixture(scope="session")
def audio(noise_wavs):
    return [torch.from_numpy(soundfile.read(path, dtype="float32")[0]) for path in noise_wavs]


@pytest.fixture(scope="session")
def batch(audio):
    return {
        "input_signal": torch.nn.utils.rnn.pad_sequence(audio, batch_first=True),
        "input_signal_length": torch.tensor([len(one) for one in audio]),
    }


@pytest.fixture(scope="session")
def random_parts():
    """Gives a biased model a phone head and an adapter, random ones, and has it use all that sounds are good for."""
    from nemo_ctcbias.settings import PHONE_PARTS

    def give(model):
        torch.manual_seed(3)
        model.add_phone_head({"hidden": 8, "context": 3})
        torch.manual_seed(7)
        model.add_adapter("names", {"dim": 16, "heads": 2, "query_context": 3})
        for key, parameter in model.context.adapter_layer["names"].named_parameters():
            if "out.weight" in key:
                torch.nn.init.normal_(parameter, std=0.5)
        model.set_phonetics(parts=list(PHONE_PARTS), detection_threshold=-100.0)
        return model.eval()

    return give


@pytest.fixture(scope="session")
def with_all_parts(base_nemo, eager, random_parts):
    """Makes a biased model with all parts."""
    from nemo_ctcbias import from_ctc

    def made():
        model = from_ctc(base_nemo)
        model.set_biasing(**eager)
        return random_parts(model)

    return made


def hybrid_config(tiny_config, kind, tokenizer_dir):
    """Of a tiny hybrid: the tiny CTC model with a transducer beside it."""
    from omegaconf import open_dict

    config = tiny_config(tokenizer={"dir": str(tokenizer_dir), "type": "bpe"})
    asr, sizes = "nemo.collections.asr.modules", {"pred_hidden": 8, "joint_hidden": 8}
    with open_dict(config):
        config.aux_ctc = {"ctc_loss_weight": 0.3, "decoder": config.decoder}
        config.model_defaults = {"enc_hidden": 16, **sizes}
        config.labels = []
        config.decoder = {
            "_target_": f"{asr}.RNNTDecoder",
            "normalization_mode": None,
            "blank_as_pad": True,
            "vocab_size": -1,
            "prednet": {"pred_hidden": 8, "pred_rnn_layers": 1},
        }
        jointnet = {"joint_hidden": 8, "activation": "relu", "encoder_hidden": 16, "pred_hidden": 8}
        config.joint = {"_target_": f"{asr}.RNNTJoint", "log_softmax": None, "num_classes": -1, "jointnet": jointnet}
        config.decoding = {"strategy": "greedy_batch", "greedy": {"max_symbols": 3}}
        if kind == "characters":
            del config["tokenizer"]
            config.labels = LETTERS
            config.aux_ctc.decoder.vocabulary, config.aux_ctc.decoder.num_classes = LETTERS, len(LETTERS)
        if kind == "TDT":
            config.joint.num_extra_outputs = len(DURATIONS)
            config.decoding.update({"model_type": "tdt", "durations": DURATIONS})
            config.loss = {"loss_name": "tdt", "tdt_kwargs": {"durations": DURATIONS}}
        if kind == "prompts":
            languages = {"en-US": 0, "de-DE": 1, "auto": 2}
            prompts = {"initialize_prompt_feature": True, "num_prompts": 4, "prompt_dictionary": languages}
            config.model_defaults.update(prompts)
    return config


@pytest.fixture(scope="session")
def hybrids(tiny_config, tokenizer_dir):
    """A stock hybrid of a kind, made when first asked for."""
    from nemo.collections.asr import models

    classes = {"characters": "EncDecHybridRNNTCTCModel", "prompts": "EncDecHybridRNNTCTCBPEModelWithPrompt"}
    made = {}

    def hybrid(kind):
        if kind not in made:
            torch.manual_seed(0)
            model = getattr(models, classes.get(kind, "EncDecHybridRNNTCTCBPEModel"))(
                cfg=hybrid_config(tiny_config, kind, tokenizer_dir)
            )
            with torch.no_grad():
                model.ctc_decoder.decoder_layers[0].weight.mul_(1.2)
            made[kind] = model.eval()
        return made[kind]

    return hybrid
