# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell speech from what only claims to be: the frames of an MP3, one after the other."""

from __future__ import annotations

#: Frames that must follow one another: by chance, bytes look like one header, hardly like four.
CONSECUTIVE_FRAMES = 4
_MPEG_1, _LAYER_3 = 3, 1
_HEADER_BYTES, _TAG_HEADER_BYTES = 4, 10
#: Eleven bits that begin every frame.
_SYNC = 0b11111111_11100000
#: Kilobits a second by the index in the header, for layer III: of MPEG 1, and of MPEG 2 and 2.5.
_KILOBITS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = {_MPEG_1: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def mp3_frames(content: bytes) -> int:
    """Count the MP3 frames that follow one another from the start, after a tag if there is one."""
    position, frames = _after_tag(content), 0
    while length := _frame_bytes(content[position : position + _HEADER_BYTES]):
        if position + length > len(content):
            break
        position, frames = position + length, frames + 1
    return frames


def is_speech(content: bytes) -> bool:
    """Tell whether this is MP3 audio of some length."""
    return mp3_frames(content) >= CONSECUTIVE_FRAMES


def _after_tag(content: bytes) -> int:
    """Return where an ID3v2 tag ends, whose length comes in four bytes of seven bits."""
    if content[:3] != b"ID3" or len(content) < _TAG_HEADER_BYTES:
        return 0
    length = 0
    for byte in content[6:_TAG_HEADER_BYTES]:
        length = length << 7 | byte & 0x7F
    return _TAG_HEADER_BYTES + length


def _frame_bytes(header: bytes) -> int:
    """Return the length of the frame that this header begins, 0 where it is none."""
    if len(header) < _HEADER_BYTES or (header[0] << 8 | header[1]) & _SYNC != _SYNC:
        return 0
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    bits, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    rates, kilobits = _SAMPLE_RATES.get(version, ()), _KILOBITS[version == _MPEG_1]
    if layer != _LAYER_3 or rate >= len(rates) or not 0 < bits < len(kilobits):
        return 0
    samples_by_8 = 144 if version == _MPEG_1 else 72
    return samples_by_8 * kilobits[bits] * 1000 // rates[rate] + padding
