"""Records that a station publishes in order, each durable before its caller goes on."""

from dataclasses import dataclass

from streams.clients.spool.spool_database import Spool, now

AT_ONCE = 200
"""Records that are published before the next ones are read."""


@dataclass(frozen=True)
class OutboxRecord:
    """A record that was not acknowledged yet."""

    position: int
    delivery: int | None
    topic: str
    key: bytes
    value: bytes


class Outbox:
    """The records of a spool in the order in which they were appended."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def append(
        self,
        topic: str,
        key: str,
        value: bytes,
        *,
        once: str | None = None,
        delivery: int | None = None,
    ) -> int:
        """Keep a record to be signed and published; returns its position when it is durable.

        A record with the same `once` is kept one time only."""
        known = self._spool.row("position_of", once=once) if once is not None else None
        if known is not None:
            return int(known["position"])
        encoded = key.encode()
        return self._spool.insert(
            *("append",),
            topic=topic,
            key=encoded,
            value=value,
            once=once,
            delivery=delivery,
            at=now(),
        )

    def unsent(self, limit: int = AT_ONCE) -> list[OutboxRecord]:
        """The next records to publish, in order."""
        return [OutboxRecord(*row) for row in self._spool.rows("unsent", limit=limit)]

    def count(self) -> int:
        """Number of records that were not acknowledged yet."""
        row = self._spool.row("count_unsent")
        return int(row[0]) if row else 0

    def acknowledged(self, records: list[OutboxRecord]) -> None:
        """Remove the content of records that the broker has; their deliveries are submitted."""
        at = now()
        with self._spool.transaction():
            for record in records:
                self._spool.change("mark_sent", position=record.position, at=at)
                if record.delivery is not None:
                    number = record.delivery
                    self._spool.change("end", number=number, state="submitted", at=at)
                    self._spool.forget_delivery(number)
