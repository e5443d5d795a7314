"""Rows are written in a thread, one batch at a time, and what fails is raised to the projector."""

import threading
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from streams.projector.row_writer import RowWriter


@dataclass
class Batch:
    """A batch that waits until it may be written, and fails some times before it is."""

    failures: list[Exception] = field(default_factory=list)
    may_write: threading.Event = field(default_factory=threading.Event)
    written: bool = False

    def write(self, connection: Any) -> None:
        assert self.may_write.wait(10)
        if self.failures:
            raise self.failures.pop(0)
        self.written = True


def started(writer: RowWriter, *failures: Exception) -> Batch:
    batch = Batch(list(failures))
    writer.start(None, batch)  # type: ignore[arg-type]
    return batch


def test_a_batch_is_written_while_the_caller_goes_on():
    writer = RowWriter(lambda _: 0)
    batch = started(writer)
    assert not batch.written

    batch.may_write.set()

    assert writer.finish() is batch
    assert batch.written
    assert writer.finish() is None


def test_what_fails_is_raised_once_and_forgotten():
    writer = RowWriter(lambda _: 0)
    started(writer, psycopg.OperationalError("gone")).may_write.set()

    with pytest.raises(psycopg.OperationalError):
        writer.finish()
    assert writer.finish() is None


def test_rows_of_another_hand_are_moved_away_and_the_batch_is_written_again():
    moved: list[object] = []
    writer = RowWriter(lambda connection: moved.append(connection) or 1)
    batch = started(writer, psycopg.errors.UniqueViolation())
    batch.may_write.set()

    assert writer.finish() is batch
    assert (batch.written, len(moved)) == (True, 1)


def test_a_number_that_is_taken_for_another_reason_is_raised():
    writer = RowWriter(lambda _: 0)
    batch = started(writer, psycopg.errors.UniqueViolation())
    batch.may_write.set()

    with pytest.raises(psycopg.errors.UniqueViolation):
        writer.finish()
    assert not batch.written
