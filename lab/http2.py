"""HTTP/2 in which the two sides of a stream end one after the other, as they do when audio goes in and text comes out.

hypercorn ends the connection with an exception when a client goes on sending after the response
is complete, and h2 takes a client that will open no more streams for one that is gone. RFC 9113
says that the server asks such a sender to stop (8.1), and that open streams go on (6.8).
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import hypercorn.protocol
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event
from h2.exceptions import ProtocolError
from hypercorn.protocol.h2 import H2Protocol
from hyperframe.frame import Frame, GoAwayFrame


class LabH2Protocol(H2Protocol):
    """hypercorn's HTTP/2 with both faults mended."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._received_goaway = self.connection._frame_dispatch_table[GoAwayFrame]
        self.connection._frame_dispatch_table[GoAwayFrame] = self._receive_goaway

    def _receive_goaway(self, frame: GoAwayFrame) -> tuple[list[Frame], list[Event]]:
        return ([], []) if frame.error_code == ErrorCodes.NO_ERROR else self._received_goaway(frame)

    async def _handle_events(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, DataReceived) and event.stream_id not in self.streams:
                self._stop_sender(event)
            else:
                await super()._handle_events([event])
        await self._flush()

    def _stop_sender(self, event: DataReceived) -> None:
        with suppress(ProtocolError):
            self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if event.stream_id not in self.stream_buffers:  # the response has left
                self.connection.reset_stream(event.stream_id, ErrorCodes.NO_ERROR)


def install() -> None:
    """Make hypercorn use it."""
    hypercorn.protocol.H2Protocol = LabH2Protocol  # type: ignore[attr-defined]
