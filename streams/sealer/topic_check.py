"""Compares the topic with the sealed log, part by part, while events are sealed."""

import threading
import time
from collections.abc import Callable
from contextlib import closing

from confluent_kafka import Consumer

from streams.sealer.event_index import EventIndex, Position
from streams.sealer.recovery import TopicReader, end_of
from streams.sealer.sealed_log import SealedLog

EVERY_SECONDS = 60.0


class TopicCheck:
    """Compares the end of the topic at a start, and another part of it every minute."""

    def __init__(
        self,
        open_log: Callable[[], Consumer],
        topic: str,
        index: EventIndex,
        stopping: threading.Event,
    ) -> None:
        self._open_log, self._topic = open_log, topic
        self._index, self._stopping = index, stopping
        self._part = 0
        self._due = time.monotonic() + EVERY_SECONDS

    def use(self, topic: str) -> None:
        """Compare another topic from here on."""
        self._topic, self._part = topic, 0

    def check_end(self, sealed: SealedLog) -> None:
        """Compare the last thousand events. Raises LogsDisagree, ShutdownRequested."""
        first = self._index.marks()[-2:][0]
        self._compare(sealed, first, sealed.size)

    def check_if_due(self, sealed: SealedLog) -> None:
        """Compare the next part, if a minute has passed; the same one again after a difference.
        Raises LogsDisagree, ShutdownRequested."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + EVERY_SECONDS
        marks = self._index.marks()
        ends = [seq for seq, _ in marks[1:]] + [sealed.size]
        parts = list(zip(marks, ends, strict=True))
        first, end = parts[self._part % len(parts)]
        self._compare(sealed, first, end)
        self._part += 1

    def _compare(self, sealed: SealedLog, first: tuple[int, int], end_seq: int) -> None:
        next_seq, next_offset = first
        with closing(self._open_log()) as consumer:
            end = end_of(consumer, self._topic, self._stopping)
            position = Position(next_seq, next_offset, 0)
            reader = TopicReader(consumer, self._topic, position, sealed, self._stopping)
            while reader.order.next_seq < end_seq and not reader.is_at(end):
                reader.read()
        if reader.order.next_seq < end_seq:
            self._index.clear()  # its marks may be wrong: the next time, everything is read
            reader.missing()
