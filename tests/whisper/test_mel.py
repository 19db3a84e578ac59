import librosa
import numpy as np
import pytest
import torch

from nemo_ctcbias.whisper import WhisperMel


def whisper_features(audio: np.ndarray) -> np.ndarray:
    """Whisper's own steps, on audio with silence behind it as in its 30 s; the reference."""
    silent = np.pad(np.concatenate([audio[1:201][::-1], audio]), (0, 16000))
    frames = 1 + (len(silent) - 400) // 160
    cut = np.stack([silent[160 * i : 160 * i + 400] for i in range(frames)])
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    power = np.abs(np.fft.rfft(cut * hann)) ** 2
    mel = librosa.filters.mel(sr=16000, n_fft=400, n_mels=80) @ power.T
    log = np.log10(np.maximum(mel, 1e-10))[:, : len(audio) // 160]
    return (np.maximum(log, log.max() - 8.0) + 4.0) / 4.0


@pytest.fixture(scope="module")
def audio():
    rng = np.random.default_rng(3)
    return [rng.standard_normal(n).astype(np.float32) * level for n, level in ((8000, 0.1), (5441, 0.003), (12345, 1))]


def test_features_are_whispers(audio):
    mel = WhisperMel()
    for samples in audio:
        features, frames = mel(input_signal=torch.from_numpy(samples)[None], length=torch.tensor([len(samples)]))
        assert int(frames) == len(samples) // 160 == features.shape[2]
        np.testing.assert_allclose(features[0].numpy(), whisper_features(samples), atol=2e-3)


def test_a_batch_has_the_features_of_each_alone_and_silence_behind(audio):
    mel = WhisperMel()
    lengths = torch.tensor([len(samples) for samples in audio])
    batch = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(samples) for samples in audio], batch_first=True)
    batch = torch.where(torch.arange(batch.shape[1]) < lengths[:, None], batch, 0.7)  # what is behind never counts
    features, frames = mel(input_signal=batch, length=lengths)
    for row, samples in enumerate(audio):
        alone, _ = mel(input_signal=torch.from_numpy(samples)[None], length=lengths[row : row + 1])
        torch.testing.assert_close(features[row, :, : frames[row]], alone[0], atol=1e-5, rtol=1e-5)
        assert not features[row, :, frames[row] :].any()


def test_other_rates_are_refused():
    with pytest.raises(ValueError, match="8000 Hz"):
        WhisperMel(sample_rate=8000)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_in_half_precision_features_have_its_type_and_are_nearly_the_same(audio, dtype):
    samples, length = torch.from_numpy(audio[0])[None], torch.tensor([len(audio[0])])
    features, frames = WhisperMel().to(dtype)(input_signal=samples.to(dtype), length=length)
    single, _ = WhisperMel()(input_signal=samples, length=length)
    assert features.dtype == dtype and int(frames) == features.shape[2]
    torch.testing.assert_close(features.float(), single, atol=0.05, rtol=0)
