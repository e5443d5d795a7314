"""A fixity run: reads the selected objects, subject by subject, and records what it found.

A run that was killed is continued by the next one. Its readings are in the tables; the facts about
a subject are stored in the transaction that marks it as done, and published afterwards."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from processors.outcome import StorageError
from processors.step import Step
from schemas.catalogue import key_of, topic_of
from schemas.codec import decode, encode
from schemas.models import Fact, FileRef, FixityChecked, Producer
from streams.execution.facts import audit_messages, utc_now
from streams.fixity.copies import CopyFinder, Wanted
from streams.fixity.fixity_facts import (
    Failure,
    Subject,
    checked_id,
    failure_fact,
    keep_list,
    restored_fact,
)
from streams.fixity.inventory import QUERY, Connection, add_new_objects
from streams.fixity.reading import UNREADABLE, Throttle, read_object
from streams.kafka.messages import Outgoing
from streams.kafka.producer import Publisher
from streams.storage.object_store import ObjectStore

PORTION = 50
"""Readings that are written in one transaction; a killed run repeats at most so many."""
MOST_UNREADABLE = 10
"""After this many unreadable objects in a row it is the store that does not answer."""
KNOWN = (None, "open", "rejected")
"""States of a record after which its object needs no other one; None until the tracker has it."""
FOUND_INTACT = "A fixity run found the object intact again."
Row = dict[str, Any]
RunStep = Callable[[Step, Fact, Path], object]
"""Runs a step on the store in a folder, in a process of its own: images are decoded there only."""


class AlreadyRunning(Exception):
    """Another process runs fixity on this line."""


class Paused(Exception):
    """The run must not go on now; the next one continues it. The text is its id."""


@dataclass(frozen=True)
class Scope:
    """Which objects a run reads."""

    name: str
    """all, sample or older-than."""
    amount: float = 0
    """Number of objects, or days."""

    def __str__(self) -> str:
        amount = int(self.amount) if self.amount == int(self.amount) else self.amount
        return self.name if self.name == "all" else f"{self.name} {amount}"


@dataclass(frozen=True)
class FixityParts:
    """What runs and repairs use."""

    connection: Connection
    """In autocommit mode, as the owner of the tables."""
    store: ObjectStore
    publisher: Publisher
    made_by: Producer
    throttle: Throttle
    clock: Callable[[], datetime] = utc_now
    run_step: RunStep | None = None
    """Makes derivatives again; None if this process cannot."""


def run_fixity(
    parts: FixityParts, scope: Scope, may_go_on: Callable[[], bool] = lambda: True
) -> list[str]:
    """Finish the run that was not finished, and then, unless it has the same scope, do this one, if
    an object is due. Returns the ids of the runs.

    Raises AlreadyRunning, Paused, StorageError, psycopg.Error."""
    connection = parts.connection
    lock = connection.execute(QUERY("try_lock")).fetchone()
    if lock is None or not lock["pg_try_advisory_lock"]:
        raise AlreadyRunning
    publish_facts(parts)
    add_new_objects(connection)
    done = []
    open_run = connection.execute(QUERY("open_run")).fetchone()
    if open_run is not None:
        done.append(_Run(parts, open_run, may_go_on).finish())
    if open_run is None or open_run["scope"] != str(scope):
        run = _begin(connection, scope)
        done += [_Run(parts, run, may_go_on).finish()] if run else []
    return done


def _begin(connection: Connection, scope: Scope) -> Row | None:
    """A new run with its objects, which are selected once; None if no object is due."""
    values = {"run_id": str(uuid4()), "scope": str(scope), "amount": scope.amount}
    with connection.transaction() as begun:
        run = connection.execute(QUERY("begin_run"), values).fetchone()
        selected = connection.execute(QUERY(f"select_{scope.name.replace('-', '_')}"), values)
        if selected.rowcount:
            return run
        raise psycopg.Rollback(begun)
    return None


def store_facts(connection: Connection, facts: Sequence[Fact]) -> None:
    """Store facts that will be published. One that was made before keeps its bytes."""
    with connection.cursor() as cursor:
        cursor.executemany(
            QUERY("put_fact_made"), [(fact.head.event_id, encode(fact)) for fact in facts]
        )


def publish_facts(parts: FixityParts) -> None:
    """Publish the facts that were stored and not published, with their PREMIS events."""
    while rows := parts.connection.execute(QUERY("facts_to_publish")).fetchall():
        messages = []
        for row in rows:
            fact, value = decode(row["value"], Fact), bytes(row["value"])
            topic = topic_of(type(fact).__name__).name
            messages += [Outgoing(topic, key_of(fact), value), *audit_messages(fact)]
        parts.publisher.publish(messages)
        published = {"event_ids": [row["event_id"] for row in rows]}
        parts.connection.execute(QUERY("mark_published"), published)


class _Run:
    """One run, from where it stopped."""

    def __init__(self, parts: FixityParts, run: Row, may_go_on: Callable[[], bool]) -> None:
        self._parts, self._may_go_on = parts, may_go_on
        self._connection = parts.connection
        self._id, self._scope = run["run_id"], run["scope"]
        self._copies = CopyFinder(parts.connection, parts.store, parts.throttle)
        self._unreadable = 0
        """How many of the last objects could not be read."""

    def finish(self) -> str:
        """Check all subjects that are left; returns the id of the run."""
        values = {"run_id": self._id}
        for row in self._connection.execute(QUERY("subjects_to_do"), values).fetchall():
            self._check(Subject(row["batch_id"], row["item_id"]))
        self._connection.execute(QUERY("finish_run"), values)
        return self._id

    def _check(self, subject: Subject) -> None:
        """Read the objects of a subject, and publish what was found."""
        values = {"batch_id": subject.batch_id, "item_id": subject.item_id, "run_id": self._id}
        rows = self._connection.execute(QUERY("objects_of_subject"), values).fetchall()
        unwritten = self._read_all(rows)
        # It also proves that the store answers, before objects are recorded as unreadable.
        digests = keep_list(self._parts.store, rows)
        checked = self._checked(subject, rows, digests)
        failed = [row for row in rows if row["code"] and _is_new(row)]
        recovered = [row for row in rows if row["quarantine_id"] and not row["code"]]
        failures = [self._failed(subject, row, checked) for row in failed]
        repairs = [self._recovered(subject, row, checked) for row in recovered]
        records = [
            *((fact.head.event_id, row["key"]) for fact, row in zip(failures, failed, strict=True)),
            *((None, row["key"]) for row in recovered),
        ]
        figures = (len(rows), checked.failed, checked.size_bytes)
        with self._connection.transaction():
            self._write(unwritten)
            store_facts(self._connection, [checked, *failures, *repairs])
            with self._connection.cursor() as cursor:
                cursor.executemany(QUERY("set_quarantine"), records)
                done = (self._id, subject.batch_id, subject.item_id, *figures)
                cursor.execute(QUERY("put_subject_done"), done)
        publish_facts(self._parts)

    def _read_all(self, rows: Sequence[Row]) -> list[Row]:
        """Read the objects that this run has not read; returns those that are not written yet."""
        unwritten: list[Row] = []
        for row in rows:
            if row["is_read"]:
                continue
            if not self._may_go_on():
                self._write(unwritten)
                raise Paused(self._id)
            self._read(row)
            unwritten.append(row)
            # What could not be read is written when the store has proved that it answers.
            if len(unwritten) >= PORTION and not self._unreadable:
                self._write(unwritten)
                unwritten = []
        return unwritten

    def _read(self, row: Row) -> None:
        """Read an object; the row gets the result. Raises StorageError when the store is away."""
        found = read_object(self._parts.store, row["key"], row["sha256"], self._parts.throttle)
        self._unreadable = self._unreadable + 1 if found.code == UNREADABLE else 0
        if self._unreadable >= MOST_UNREADABLE:
            raise StorageError(f"{self._unreadable} objects in a row: {found.found}")
        row["code"], row["found"] = found.code, found.found or None
        row["checked_at"] = self._parts.clock()
        if found.code is None:
            row["sha256"], row["size_bytes"] = found.sha256, found.size_bytes

    def _write(self, rows: Sequence[Row]) -> None:
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(
                QUERY("put_reading"),
                [
                    (
                        *(row["checked_at"], row["code"], row["found"]),
                        *(row["sha256"], row["size_bytes"], row["key"]),
                    )
                    for row in rows
                ],
            )

    def _checked(self, subject: Subject, rows: Sequence[Row], digests: FileRef) -> FixityChecked:
        event_id, now = checked_id(self._id, subject), self._parts.clock()
        return FixityChecked(
            head=subject.head(event_id, None, now, self._parts.made_by),
            run_id=self._id,
            scope=self._scope,
            objects=len(rows),
            failed=sum(row["code"] is not None for row in rows),
            size_bytes=sum(row["size_bytes"] or 0 for row in rows),
            files=(digests,),
        )

    def _failed(self, subject: Subject, row: Row, checked: FixityChecked) -> Fact:
        wanted = _wanted(row)
        copies = [one.place for one in self._copies.copies(wanted)] if wanted.sha256 else []
        repositories = self._copies.repositories(wanted.key)
        failure = Failure(
            *(wanted, row["code"], row["found"], row["use"], row["page_id"]),
            *(copies, repositories),
        )
        return failure_fact(
            self._id, subject, failure, checked.head.occurred_at, self._parts.made_by
        )

    def _recovered(self, subject: Subject, row: Row, checked: FixityChecked) -> Fact:
        about = (_wanted(row), row["quarantine_id"], subject, "the store itself", None)
        return restored_fact(*about, FOUND_INTACT, checked.head.occurred_at, self._parts.made_by)


def _is_new(row: Row) -> bool:
    """Whether a failed object has no record that says so."""
    return not row["quarantine_id"] or row["quarantine_state"] not in KNOWN


def _wanted(row: Row) -> Wanted:
    return Wanted(row["key"], row["sha256"] or "", row["size_bytes"] or 0, row["media_type"])
