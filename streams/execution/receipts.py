"""Receipts: the result of each work item, stored before it is published, so that a redelivery
publishes the same bytes."""

import base64
import json
from collections.abc import Sequence
from hashlib import sha256

from processors.outcome import ObjectUnusable, StorageError
from processors.tools import Storage
from schemas import ids
from streams.kafka.messages import Outgoing

DAMAGED = 0
"""In place of an attempt: the receipt of the record that another receipt is damaged."""


class DamagedReceipt(ObjectUnusable):
    """A receipt whose digest does not match its content."""


class Receipts:
    """Receipts of work items: one for the final outcome, and one for each deferred attempt."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def find(self, batch_id: str | None, work_id: str, attempt: int) -> list[Outgoing] | None:
        """The stored messages of a work item: its final outcome, else those of this attempt.

        None when there is neither. Raises StorageError, DamagedReceipt."""
        for key in (
            ids.receipt_key(batch_id, work_id),
            ids.receipt_key(batch_id, work_id, attempt),
        ):
            stored = self._storage.get(key)
            if stored is not None:
                return _decoded(key, stored)
        return None

    def keep(
        self,
        batch_id: str | None,
        work_id: str,
        deferred_attempt: int | None,
        messages: list[Outgoing],
    ) -> list[Outgoing]:
        """Store the messages unless a receipt exists; returns those of the stored receipt, which
        is another worker's when that one was first."""
        key = ids.receipt_key(batch_id, work_id, deferred_attempt)
        if self._storage.put_new(key, receipt_bytes(work_id, messages)):
            return messages
        stored = self._storage.get(key)
        if stored is None:
            raise StorageError(f"{key} existed and is missing now")
        return _decoded(key, stored)


def receipt_bytes(work_id: str, messages: Sequence[Outgoing]) -> bytes:
    """The content of the receipt of a work item with these messages."""
    rows = [[m.topic, m.key, base64.b64encode(m.value).decode()] for m in messages]
    body = json.dumps({"work_id": work_id, "messages": rows}, indent=0).encode() + b"\n"
    return body + sha256(body).hexdigest().encode() + b"\n"


def _decoded(key: str, stored: bytes) -> list[Outgoing]:
    body, digest = stored[:-65], stored[-65:-1].decode("ascii", "replace")
    if sha256(body).hexdigest() != digest:
        raise DamagedReceipt(f"{key} has a digest that does not match its content")
    rows = json.loads(body)["messages"]
    return [Outgoing(topic, key, base64.b64decode(value)) for topic, key, value in rows]
