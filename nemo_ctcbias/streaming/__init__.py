"""Recognition of a stream with a list that may change: `RecognizedStream`, cut as a `Rhythm` says, tells `Update`s."""

from nemo_ctcbias.streaming.recognized_stream import AdaptStream, RecognizedStream
from nemo_ctcbias.streaming.rhythm import Rhythm
from nemo_ctcbias.streaming.updates import Told, Update

__all__ = ["AdaptStream", "RecognizedStream", "Rhythm", "Told", "Update"]
