"""Speech to text that hears no words, only whether something sounds: silence is no result, sound is words."""

from __future__ import annotations

import sys
import uuid
import zlib
from array import array
from collections.abc import Iterator
from typing import Any

BYTES_PER_SAMPLE = 2
WINDOWS_PER_SECOND = 10
WINDOWS_PER_WORD = 3
PAUSE_WINDOWS = 5  # a pause this long ends what was being said
LONGEST_SEGMENT_WINDOWS = 100
LOUDNESS = 300  # mean magnitude of a sample, of 32768
WORDS = ("call", "home", "today", "please", "tell", "someone", "what", "happened", "there", "again", "nobody", "knows")

#: ``Transcript.Results`` of one TranscriptEvent.
Results = list[dict[str, Any]]


class Transcription:
    """One stream of signed 16-bit little-endian samples, one channel."""

    def __init__(self, sample_rate: int) -> None:
        self._window_bytes = sample_rate // WINDOWS_PER_SECOND * BYTES_PER_SAMPLE
        self._audio = bytearray()  # shorter than a window
        self._windows = 0
        #: What is being said, until a pause: its windows, a silent one empty. All times are in windows.
        self._segment: list[bytes] = []
        self._start, self._result_id = 0, ""

    def hear(self, audio: bytes) -> Iterator[Results]:
        """Listen on; give the results of every change, and none once a second while nothing is said."""
        self._audio += audio
        while len(self._audio) >= self._window_bytes:
            window = bytes(self._audio[: self._window_bytes])
            del self._audio[: self._window_bytes]
            yield from self._hear_window(window)

    def finish(self) -> Iterator[Results]:
        """The audio is over: give what is still open."""
        if len(self._audio) >= BYTES_PER_SAMPLE:
            yield from self._hear_window(bytes(self._audio))
        yield from self._end_segment() if self._segment else [[]]

    def _hear_window(self, window: bytes) -> Iterator[Results]:
        self._windows += 1
        sounds = _loudness(window) >= LOUDNESS
        if not self._segment and not sounds:
            if self._windows % WINDOWS_PER_SECOND == 0:
                yield []
            return
        if not self._segment:
            self._start, self._result_id = self._windows - 1, str(uuid.uuid4())
        self._segment.append(window if sounds else b"")
        if sounds and not self._unfinished():
            yield [self._result(partial=True)]
        if len(self._segment) >= LONGEST_SEGMENT_WINDOWS or not any(self._segment[-PAUSE_WINDOWS:]):
            yield from self._end_segment()

    def _unfinished(self) -> bool:
        return sum(map(bool, self._segment)) % WINDOWS_PER_WORD != 0

    def _end_segment(self) -> Iterator[Results]:
        if self._unfinished():
            yield [self._result(partial=True)]
        yield [self._result(partial=False)]
        self._segment = []

    def _result(self, *, partial: bool) -> dict[str, Any]:
        """The segment as AWS gives it: confidence and full stop come with the final result."""
        items: list[dict[str, Any]] = []
        sounding, end = [number for number, window in enumerate(self._segment) if window], self._start
        for first in range(0, len(sounding), WINDOWS_PER_WORD):
            of_word = sounding[first : first + WINDOWS_PER_WORD]
            # A word depends on the sound alone; the same sound is the same word.
            word = WORDS[zlib.crc32(b"".join(self._segment[number] for number in of_word)) % len(WORDS)]
            start, end = end, self._start + of_word[-1] + 1
            items.append(_item(word if items else word.capitalize(), start, end, "pronunciation"))
        transcript = " ".join(item["Content"] for item in items)
        if not partial:
            items = [{"Confidence": 1.0, **item} for item in items] + [_item(".", end, end, "punctuation")]
            transcript += "."
        return {
            "Alternatives": [{"Items": items, "Transcript": transcript}],
            "EndTime": _seconds(end),
            "IsPartial": partial,
            "ResultId": self._result_id,
            "StartTime": _seconds(self._start),
        }


def _item(content: str, start: int, end: int, kind: str) -> dict[str, Any]:
    return {
        "Content": content,
        "EndTime": _seconds(end),
        "StartTime": _seconds(start),
        "Type": kind,
        "VocabularyFilterMatch": False,
    }


def _seconds(windows: int) -> float:
    return windows / WINDOWS_PER_SECOND


def _loudness(window: bytes) -> float:
    samples = array("h", window[: len(window) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE])
    if sys.byteorder == "big":
        samples.byteswap()
    return sum(map(abs, samples)) / len(samples)
