"""Audio as Transcribe takes it: 16-bit little-endian samples of one channel."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from functools import cache

RATE = 16000


def tone(seconds: float, hertz: int = 400, rate: int = RATE) -> bytes:
    """Something that sounds."""
    return (_second(hertz, rate) * math.ceil(seconds))[: 2 * round(seconds * rate)]


def silence(seconds: float, rate: int = RATE) -> bytes:
    """Nothing that sounds."""
    return bytes(2 * round(seconds * rate))


def chunks(audio: bytes, size: int = 3200) -> Iterator[bytes]:
    """Audio as a client sends it."""
    return (audio[start : start + size] for start in range(0, len(audio), size))


@cache
def _second(hertz: int, rate: int) -> bytes:
    samples = (round(8000 * math.sin(2 * math.pi * hertz * index / rate)) for index in range(rate))
    return b"".join(struct.pack("<h", sample) for sample in samples)
