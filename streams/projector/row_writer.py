"""Writes rows with their position, each batch in one transaction, while the next one is made."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import psycopg

from streams.projector.position import Position, advance
from streams.projector.rows import QUERY, Row, copy_in

PARTITION_ROWS = 1_000_000
RANGE_ROWS = 20_000
"""Events in a range whose times are noted."""

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Batch:
    """Rows, and the position that they move from and to."""

    rows: Sequence[Row | bytes]
    before: Position
    after: Position

    def write(self, connection: Connection) -> None:
        """Add the rows and advance the position, both or neither. Raises CannotContinue if another
        projector has advanced it, and UniqueViolation if the table has a seq of them already."""
        with connection.transaction(), connection.cursor() as cursor:
            advance(cursor, self.before, self.after)
            copy_in(cursor, self.rows)
        if self._passes(PARTITION_ROWS):
            connection.execute(QUERY("make_partitions"))
        if self._passes(RANGE_ROWS):
            connection.execute(QUERY("note_times"))

    def _passes(self, width: int) -> bool:
        return (self.before.last_seq + 1) // width != (self.after.last_seq + 1) // width


class RowWriter:
    """Writes one batch at a time, in a thread. Until it is finished, nothing else may use the
    connection."""

    def __init__(self, make_room: Callable[[Connection], int]) -> None:
        """`make_room` moves rows away that the projector did not write, and returns how many."""
        self._make_room = make_room
        self._thread = ThreadPoolExecutor(1, "rows")
        self._batch: Batch | None = None
        self._written = Future[None]()

    def start(self, connection: Connection, batch: Batch) -> None:
        """Begin to write a batch; the one before must be finished."""
        self._batch = batch
        self._written = self._thread.submit(self._write, connection, batch)

    def finish(self) -> Batch | None:
        """Wait for the batch that is being written, and return it; None if there was none.

        Raises what the writing raises; the batch is forgotten then."""
        batch, self._batch = self._batch, None
        if batch is not None:
            self._written.result()
        return batch

    def _write(self, connection: Connection, batch: Batch) -> None:
        try:
            batch.write(connection)
        except psycopg.errors.UniqueViolation:
            # A row that is not ours has one of these numbers.
            if not self._make_room(connection):
                raise
            batch.write(connection)
