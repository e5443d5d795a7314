"""What sealer and projector do in a copy that was tampered with."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from confluent_kafka import Consumer, TopicPartition

from schemas.catalogue import AUDIT_INTAKE
from streams.runtime.fatal_errors import PROJECTION_AHEAD
from streams.transparency_log.export import newest_checkpoint
from tests.faults.tampering.victim import Victim
from tests.support.audit_log import CHECKOUT, SET_UP, an_event, delivery
from tests.support.running_line import wait_for

START_SECONDS = WORK_SECONDS = 300.0
"""Long, for a machine that does other work: what works ends the wait at once."""
QUIET_SECONDS = 2.0
REST_SECONDS = 30.0
"""A finding may follow the event, and one finding another; then nothing follows."""
NUMBER = 990_000
"""Of the event that must be sealed afterwards."""


@dataclass(frozen=True)
class Reaction:
    """What the two roles did."""

    sealer: str
    projector: str
    loops: bool
    """Whether they went on to seal events about the tampering."""

    @property
    def right(self) -> bool:
        """Whether each role works or says why it does not, and none loops."""
        return bool(self.sealer and self.projector) and not self.loops

    def __str__(self) -> str:
        loops = "; LOOPS" if self.loops else ""
        return f"sealer {self.sealer[:90]}; projector {self.projector[:90]}{loops}"


class Role:
    """A role as a process."""

    def __init__(self, victim: Victim, name: str) -> None:
        self.name, self._home = name, victim.home
        self.log = victim.home / "log" / f"tampered-{name}.log"
        code = f"{SET_UP}from streams.composition import run_{name};run_{name}(Settings.load())"
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code],
                env={**os.environ, "COPYSTAND_HOME": str(victim.home), "PYTHONPATH": str(CHECKOUT)},
                stderr=sink,
            )

    @property
    def reason(self) -> str:
        """Why it does not work, in its own words; empty if it gave no reason."""
        note = self._file("note")
        if note.exists():
            return f"waits: {note.read_text()}"
        if self.process.poll() is not None:
            last = [one for one in self.log.read_text().splitlines() if "cannot continue" in one]
            return f"ends with {self.process.returncode}: {last[-1][-300:]}" if last else ""
        return ""

    def settled(self) -> bool:
        """Whether it is ready, or gives a reason why it is not."""
        return self._file("ready").exists() or bool(self.reason) or self.process.poll() is not None

    def _file(self, kind: str) -> Path:
        return self._home / "run" / "roles" / f"{self.name}.{kind}"


@contextmanager
def _running(victim: Victim) -> Iterator[tuple[Role, Role]]:
    roles = Role(victim, "sealer"), Role(victim, "projector")
    try:
        wait_for(
            lambda: all(one.settled() for one in roles),
            START_SECONDS,
            lambda: "\n".join(one.log.read_text()[-1500:] for one in roles),
        )
        yield roles
    finally:
        for one in roles:
            one.process.terminate()
        for one in roles:
            try:
                one.process.wait(10)
            except subprocess.TimeoutExpired:
                one.process.kill()
                one.process.wait()


def react(victim: Victim) -> Reaction:
    """Start both roles, hand an event over, and see what becomes of it."""
    key, value = delivery(an_event(NUMBER, "after the tampering"))
    victim.produce(key, value, topic=AUDIT_INTAKE.name)
    with _running(victim) as roles:
        ahead = roles[1].process.poll() == PROJECTION_AHEAD
        if not ahead:
            return _judged(victim, *roles)
    assert victim.database is not None
    victim.database.empty_projection()  # as the supervisor does
    with _running(victim) as roles:
        return _judged(victim, *roles)


def _judged(victim: Victim, sealer: Role, projector: Role) -> Reaction:
    deadline = time.monotonic() + WORK_SECONDS
    while time.monotonic() < deadline:
        sealed = _sealed(victim)
        if (sealed or sealer.reason) and (
            # Without a new event there is nothing that the projector could add.
            not sealed or _projected(victim) or projector.reason
        ):
            break
        time.sleep(0.3)
    loops = not _comes_to_rest(victim)
    sealed = _sealed(victim)
    works = "projects" if _projected(victim) else ""
    if not sealed and projector.process.poll() is None:
        works = "has nothing to project"
    return Reaction(sealer.reason or ("seals" if sealed else ""), projector.reason or works, loops)


def _comes_to_rest(victim: Victim) -> bool:
    """Whether nothing more is handed over to the sealer for a while."""
    before, deadline = -1, time.monotonic() + REST_SECONDS
    while time.monotonic() < deadline:
        found = _delivered(victim)
        if found == before:
            return True
        before = found
        time.sleep(QUIET_SECONDS)
    return False


def _sealed(victim: Victim) -> bool:
    try:
        return newest_checkpoint(victim.log).size > victim.size
    except (FileNotFoundError, ValueError):
        return False


def _projected(victim: Victim) -> bool:
    key = an_event(NUMBER).head.event_id
    try:
        with psycopg.connect(victim.dsn()) as connection:
            query = "SELECT FROM audit.events WHERE event_id = %s"
            return connection.execute(query, [key]).fetchone() is not None
    except psycopg.Error:
        return False


def _delivered(victim: Victim) -> int:
    consumer = Consumer({**victim.kafka.client, "group.id": "looks"})
    try:
        _, end = consumer.get_watermark_offsets(TopicPartition(AUDIT_INTAKE.name, 0), timeout=10)
        return int(end)
    finally:
        consumer.close()
