"""Speech to text that hears no words, only whether something sounds: silence is no result, sound is words."""

from __future__ import annotations

import sys
import uuid
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
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


@dataclass
class Segment:
    """What is being said, until a pause."""

    start: int  # all times in windows
    words: list[tuple[str, int, int]] = field(default_factory=list)
    pause: int = 0
    result_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def result(self, *, end: int, partial: bool) -> dict[str, Any]:
        """The segment as AWS gives it: confidence and full stop come with the final result."""
        text = [word.capitalize() if index == 0 else word for index, (word, _, _) in enumerate(self.words)]
        items = [
            _item(content, start, stop, "pronunciation")
            for content, (_, start, stop) in zip(text, self.words, strict=True)
        ]
        transcript = " ".join(text)
        if not partial:
            items = [{"Confidence": 1.0, **item} for item in items] + [_item(".", end, end, "punctuation")]
            transcript += "."
        return {
            "Alternatives": [{"Items": items, "Transcript": transcript}],
            "EndTime": _seconds(end),
            "IsPartial": partial,
            "ResultId": self.result_id,
            "StartTime": _seconds(self.start),
        }


class Transcription:
    """One stream of signed 16-bit little-endian samples, one channel."""

    def __init__(self, sample_rate: int) -> None:
        self._window_bytes = sample_rate // WINDOWS_PER_SECOND * BYTES_PER_SAMPLE
        self._audio = bytearray()  # shorter than a window
        self._sound = bytearray()  # shorter than a word
        self._windows = 0
        self._segment: Segment | None = None

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
        if self._segment:
            yield from self._end_segment(self._segment)
        else:
            yield []

    def _hear_window(self, window: bytes) -> Iterator[Results]:
        self._windows += 1
        if _loudness(window) >= LOUDNESS:
            segment = self._segment = self._segment or Segment(self._windows - 1)
            segment.pause = 0
            self._sound += window
            if len(self._sound) >= WINDOWS_PER_WORD * self._window_bytes:
                yield self._add_word(segment, self._windows)
            if self._windows - segment.start >= LONGEST_SEGMENT_WINDOWS:
                yield from self._end_segment(segment)
        elif self._segment is None:
            if self._windows % WINDOWS_PER_SECOND == 0:
                yield []
        else:
            self._segment.pause += 1
            if self._segment.pause >= PAUSE_WINDOWS:
                yield from self._end_segment(self._segment)

    def _add_word(self, segment: Segment, end: int) -> Results:
        """A word that depends on the sound alone; the same sound is the same word."""
        word = WORDS[zlib.crc32(self._sound) % len(WORDS)]
        segment.words.append((word, segment.words[-1][2] if segment.words else segment.start, end))
        self._sound.clear()
        return [segment.result(end=end, partial=True)]

    def _end_segment(self, segment: Segment) -> Iterator[Results]:
        end = self._windows - segment.pause
        if self._sound:
            yield self._add_word(segment, end)
        self._segment = None
        yield [segment.result(end=end, partial=False)]


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
