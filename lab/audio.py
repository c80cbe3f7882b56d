"""Audio that is audio: a tone as long as its text, in every format that Polly has."""

from __future__ import annotations

import math
import struct
from pathlib import Path

DATA = Path(__file__).with_name("data")
TONE_HERTZ = 400  # a whole number of samples in each period at 8000 and 16000 Hz
AMPLITUDE = 8000
SECONDS_PER_CHARACTER = 0.06
MPEG_VERSION_1_RATES, MPEG_VERSION_2_RATES = (44100, 48000), (22050, 24000, 16000)
BITS_PER_SECOND = 48000
A_LAW_SEGMENTS = (0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF, 0x1FFF, 0x3FFF, 0x7FFF)


def tone(output_format: str, sample_rate: int, characters: int) -> bytes:
    """Speak for some text in Polly's place. The Ogg formats are one short recorded tone."""
    seconds = max(characters, 1) * SECONDS_PER_CHARACTER
    if output_format.startswith("ogg_"):
        return (DATA / f"tone.{output_format.removeprefix('ogg_')}.ogg").read_bytes()
    if output_format == "mp3":
        return _silent_mpeg(sample_rate, seconds)
    samples = sample_rate // TONE_HERTZ
    period = [round(AMPLITUDE * math.sin(2 * math.pi * sample / samples)) for sample in range(samples)]
    encoded = {
        "pcm": lambda: struct.pack(f"<{samples}h", *period),
        "mulaw": lambda: bytes(map(_mu_law, period)),
        "alaw": lambda: bytes(map(_a_law, period)),
    }[output_format]()
    return encoded * math.ceil(seconds * TONE_HERTZ)


def _silent_mpeg(sample_rate: int, seconds: float) -> bytes:
    """Frames of MPEG layer III, mono, whose side information says that no data follow: silence."""
    if sample_rate in MPEG_VERSION_1_RATES:
        version, rate, bitrate, samples = 3, MPEG_VERSION_1_RATES.index(sample_rate), 3, 1152
    elif sample_rate in MPEG_VERSION_2_RATES:
        version, rate, bitrate, samples = 2, MPEG_VERSION_2_RATES.index(sample_rate), 6, 576
    else:
        version, rate, bitrate, samples = 0, 2, 6, 576  # MPEG 2.5, 8000 Hz
    mono, layer_3, unprotected = 3, 1, 1
    header = 0x7FF << 21 | version << 19 | layer_3 << 17 | unprotected << 16 | bitrate << 12 | rate << 10 | mono << 6
    length = samples // 8 * BITS_PER_SECOND // sample_rate
    frame = struct.pack(">I", header).ljust(length, b"\0")
    return frame * math.ceil(seconds * sample_rate / samples)


def _mu_law(sample: int) -> int:
    """G.711, mu-law."""
    magnitude = min(abs(sample), 32635) + 0x84
    exponent = magnitude.bit_length() - 8
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return ~((0x80 if sample < 0 else 0) | exponent << 4 | mantissa) & 0xFF


def _a_law(sample: int) -> int:
    """G.711, A-law."""
    mask, magnitude = (0xD5, sample) if sample >= 0 else (0x55, -sample - 1)
    segment = next(number for number, end in enumerate(A_LAW_SEGMENTS) if magnitude <= end)
    return (segment << 4 | (magnitude >> max(segment + 3, 4)) & 0x0F) ^ mask
