"""How processes die: at every point of a message and of a turn at which it makes a difference."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from streams.kafka.messages import Incoming, Outgoing
from streams.storage.memory import MemoryStorage
from streams.tracker.outbox_relay import Row
from streams.tracker.process_manager import ProcessManager
from streams.tracker.unit_of_work import UnitOfWork


class Crash(BaseException):
    """The process dies here. No `except Exception` sees it, as none sees a kill -9."""


class Dies(StrEnum):
    """Where a driver's process dies in the course of one message."""

    NEVER = "never"
    BEFORE_RECEIPT = "before its receipt"
    AFTER_RECEIPT = "after its receipt, before anything is published"
    WHILE_PUBLISHING = "after the first message is published"
    BEFORE_COMMIT = "after all is published, before the commit"
    REVOKED = "the partition is taken away while it works"


class TrackerDies(StrEnum):
    """Where the tracker dies in the course of a turn."""

    NEVER = "never"
    BEFORE_COMMIT = "with a turn all but committed"
    AFTER_COMMIT = "after the commit, before the outbox is sent"


class DyingStorage(MemoryStorage):
    """The store in memory; a process may die just before or after a receipt stands."""

    dies: Dies = Dies.NEVER

    def put_new(self, key: str, value: bytes) -> bool:
        """Keep a receipt, or die."""
        if self.dies == Dies.BEFORE_RECEIPT:
            raise Crash
        stood = super().put_new(key, value)
        if self.dies == Dies.AFTER_RECEIPT:
            raise Crash
        return stood


class DyingLine(ProcessManager):
    """The tracker's hold on the database; may die with a turn all but committed."""

    dies = False

    def _advance(
        self, turn: UnitOfWork, messages: Sequence[Incoming]
    ) -> dict[tuple[str, int], int]:
        ends = super()._advance(turn, messages)
        if self.dies:
            raise Crash
        return ends


class Takes(Protocol):
    """Where messages go."""

    def append(
        self, topic: str, key: str | None, value: bytes, headers: Sequence[Sequence[str]] = ()
    ) -> None:
        """Take a message."""
        ...


class DyingPublisher:
    """Publishes to the broker; `dies_after` messages of the next call its process is gone."""

    def __init__(self, broker: Takes) -> None:
        self._broker = broker
        self.dies_after: int | None = None

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Take all messages, or some of them and die; `dies_after` counts from -1 for all."""
        limit = len(messages) if self.dies_after == -1 else self.dies_after
        for message in messages[:limit]:
            self._broker.append(message.topic, message.key, message.value)
        if self.dies_after is not None:
            raise Crash

    def send(self, rows: Sequence[Row]) -> bool:
        """The same for rows of the outbox."""
        limit = len(rows) if self.dies_after == -1 else self.dies_after
        for _, topic, key, headers, value in rows[:limit]:
            self._broker.append(topic, key, value, headers)
        if self.dies_after is not None:
            raise Crash
        return True
