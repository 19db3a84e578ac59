"""Encoders besides the usual one: streaming ones run offline, convolutions, and those that are not NeMo's."""

import pytest
import torch
from nemo.core import NeuralModule
from omegaconf import OmegaConf, open_dict
from torch import nn

from nemo_ctcbias import from_ctc
from nemo_ctcbias.errors import ModelError
from nemo_ctcbias.nemo.encoder import subsampling_of

STREAMING = {
    "att_context_size": [[8, 3], [8, 0]],
    "att_context_style": "chunked_limited",
    "conv_context_size": "causal",
    "causal_downsampling": True,
}


class Foreign(NeuralModule):
    """An encoder of somebody else's with NeMo's interface: eight feature frames to one of 16 numbers."""

    def __init__(self, layers=True, told=True):
        super().__init__()
        self.steps = nn.ModuleList([nn.Linear(8 * 80, 16), nn.Linear(16, 16)])
        if layers:
            self.layers = self.steps
        if told:
            self.subsampling_factor, self._feat_in, self._feat_out = 8, 80, 16

    def forward(self, audio_signal, length):
        frames = nn.functional.pad(audio_signal, (0, -audio_signal.shape[2] % 8)).transpose(1, 2)
        frames = frames.reshape(len(frames), -1, 8 * 80)
        for step in self.steps:
            frames = step(frames).tanh()
        return frames.transpose(1, 2), (length + 7) // 8


def made(kind, tiny_config, tokenizer_dir):
    from nemo.collections.asr.models import EncDecCTCModelBPE

    torch.manual_seed(2)
    config = tiny_config(tokenizer={"dir": str(tokenizer_dir), "type": "bpe"})
    with open_dict(config):
        if kind == "streaming":
            config.encoder.update(STREAMING)
        if kind == "convolutional":
            block = {"repeat": 1, "kernel": [5], "dilation": [1], "dropout": 0.0, "residual": False, "filters": 16}
            blocks = [{**block, "stride": [4]}, {**block, "stride": [2], "separable": True}]
            target = "nemo.collections.asr.modules.ConvASREncoder"
            config.encoder = {"_target_": target, "feat_in": 80, "activation": "relu", "jasper": blocks}
    model = EncDecCTCModelBPE(cfg=config)
    if kind.startswith("foreign"):
        model.encoder = Foreign(layers=kind == "foreign", told=kind == "foreign")
    with torch.no_grad():
        model.decoder.decoder_layers[0].weight.mul_(1.2)
    return model.eval()


@pytest.mark.parametrize("kind", ["streaming", "convolutional", "foreign", "foreign, bare"])
def test_lists_adapters_and_times_of_other_encoders(kind, tiny_config, tokenizer_dir, audio, eager):
    base = made(kind, tiny_config, tokenizer_dir)
    samples = [one.numpy() for one in audio]
    model = from_ctc(base)
    model.set_biasing(**eager)
    assert model.subsampling == 8
    plain = [one.text for one in model.transcribe(samples, verbose=False)]
    if kind != "foreign, bare":  # which does not even say how NeMo's timestamps are to be counted
        assert plain == [one.text for one in base.transcribe(samples, verbose=False, timestamps=True)]
    model.set_bias_list(["saoirse", "new york"])
    if kind == "foreign, bare":
        with pytest.raises(ModelError, match="its layers are not known"):
            model.add_adapter("names", {"dim": 16, "heads": 2})
    else:
        model.add_adapter("names", {"dim": 16, "heads": 2, "query_context": 3})
        nn.init.normal_(model.context.adapter_layer["names"].phrase_out.weight, std=0.5)
    found = model.eval().transcribe(samples, verbose=False, timestamps=True)
    assert any(one.hits for one in found)
    for one, signal in zip(found, audio, strict=True):
        assert " ".join(entry["word"] for entry in one.timestamp["word"]) == one.text
        for hit in one.hits:
            assert 0 <= hit.start < hit.end <= len(signal) / 16000 + 0.2
            assert ("adapter" in hit.parts) == (kind != "foreign, bare")


def test_subsampling_is_told_or_found():
    assert subsampling_of(Foreign(told=False), 80) == subsampling_of(Foreign(), 80) == 8


def test_a_streaming_encoder_keeps_its_context(tiny_config, tokenizer_dir, audio, eager, tmp_path):
    """Chosen as NeMo's streaming scripts do it; the list acts on what it hears then."""
    model = from_ctc(made("streaming", tiny_config, tokenizer_dir))
    model.set_biasing(**eager)
    model.set_bias_list(["saoirse"])
    signal = {"input_signal": audio[0][None], "input_signal_length": torch.tensor([len(audio[0])])}
    with torch.inference_mode():
        wide = model.encode(**signal).log_probs
        model.encoder.set_default_att_context_size([8, 0])
        narrow = model.encode(**signal).log_probs
    assert not torch.equal(wide, narrow)
    model.save_to(str(tmp_path / "streaming.nemo"))
    again = type(model).restore_from(str(tmp_path / "streaming.nemo"), map_location="cpu").eval()
    again.encoder.set_default_att_context_size([8, 0])
    expected = model.transcribe([audio[0].numpy()], verbose=False)[0]
    found = again.transcribe([audio[0].numpy()], verbose=False)[0]
    assert found.text == expected.text and "saoirse" in found.text
    assert OmegaConf.to_container(again.cfg.encoder)["att_context_style"] == "chunked_limited"
