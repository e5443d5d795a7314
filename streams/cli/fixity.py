"""`copystand fixity`: reads the objects of the store again, and restores those that failed."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
import psycopg
from psycopg.rows import dict_row

from processors.error_catalogue import fix_of
from processors.outcome import StorageError
from processors.pipeline import FIXITY
from schemas.models import Producer
from streams.cli.fixity_status import nothing_due, print_restored, print_run, run_document, status
from streams.cli.listings import CONNECT_SECONDS, postgres_down
from streams.cli.requests import check_known
from streams.console import Exit, emit, fail, json_option
from streams.settings import NotUp, Settings

if TYPE_CHECKING:  # they load the Kafka client and the S3 client
    from processors.step import Step
    from schemas.models import Fact
    from streams.fixity.run import FixityParts, Scope

SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})\Z")
NICENESS = 10
ACCEPTED = "rejected"
"""State of the record of an object whose loss a person has accepted."""


@click.group()
def fixity() -> None:
    """Read the objects of the store again, and restore those that failed."""


fixity.add_command(status)


@fixity.command()
@click.option("--all", "everything", is_flag=True, help="All objects.")
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="N random objects.")
@click.option(
    "--older-than",
    "days",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    help="Objects that were stored or read last before this many days.",
)
@click.option(
    "--at-night", is_flag=True, help="Stop at the end of COPYSTAND_NIGHT; the next run continues."
)
@json_option
def run(
    everything: bool, sample: int | None, days: float | None, at_night: bool, as_json: bool
) -> None:
    """Read objects and compare their SHA-256 with the recorded one.

    First finishes the run that was not finished. Each failure has a quarantine record. Exits with 1
    when an object failed, unless its record was rejected."""
    if sum((everything, sample is not None, days is not None)) != 1:
        fail(Exit.USAGE, "give one of --all, --sample N and --older-than DAYS")
    settings = Settings.load()
    os.nice(NICENESS)
    with _parts(settings) as parts:
        scope = _scope(sample, days)
        runs = _run(parts, scope, _only_at_night(settings) if at_night else lambda: True)
        documents = [run_document(parts.connection, one) for one in runs]
    document = documents.pop() if documents else nothing_due(str(scope))
    document["continued"] = documents.pop() if documents else None
    emit(document, as_json, print_run)
    failures = [*document["failures"], *(document["continued"] or document)["failures"]]
    if any(one["state"] != ACCEPTED for one in failures):
        raise SystemExit(Exit.FAILED)


@fixity.command()
@click.argument("sha256")
@click.option("--by", required=True, help="Your pseudonym, such as p-4.")
@click.option("--reason", required=True, help="Reason. Shown with the audit log; can be deleted.")
@click.option(
    "--from",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A file with the bytes, such as one from a backup.",
)
@json_option
def restore(sha256: str, by: str, reason: str, file: Path | None, as_json: bool) -> None:
    """Restore the object with this SHA-256 from an intact copy, or from a file.

    Writes bytes with this SHA-256 or nothing. Closes the quarantine record and adds an event to the
    log."""
    from streams.fixity.restore import NoCopy, NothingToRestore, Request, WrongBytes
    from streams.fixity.restore import restore as restore_objects

    found = SHA256.match(sha256)
    if found is None:
        fail(Exit.USAGE, f"{sha256!r} is not a SHA-256 in lower-case hex")
    settings = Settings.load()
    check_known(settings, by)
    with _parts(settings) as parts:
        try:
            request = Request(found[1], by, reason, file)
            restored = restore_objects(parts, request, settings.home / "cache" / FIXITY)
        except NothingToRestore:
            code = "fixity.nothing-to-restore"
            fail(Exit.FAILED, f"{code}: no object with this SHA-256 has failed", fix_of(code))
        except NoCopy as none:
            code, where = "fixity.no-copy", f"; repositories: {none}" if str(none) else ""
            message = f"{code}: no intact copy was found{where}"
            fail(Exit.FAILED, message, fix_of(code, digest=found[1]))
        except WrongBytes as wrong:
            fail(Exit.FAILED, f"nothing was changed: {file} has the SHA-256 {wrong}")
    document = {"sha256": found[1], "restored": [vars(one) for one in restored]}
    emit(document, as_json, print_restored)


def _scope(sample: int | None, days: float | None) -> "Scope":
    from streams.fixity.run import Scope

    if sample is not None:
        return Scope("sample", sample)
    return Scope("all") if days is None else Scope("older-than", days)


def _run(parts: "FixityParts", scope: "Scope", may_go_on: Callable[[], bool]) -> list[str]:
    """The ids of the runs, the last one perhaps not finished."""
    from streams.fixity.run import AlreadyRunning, Paused, run_fixity

    try:
        return run_fixity(parts, scope, may_go_on)
    except AlreadyRunning:
        code = "fixity.already-running"
        fail(Exit.FAILED, f"{code}: another process runs fixity", fix_of(code))
    except Paused as paused:
        return [str(paused)]


def _only_at_night(settings: Settings) -> Callable[[], bool]:
    from streams.execution.facts import utc_now

    night = settings.night
    return lambda: night is None or night.waits_until(utc_now()) is None


@contextmanager
def _parts(settings: Settings) -> "Iterator[FixityParts]":
    """What a run uses. A part that does not answer ends the command with 3."""
    from streams.fixity.reading import Throttle
    from streams.fixity.run import FixityParts
    from streams.kafka.producer import KafkaPublisher
    from streams.runtime.worker_name import worker_name
    from streams.storage.factory import open_storage
    from streams.traffic.link_buckets import TrafficClass

    try:
        connection = psycopg.connect(
            settings.dsn("tracker"),
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            row_factory=dict_row,
        )
        with connection, closing(KafkaPublisher(settings.kafka_as(FIXITY))) as publisher:
            yield FixityParts(
                connection=connection,
                store=open_storage(settings, traffic_class=TrafficClass.REPAIR),
                publisher=publisher,
                made_by=Producer(
                    name=f"copystand/{FIXITY}",
                    version=settings.version,
                    worker=worker_name(settings, FIXITY),
                ),
                throttle=Throttle(settings.fixity_bytes_per_second),
                run_step=partial(_run_step, settings),
            )
    except (NotUp, psycopg.Error) as down:
        postgres_down(down)
    except StorageError as away:
        fix = "Check the store: copystand doctor. The next run continues this one."
        fail(Exit.MISSING_PART, f"the store does not answer: {away}", fix)


def _run_step(settings: Settings, step: "Step", fact: "Fact", home: Path) -> object:
    """The outcome of a step on the store in a folder, in a child process as of a worker."""
    from streams.worker.pool import Pool

    pool = Pool(settings.model_copy(update={"home": home, "object_store": "", "pool_size": 1}))
    try:
        return pool.run(step, fact)
    finally:
        pool.close(patient=False)
