"""What came of a work, kept before it is told: a redelivery tells the very same bytes again."""

import base64
import json
from hashlib import sha256

from processors.outcome import StorageError
from processors.tools import Storage
from schemas import ids
from streams.kafka.messages import Outgoing


class DamagedReceipt(StorageError):
    """A receipt that does not end with its own digest."""


class Receipts:
    """Receipts by work: one final, and one for each attempt that was put off."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def find(self, batch_id: str | None, work_id: str, attempt: int) -> list[Outgoing] | None:
        """What was told of this work: its final outcome, else this attempt's; None when neither.

        Raises StorageError, DamagedReceipt."""
        for key in (_key(batch_id, work_id), _key(batch_id, work_id, attempt)):
            kept = self._storage.get(key)
            if kept is not None:
                return _read(key, kept)
        return None

    def keep(
        self,
        batch_id: str | None,
        work_id: str,
        deferred_attempt: int | None,
        messages: list[Outgoing],
    ) -> list[Outgoing]:
        """Keep what is to be told, create-if-absent; returns what stands there now, which is
        another worker's when that one was first."""
        key = _key(batch_id, work_id, deferred_attempt)
        if self._storage.put_new(key, _written(work_id, messages)):
            return messages
        kept = self._storage.get(key)
        if kept is None:
            raise StorageError(f"{key} was taken and is gone")
        return _read(key, kept)


def _key(batch_id: str | None, work_id: str, attempt: int | None = None) -> str:
    name = work_id if attempt is None else f"{work_id}.{attempt}"
    # A stranger may call his batch anything, also what could be no key of the store.
    known = batch_id if batch_id and ids.BATCH_ID.match(batch_id) else "_none"
    return f"receipts/{known}/{work_id[:2]}/{name}"


def _written(work_id: str, messages: list[Outgoing]) -> bytes:
    rows = [[m.topic, m.key, base64.b64encode(m.value).decode()] for m in messages]
    body = json.dumps({"work_id": work_id, "messages": rows}, indent=0).encode() + b"\n"
    return body + sha256(body).hexdigest().encode() + b"\n"


def _read(key: str, kept: bytes) -> list[Outgoing]:
    body, digest = kept[:-65], kept[-65:-1].decode("ascii", "replace")
    if sha256(body).hexdigest() != digest:
        raise DamagedReceipt(f"{key} does not end with its own digest")
    rows = json.loads(body)["messages"]
    return [Outgoing(topic, key, base64.b64decode(value)) for topic, key, value in rows]
