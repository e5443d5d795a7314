"""Makes the projection again from sealed events that are verified, in one transaction."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import psycopg

from infra.postgres import EMPTY_PROJECTION
from streams.audit.sealed_record import SealedRecord
from streams.projector.rows import QUERY, copy_in, dump_digest, row_of_fields

PORTION = 10_000
Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Rebuilt:
    """A projection that was made again."""

    events: int
    dump: str
    """SHA-256 over all its rows; equal for two projections of the same events."""


def rebuild(connection: Connection, records: Iterable[SealedRecord]) -> Rebuilt:
    """Replace all rows by those of these records, which begin with seq 0 and have no gap.

    The connection is a superuser's. Whoever reads the tables waits meanwhile, and sees all old rows
    or all new ones. The projector then continues behind the last record."""
    with connection.transaction(), connection.cursor() as cursor:
        # The projector locks in the same order, so that neither waits for the other forever.
        cursor.execute(QUERY("lock_position"))
        cursor.execute(EMPTY_PROJECTION.read_bytes())
        count = 0
        for portion in _portions(records):
            count += len(portion)
            copy_in(cursor, [row_of_fields(one.seal, one.value, one.fields) for one in portion])
            cursor.execute(QUERY("set_last_seq"), {"last_seq": count - 1})
            cursor.execute(QUERY("make_partitions"))
        cursor.execute(QUERY("note_times"))
        return Rebuilt(count, dump_digest(connection))


def _portions(records: Iterable[SealedRecord]) -> Iterator[list[SealedRecord]]:
    left = iter(records)
    while portion := list(islice(left, PORTION)):
        yield portion
