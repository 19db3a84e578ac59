"""Whisper's log-mel features as a NeMo preprocessor."""

from __future__ import annotations

import librosa
import torch
from nemo.core.classes import NeuralModule
from torch import Tensor
from torch.nn import functional

WINDOW, HOP = 400, 160  # samples: 25 and 10 ms at 16 kHz
RANGE = 8.0  # decades below the loudest place of a recording at which its features are cut off


class WhisperMel(NeuralModule):
    """Samples [B, N] to log-mel features [B, 80, N // 160], 10 ms a frame (Radford et al. 2022, section 2.2).

    The loudest place is that of the recording, not of 30 s, and what is behind its end never reaches it: a recording in
    a batch has the features that it has alone.

    Args:
        sample_rate: 16,000 only, what Whisper was trained on.
        features: mel bands, 80.
        window_stride: seconds a frame, which NeMo asks of every preprocessor's config.
    """

    def __init__(self, sample_rate: int = 16000, features: int = 80, window_stride: float = 0.01):
        super().__init__()
        if (sample_rate, window_stride) != (16000, HOP / 16000):
            raise ValueError(f"Whisper hears 16000 Hz in steps of 0.01 s, got {sample_rate} Hz, {window_stride} s")
        bands = librosa.filters.mel(sr=sample_rate, n_fft=WINDOW, n_mels=features)
        self.register_buffer("bands", torch.from_numpy(bands), persistent=False)
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)
        self._sample_rate = sample_rate  # by this name NeMo asks for it

    def get_seq_len(self, samples: Tensor) -> Tensor:
        """Frames of so many samples."""
        return torch.div(samples, HOP, rounding_mode="floor").long()

    @torch.no_grad()
    def forward(self, input_signal: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """Features [B, 80, T] and the valid frames [B] of samples [B, N], of which the first `length` [B] count.

        They are of the model's type, as NeMo's are, and worked out in single precision.
        """
        signal = input_signal.float()
        signal = signal * (torch.arange(signal.shape[1], device=signal.device) < length[:, None])
        # In front as in Whisper; behind, silence follows whatever the batch, as it does in Whisper's 30 s.
        front = signal[:, 1 : WINDOW // 2 + 1].flip(1)
        front = functional.pad(front, (WINDOW // 2 - front.shape[1], 0))
        signal = functional.pad(torch.cat([front, signal], 1), (0, WINDOW // 2))
        spectrum = torch.stft(signal, WINDOW, HOP, window=self.window.float(), center=False, return_complex=True)
        power = self.bands.float() @ spectrum[..., :-1].abs().square()
        frames = self.get_seq_len(length)
        valid = torch.arange(power.shape[-1], device=power.device) < frames[:, None]
        log = power.clamp(min=1e-10).log10()
        loudest = log.masked_fill(~valid[:, None], -torch.inf).amax((1, 2), keepdim=True)
        log = (torch.maximum(log, loudest - RANGE) + 4.0) / 4.0
        return log.masked_fill(~valid[:, None], 0.0).to(self.window.dtype), frames
