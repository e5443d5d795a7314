"""A line in one process: its roles by turns, on a real store and a real PostgreSQL, with a broker in
memory. Its processes die at set moments and return."""

import os
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from streams.kafka import producer
from streams.storage.local import LocalStorage
from tests.faults.planted.broker import Broker, Consumer, Producer
from tests.faults.planted.fate import DEATHS, MOST_DEATHS, MOST_ROUNDS, Died
from tests.faults.planted.roles import Projection, Sealing, Tracker, Worker
from tests.faults.planted.spy import Spy
from tests.faults.planted.steps import Steps


class World:
    """All of it, from submission to the projection."""

    def __init__(self, home: Path, dsn: Callable[[str], str], patch: pytest.MonkeyPatch) -> None:
        self.home, self.dsn, self.broker = home, dsn, Broker()
        self.storage = LocalStorage(home)
        self.spy = Spy(patch, self.broker)
        self.steps = Steps(LocalStorage(home), home / "cache")
        self.steps.tools.scratch.mkdir(parents=True)
        left = home / "masters" / ".partial" / "1-left"
        left.parent.mkdir(parents=True)
        left.write_bytes(b"half a master")
        os.utime(left, (0, 0))
        self.obituaries: list[str] = []
        self.down: set[type[Any]] = set()
        """Processes that come back only after people have done something."""
        self.settling = ""
        """The batch whose second settlement the tracker does not survive."""
        self._moments: Counter[str] = Counter()
        self._roles: dict[type[Any], Any] = {}
        self._given_up: Counter[type[Any]] = Counter()
        self.awaiting = threading.Event()
        """Set while somebody waits for the broker to have his messages."""
        _patch_clients(patch, self.broker)
        wait = producer.Acknowledgements.wait

        def noted(countdown: Any) -> None:
            self.awaiting.set()
            wait(countdown)

        patch.setattr(producer.Acknowledgements, "wait", noted)

    def fate(self, moment: str) -> None:
        """Dies here when it is time. Raises Died."""
        self._moments[moment] += 1
        if self._moments[moment] in DEATHS.get(moment, ()):
            raise Died(moment)

    def is_time(self, moment: str, count: int) -> bool:
        """Whether this moment has come for the n-th time."""
        self._moments[moment] += 1
        return self._moments[moment] == count

    def rest(self) -> None:
        """Let every process do what there is to do, until a whole round changes nothing."""
        kinds: tuple[Any, ...] = (Worker, Tracker, Sealing, Projection)
        self.down.clear()
        for _ in range(MOST_ROUNDS):
            before = self._standing()
            for kind in kinds:
                self._turn(kind)
            if self._standing() == before:
                return

    def role(self, kind: type[Any]) -> Any:
        """The living process of a kind; a new one after a death."""
        if kind not in self._roles:
            self._roles[kind] = kind(self)
        return self._roles[kind]

    def _turn(self, kind: type[Any]) -> None:
        if kind in self.down or self._given_up[kind] > MOST_DEATHS:
            return
        try:
            self.role(kind).turn()
        except (Died, Exception) as end:
            self.obituaries.append("".join(traceback.format_exception(end)))
            self._given_up[kind] += 1
            self.end(kind)

    def end(self, kind: type[Any]) -> None:
        """kill -9 of a process."""
        role = self._roles.pop(kind, None)
        if role is not None:
            role.kill()

    def close(self) -> None:
        """End every process."""
        for kind in list(self._roles):
            self.end(kind)

    def _standing(self) -> object:
        return self.broker.size(), dict(self.broker.committed), len(self.obituaries)


def _patch_clients(patch: pytest.MonkeyPatch, broker: Broker) -> None:
    def producer(config: dict[str, Any], **_: Any) -> Producer:
        return Producer(broker, config)

    def consumer(config: dict[str, Any], **_: Any) -> Consumer:
        return Consumer(broker, config)

    def end_process(event: str, **fields: object) -> NoReturn:
        raise Died(f"{event}: {fields}")

    for module in ("kafka.producer", "tracker.outbox_relay", "sealer.clients"):
        patch.setattr(f"streams.{module}.Producer", producer)
    for module in ("kafka.consumer", "sealer.clients", "projector.log_topic"):
        patch.setattr(f"streams.{module}.Consumer", consumer)
    for module in ("execution.driver", "kafka.producer", "kafka.consumer", "tracker.outbox_relay"):
        patch.setattr(f"streams.{module}.end_process", end_process)
