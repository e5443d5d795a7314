"""How processes die: at each point of a message and of a transaction that makes a difference."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Protocol

import psycopg

from streams.kafka.messages import Outgoing
from streams.storage.memory import MemoryStorage
from streams.tracker.outbox_relay import Row


class Crash(BaseException):
    """The process dies here. No `except Exception` catches it, as none catches a kill -9."""


class Dies(StrEnum):
    """Where the process of a driver dies while it handles a message."""

    NEVER = "never"
    BEFORE_RECEIPT = "before its receipt"
    AFTER_RECEIPT = "after its receipt, before anything is published"
    WHILE_PUBLISHING = "after the first message is published"
    BEFORE_COMMIT = "after all is published, before the commit"
    REVOKED = "its partition is revoked while it works"


class TrackerDies(StrEnum):
    """Where the tracker dies while it processes a portion."""

    NEVER = "never"
    BEFORE_COMMIT = "just before the commit"
    AFTER_COMMIT = "after the commit, before the outbox is sent"


class DyingStorage(MemoryStorage):
    """A store in memory. The process may die just before or after it writes a receipt."""

    dies: Dies = Dies.NEVER

    def put_new(self, key: str, value: bytes) -> bool:
        """Store a receipt, or die."""
        if self.dies == Dies.BEFORE_RECEIPT:
            raise Crash
        is_new = super().put_new(key, value)
        if self.dies == Dies.AFTER_RECEIPT:
            raise Crash
        return is_new


class DyingConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection to PostgreSQL. The process may die just before it commits."""

    dies = False

    @contextmanager
    def transaction(
        self, savepoint_name: str | None = None, force_rollback: bool = False
    ) -> Iterator[psycopg.Transaction]:
        """A transaction, which is rolled back when the process dies."""
        with super().transaction(savepoint_name, force_rollback) as transaction:
            yield transaction
            if self.dies:
                raise Crash


class Appendable(Protocol):
    """A broker."""

    def append(
        self, topic: str, key: str | None, value: bytes, headers: Sequence[Sequence[str]] = ()
    ) -> None:
        """Append a message to its partition."""
        ...


class DyingPublisher:
    """Publishes to the broker. The process dies after `dies_after` messages of a call; -1: after all."""

    def __init__(self, broker: Appendable) -> None:
        self._broker = broker
        self.dies_after: int | None = None

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Publish all messages, or some of them and die."""
        limit = len(messages) if self.dies_after == -1 else self.dies_after
        for message in messages[:limit]:
            self._broker.append(message.topic, message.key, message.value)
        if self.dies_after is not None:
            raise Crash

    def send(self, rows: Sequence[Row]) -> bool:
        """Publish rows of the outbox, or some of them and die."""
        limit = len(rows) if self.dies_after == -1 else self.dies_after
        for _, topic, key, headers, value in rows[:limit]:
            self._broker.append(topic, key, value, headers)
        if self.dies_after is not None:
            raise Crash
        return True
