"""How a stream is cut: what is searched at a time, what stands, what ends a segment, where detection listens."""

from __future__ import annotations

from dataclasses import dataclass

from nemo_ctcbias.errors import SettingError

# Seconds: of a segment without pauses, and of the window behind the lag.
LONGEST, WINDOW, LONGEST_LAG = 20.0, 3.0, 10.0


@dataclass(frozen=True)
class Rhythm:
    """How a stream is cut, in frames of the encoder.

    step: frames that are searched at a time.
    lag: behind so many, what was written stands; a phrase is listened for from its beginning if detection hears it
        before that is further back than this.
    pause: frames without a word that end a segment, as the end of a recording would.
    longest: of a segment without pauses.
    window: frames in which detection listens.
    """

    step: int
    lag: int
    pause: int
    longest: int
    window: int

    @classmethod
    def of(cls, seconds_per_frame: float, step: float, lag: float) -> Rhythm:
        """From seconds.

        Raises:
            SettingError: a step or lag that cannot be.
        """
        if not 0 < step <= lag <= LONGEST_LAG:
            raise SettingError(f"stream: step {step} s and lag {lag} s: must be above 0, no step longer than the lag")
        frames = [max(1, round(seconds / seconds_per_frame)) for seconds in (step, lag, LONGEST, WINDOW + lag)]
        return cls(frames[0], max(frames[:2]), max(frames[:2]), frames[2], frames[3])
