"""A strong base: Whisper's encoder (OpenAI, MIT) with a CTC head, as NeMo modules.

Reading order: `mel` (samples to features), `trunk` (Whisper's blocks, 20 ms a frame), `encoder` (stacked to 80 ms, then
Conformer layers), `windows` (recordings longer than Whisper's 30 s).
"""

from nemo_ctcbias.whisper.encoder import WhisperConformerEncoder
from nemo_ctcbias.whisper.mel import WhisperMel

__all__ = ["WhisperConformerEncoder", "WhisperMel"]
