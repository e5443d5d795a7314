"""How fast events are sealed and projected, beside bare loops of the same clients.

Run: python -m bench.audit [--events 100000] [--seconds 30] [--record]
"""

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from confluent_kafka import Producer
from psycopg.sql import SQL

from bench.audit_bare import Speed
from bench.common import commit, machine, tell
from infra.postgres import SUPERUSER
from infra.topics import provision
from schemas.catalogue import AUDIT_PREMIS
from streams.kafka.client import CLIENT
from streams.projector.rows import COLUMNS
from streams.runtime.role_files import role_file
from streams.settings import Settings
from streams.transparency_log.export import newest_checkpoint
from tests.support.audit_log import Log, a_log, an_event, delivery, fresh_projection
from tests.support.parts import Parts, running_parts

RATE = 500
LINGER_MS = 20
"""As the workers of a line have it: the broker flushes each batch that it gets."""
BARE_ROWS = 50_000
TIMEOUT_SECONDS = 3600.0
HEAD = (
    "| date | commit | machine | load | events"
    " | sealed/s | bare | ratio | µs of CPU for an event, bare"
    " | projected/s | bare | ratio | µs of CPU for an event, bare"
    " | append to checkpoint p99 at 500/s, ms | sealer ready after, s | result |"
)
GOALS = "goals: sealed 5,000, projected 10,000, ratios 0.7, p99 1 s, ready 15 s"


@dataclass(frozen=True)
class Measured:
    """The figures of one run."""

    sealed: Speed
    sealed_bare: Speed
    projected: Speed
    projected_bare: Speed
    p99_ms: float
    ready_seconds: float

    def cells(self) -> Iterator[str]:
        """As cells of the table."""
        for speed, bare in (
            (self.sealed, self.sealed_bare),
            (self.projected, self.projected_bare),
        ):
            yield from (f"{speed.events:.0f}", f"{bare.events:.0f}")
            yield f"{speed.events / bare.events:.2f}"
            yield f"{speed.cpu * 1e6:.0f}, {bare.cpu * 1e6:.0f}"
        yield from (f"{self.p99_ms:.0f}", f"{self.ready_seconds:.1f}")

    def missed(self) -> str:
        """The goals that are missed."""
        reached = {
            "sealed": self.sealed.events >= 5000,
            "sealed ratio": self.sealed.events >= 0.7 * self.sealed_bare.events,
            "projected": self.projected.events >= 10_000,
            "projected ratio": self.projected.events >= 0.7 * self.projected_bare.events,
            "p99": self.p99_ms <= 1000,
            "ready": self.ready_seconds < 15,
        }
        return ", ".join(name for name, good in reached.items() if not good)


def main() -> int:
    """Measure, print the line, and keep it when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=30, help="Of the run at 500 events/s.")
    parser.add_argument("--folder", type=Path, help="Where the homes are made.")
    parser.add_argument("--record", action="store_true", help="append to bench/results.md")
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=asked.folder) as scratch, parts_of(Path(scratch)) as parts:
        found = _measure(parts, Path(scratch), asked.events, asked.seconds)
    missed = found.missed()
    cells = (
        *(datetime.now(UTC).date().isoformat(), commit(), machine(), f"{load:.1f}", asked.events),
        *(*found.cells(), f"missed: {missed}" if missed else "all goals reached"),
    )
    print(GOALS)
    tell(HEAD, "| " + " | ".join(map(str, cells)) + " |", asked.record)
    return 0


@contextmanager
def parts_of(scratch: Path) -> Iterator[Parts]:
    """A broker and PostgreSQL as a line has them, with fsync."""
    scratch.chmod(0o755)  # for the user of PostgreSQL
    with running_parts(scratch / "home") as parts:
        with psycopg.connect(parts.dsn(SUPERUSER), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM RESET fsync")
            connection.execute("SELECT pg_reload_conf()")
        fresh_projection(parts.dsn(SUPERUSER))
        yield parts


def _measure(parts: Parts, scratch: Path, events: int, seconds: int) -> Measured:
    log = a_log(parts, scratch / "sealer")
    _deliver(log, range(events))
    with log.sealer() as process:
        sealed = _rate(lambda: _signed(log), events, process.pid)
        print(f"sealed: {sealed}", flush=True)
    bare = replace(AUDIT_PREMIS, name=f"bare.{log.line.premis}")
    provision(parts.kafka, [bare], {})
    copied = (parts.kafka, log.line.intake, bare.name, events)
    sealed_bare = _in_a_process(scratch, "kafka", copied)
    with (
        log.projector() as process,
        psycopg.connect(parts.dsn(SUPERUSER), autocommit=True) as connection,
    ):
        projected = _rate(lambda: _projected(connection), events, process.pid)
        print(f"projected: {projected}", flush=True)
    projected_bare = _bare_copy(parts, scratch, min(events, BARE_ROWS))
    began = time.monotonic()
    with log.sealer():
        ready = _seconds_until_ready(log, began)
        p99_ms = _latency(log, events, seconds)
    return Measured(sealed, sealed_bare, projected, projected_bare, p99_ms, ready)


def _deliver(log: Log, numbers: range) -> None:
    producer = Producer({**log.parts.kafka.client, "linger.ms": 20, "compression.type": "lz4"})
    for number in numbers:
        key, value = delivery(_event(number))
        while True:
            try:
                producer.produce(log.line.intake, value, key, partition=0)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    assert producer.flush(60) == 0


def _event(number: int) -> Any:
    """An event of a page with its links."""
    page = f"i-{number // 300}:{number % 300:04d}"
    return an_event(number, batch_id="b-1", item_id=f"i-{number // 300}", page_id=page)


def _rate(count: Callable[[], int], wanted: int, pid: int) -> Speed:
    """The speed of a process from the first events that are counted to the last."""
    first = began = cpu = 0.0
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while (found := count()) < wanted:
        if found and not first:
            first, began, cpu = found, time.monotonic(), _cpu_seconds(pid)
        if time.monotonic() > deadline:
            raise TimeoutError(f"{found} of {wanted}; see role.log")
        time.sleep(0.05)
    done = wanted - first
    return Speed(done / (time.monotonic() - began), (_cpu_seconds(pid) - cpu) / done)


def _cpu_seconds(pid: int) -> float:
    """Processor seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _signed(log: Log) -> int:
    try:
        return newest_checkpoint(log.home / "audit" / "log").size
    except FileNotFoundError:
        return 0


