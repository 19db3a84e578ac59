"""Recordings as the models take them."""

import pytest
import soundfile
import torch


@pytest.fixture(scope="session")
def audio(noise_wavs):
    return [torch.from_numpy(soundfile.read(path, dtype="float32")[0]) for path in noise_wavs]


@pytest.fixture(scope="session")
def batch(audio):
    return {
        "input_signal": torch.nn.utils.rnn.pad_sequence(audio, batch_first=True),
        "input_signal_length": torch.tensor([len(one) for one in audio]),
    }
