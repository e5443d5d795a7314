"""Rows of the records that most of the topic has: the next event, as it was sealed."""

import struct

from confluent_kafka import Message

from schemas.store import UnknownSchema
from streams.audit.sealed_record import UNSIGNED, body_of, leaf_with_headers, schema_digest
from streams.audit.signed_leaves import NotSignedYet, SignedLeaves
from streams.kafka.messages import headers_of
from streams.projector.row_bytes import row_bytes
from streams.transparency_log.note import BadNote
from streams.transparency_log.tiles import DamagedLog

DOUBTFUL = (
    *(ValueError, IndexError, KeyError, struct.error),
    *(UnknownSchema, NotSignedYet, DamagedLog, BadNote),
)


class SignedRows:
    """Makes rows of records that are certainly sealed. LogOrder decides about all others."""

    def __init__(self, leaves: SignedLeaves) -> None:
        self._leaves = leaves

    def row(self, message: Message, seq: int) -> bytes | None:
        """The row of a record that is intact, has this seq, and is what was sealed with it; None if
        one of this is not certain."""
        value, headers = message.value(), headers_of(message)
        try:
            number, sealed_at = headers["seq"], headers["sealed_at"]
            digest = headers["schema_sha256"]
            if value is None or number != UNSIGNED.pack(seq) or digest != schema_digest(value):
                return None
            leaf = leaf_with_headers(number, sealed_at, digest, body_of(value))
            event_id, row = row_bytes(number, sealed_at, value, digest)
            is_sealed = event_id == message.key() and self._leaves.has_leaf(seq, leaf)
        except DOUBTFUL:
            return None
        return row if is_sealed else None