def _projected(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT last_seq + 1 FROM audit.projector_position").fetchone()
    return int(row[0]) if row else 0


def _role_log(log: Log) -> str:
    return (log.home / "role.log").read_text()[-2000:]


def _bare_copy(parts: Parts, scratch: Path, count: int) -> Speed:
    with psycopg.connect(parts.dsn(SUPERUSER), autocommit=True) as connection:
        connection.execute("CREATE TABLE audit.bare (LIKE audit.events INCLUDING ALL)")
        # As the projector gives them to COPY: ids and agents as text.
        as_text = ("event_id", "cause_id", "agents")
        names = SQL(", ").join(map(SQL, (f"{n}::text" if n in as_text else n for n in COLUMNS)))
        query = SQL("SELECT {} FROM audit.events ORDER BY seq LIMIT {}")
        rows = connection.execute(query.format(names, count)).fetchall()
    return _in_a_process(scratch, "copy", (parts.dsn(SUPERUSER), "bare", rows))


def _in_a_process(scratch: Path, kind: str, given: tuple[Any, ...]) -> Speed:
    file = scratch / f"{kind}.pickle"
    file.write_bytes(pickle.dumps(given))
    command = [sys.executable, "-m", "bench.audit_bare", kind, file]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    speed = Speed(*map(float, done.stdout.split()))
    print(f"bare {kind}: {speed}", flush=True)
    return speed


def _seconds_until_ready(log: Log, began: float) -> float:
    ready = role_file(Settings.load({"COPYSTAND_HOME": str(log.home)}), "sealer", "ready")
    ready.unlink(missing_ok=True)
    while not ready.exists():
        if time.monotonic() > began + 300:
            raise TimeoutError(_role_log(log))
        time.sleep(0.02)
    return time.monotonic() - began


def _latency(log: Log, first: int, seconds: int) -> float:
    """Milliseconds from the append of an event to the checkpoint that covers it, p99."""
    appended: list[float] = []
    signed: list[tuple[float, int]] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            size = _signed(log)
            if not signed or size > signed[-1][1]:
                signed.append((time.monotonic(), size))
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        appended += _append_steadily(log, first, seconds * RATE)
        while not signed or signed[-1][1] < first + len(appended):
            time.sleep(0.05)
    finally:
        ended.set()
        watcher.join()
    found, at = [], 0
    for place, moment in enumerate(appended):
        while signed[at][1] <= first + place:
            at += 1
        found.append(signed[at][0] - moment)
    return sorted(found)[int(len(found) * 0.99)] * 1000


def _append_steadily(log: Log, first: int, count: int) -> list[float]:
    producer = Producer({**CLIENT, **log.parts.kafka.client, "linger.ms": LINGER_MS})
    moments, began = [], time.monotonic()
    for number in range(count):
        key, value = delivery(_event(first + number))
        if (early := began + number / RATE - time.monotonic()) > 0:
            time.sleep(early)
        moments.append(time.monotonic())
        producer.produce(log.line.intake, value, key, partition=0)
        producer.poll(0)
    assert producer.flush(60) == 0
    return moments


if __name__ == "__main__":
    sys.exit(main())
