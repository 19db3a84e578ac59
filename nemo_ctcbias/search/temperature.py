"""How sure a model may be of one recording for a list to be heard in it: temperature scaling, found without labels.

A checkpoint that was trained long is surer than it is right (Guo et al. 2017, "On Calibration of Modern Neural
Networks", section 4.2: log_softmax(z / T)).  Greedy decoding does not notice, as every T keeps the order of the labels
in a frame; a search does, because all that was not written lies too far below what was.  There T asks for
transcripts.  Here it is the least one, within bounds, at which the frames that carry the text are as unsure as those
of a model whose lists are found well:

    T = min { T in [1, 2] : mean over frames whose likeliest label is a token of H(log_softmax(log p / T)) >= FLOOR }

A recording of which the model is less sure than that stays as it is.  What is measured is in docs/results.md.
"""

from __future__ import annotations

import numpy as np

FLOOR = 0.65  # nats; bases whose lists are found well have 0.5 to 1.5 on whole sets, one that is too sure 0.3 to 0.5
TEMPERATURES = np.linspace(1, 2, 11)
LEAST_FRAMES = 5  # that carry text, before anything is said of a recording
IMPOSSIBLE = -200.0  # log-prob of what cannot be, such as -inf; its share is none


def temperature(log_probs: np.ndarray) -> float:
    """Of a whole recording, for its log-probs [T, V + 1] (natural logs, blank last)."""
    said = log_probs[_carrying_text(log_probs)]
    if len(said) < LEAST_FRAMES or not _entropies(said, TEMPERATURES[:1]).mean() < FLOOR:
        return 1.0
    return _least(_entropies(said, TEMPERATURES).mean(axis=1))


def tempered(log_probs: np.ndarray, at: float | np.ndarray) -> np.ndarray:
    """Log-probs [T, V + 1] at a temperature, or at one of each frame [T]; as they are where it is 1."""
    if not np.any(at != 1.0):
        return log_probs
    scaled = log_probs / np.broadcast_to(np.asarray(at, log_probs.dtype), len(log_probs))[:, None]
    scaled -= scaled.max(axis=1, keepdims=True)
    return scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))


class RunningTemperature:
    """The temperature of a stream: of all that came up to each frame.  However the frames are cut, it is the same."""

    def __init__(self) -> None:
        self._sums, self._frames = np.zeros(len(TEMPERATURES)), 0

    def after(self, log_probs: np.ndarray) -> np.ndarray:
        """[T], after each of the next frames [T, V + 1]."""
        return np.array([self._after(frame[None]) for frame in log_probs])

    def _after(self, frame: np.ndarray) -> float:
        if _carrying_text(frame)[0]:
            self._sums += _entropies(frame, TEMPERATURES)[:, 0]
            self._frames += 1
        return _least(self._sums / self._frames) if self._frames >= LEAST_FRAMES else 1.0


def _carrying_text(log_probs: np.ndarray) -> np.ndarray:
    """Which frames [T] a token is likelier in than the blank."""
    return log_probs.argmax(axis=1) < log_probs.shape[1] - 1


def _entropies(log_probs: np.ndarray, temperatures: np.ndarray) -> np.ndarray:
    """In nats, at each temperature and of each frame [K, T]: log Z - sum p log p / T, where Z = sum exp(log p / T)."""
    below = np.maximum(log_probs - log_probs.max(axis=1, keepdims=True), IMPOSSIBLE)
    found = []
    for each in temperatures.astype(below.dtype):
        weights = np.exp(below / each)
        total = weights.sum(axis=1)
        found.append(np.log(total) - np.einsum("tv,tv->t", weights, below) / (each * total))
    return np.array(found)


def _least(means: np.ndarray) -> float:
    """The least temperature at which the mean entropy [K] reaches the floor; it rises with the temperature."""
    return float(np.interp(FLOOR, means, TEMPERATURES))
