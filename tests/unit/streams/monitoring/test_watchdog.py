"""The watchdog's report when servers do not answer, the disk is full, and a role makes no progress."""

import json
import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import psycopg
import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.monitoring import watchdog
from streams.monitoring.consumer_lag import ConsumerGroups, GroupLag
from streams.monitoring.status import QUERY
from streams.monitoring.watchdog import STALL_LIMIT_SECONDS_OF_OTHERS, Watchdog
from streams.runtime.lane_report import LaneReport, write_lane_report
from streams.settings import Settings

SEALER, DERIVING = "copystand.sealer", "copystand.derive_page"


class FakeGroups(ConsumerGroups):
    """Groups whose lag the test sets."""

    def __init__(self) -> None:
        """The broker answers; the sealer has 5 records to finish."""
        self.found: dict[str, GroupLag] | None = {SEALER: GroupLag(5, 10)}

    def lags(self) -> dict[str, GroupLag]:
        """The lags as set; a broker that is not set does not answer."""
        if self.found is None:
            raise KafkaException(KafkaError(KafkaError._ALL_BROKERS_DOWN))
        return self.found


class FakeTables:
    """A connection to tables without rows."""

    def __enter__(self) -> "FakeTables":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute(self, *_: object) -> "FakeTables":
        """Run nothing."""
        return self

    def fetchall(self) -> list[Any]:
        """No row."""
        return []


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (tmp_path / "run" / "roles").mkdir(parents=True)
    monkeypatch.setattr(watchdog, "unanswered_packages", lambda settings: None)
    return Settings(home=tmp_path, reserve_mb=0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(watchdog.time, "monotonic", lambda: now[0])
    return now


def no_database() -> NoReturn:
    raise psycopg.OperationalError("connection refused\n")


def a_watchdog(
    settings: Settings, groups: FakeGroups, connect: Callable[[], Any] = FakeTables
) -> Watchdog:
    return Watchdog(settings, groups, connect)


def test_a_line_that_works_has_no_fault(settings: Settings):
    report = a_watchdog(settings, FakeGroups()).check()

    assert report["checks"] == {}
    assert report["groups"] == {SEALER: {"lag": 5, "still_seconds": 0}}
    assert report["lags"] == {"sealer": 5}


def test_servers_that_do_not_answer_are_faults(settings: Settings):
    groups = FakeGroups()
    groups.found = None

    checks = a_watchdog(settings, groups, no_database).check()["checks"]

    assert checks["database"] == "does not answer: connection refused"
    assert checks["broker"].startswith("does not answer: ")


def test_less_free_space_than_the_reserve_is_a_fault(settings: Settings):
    greedy = settings.model_copy(update={"reserve_mb": 1e12})

    checks = a_watchdog(greedy, FakeGroups()).check()["checks"]

    assert checks["space"].startswith("work waits for free space: ")
    assert "1,000,000,000,000.0 MB and 4,000 inodes needed" in checks["space"]


def test_a_line_without_space_is_a_fault_and_its_servers_are_not_asked(settings: Settings):
    groups = FakeGroups()
    groups.found = None
    space = {"/disk": "/disk has 1.0 MB free, 192.0 MB needed"}
    state = {"phase": "no-space", "space": space, "parts": {"kafka": {"state": "stopped"}}}
    (settings.run / "supervisor.json").write_text(json.dumps(state))

    checks = a_watchdog(settings, groups, no_database).check()["checks"]

    why = "the line is stopped for lack of disk space: /disk has 1.0 MB free, 192.0 MB needed"
    assert checks == {"broker": why, "database": why, "space": why, "kafka": "stopped"}


def test_a_stalled_role_is_killed_once(
    settings: Settings, clock: list[float], monkeypatch: pytest.MonkeyPatch
):
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, how: killed.append((pid, how)))
    (settings.run / "roles" / "sealer.json").write_text(json.dumps({"pid": 4711}))
    watching = a_watchdog(settings, FakeGroups())

    watching.check()
    clock[0] += 61
    slow = watching.check()["checks"]
    clock[0] += STALL_LIMIT_SECONDS_OF_OTHERS
    watching.check()
    watching.check()

    assert slow == {"sealing": "no event sealed for 61 s"}
    assert killed == [(4711, signal.SIGKILL)]


def test_a_role_without_its_database_is_not_stalled(
    settings: Settings, clock: list[float], monkeypatch: pytest.MonkeyPatch
):
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, how: killed.append(pid))
    (settings.run / "roles" / "sealer.json").write_text(json.dumps({"pid": 4711}))
    watching = a_watchdog(settings, FakeGroups(), no_database)

    for _ in range(3):
        watching.check()
        clock[0] += STALL_LIMIT_SECONDS_OF_OTHERS

    assert killed == []


def test_a_lane_that_waits_for_its_limit_is_not_stalled(settings: Settings, clock: list[float]):
    groups = FakeGroups()
    groups.found = {"copystand.recognize_page": GroupLag(5, 10), DERIVING: GroupLag(5, 10)}
    held_until = {"text": time.time() + 3600}
    write_lane_report(settings, LaneReport({"text": "0.01 tasks/min"}, held_until))
    one = a_watchdog(settings, groups)
    one.check()

    clock[0] += 3000
    still = {name: found["still_seconds"] for name, found in one.check()["groups"].items()}

    assert still == {"copystand.recognize_page": 0, DERIVING: 3000}


def test_each_check_starts_what_is_scheduled_and_the_end_of_the_role_ends_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    calls: list[str] = []

    class Stop:
        def is_set(self) -> bool:
            return len(calls) == 2

        def wait(self, _: float) -> None:
            pass

    class Schedule:
        def tick(self) -> None:
            calls.append("tick")

        def close(self) -> None:
            calls.append("close")

    monkeypatch.setattr(watchdog, "shutdown_signal", lambda *_: Stop())
    monkeypatch.setattr(watchdog, "serve", lambda *_: SimpleNamespace(shutdown=lambda: None))
    monkeypatch.setattr(FakeGroups, "close", lambda _: None)
    here = settings.model_copy(update={"kafka_brokers": "127.0.0.1:1"})
    schedule: Any = Schedule()

    watchdog.run_watchdog(here, a_watchdog(here, FakeGroups()), schedule)

    assert calls == ["tick", "tick", "close"]


class TablesOfOrders(FakeTables):
    """Tables with orders that nobody took."""

    def __init__(self) -> None:
        """No order is untaken."""
        self.untaken: list[str] = []
        self.asked: list[Any] = []
        self._query = ""

    def execute(self, *query: Any) -> "TablesOfOrders":
        """Remember the query, whose rows are asked for next."""
        self._query = query[0]
        if self._query == QUERY("untaken_orders"):
            self.asked.append(query[1])
        return self

    def fetchall(self) -> list[Any]:
        """The untaken orders, or no row of another query."""
        if self._query != QUERY("untaken_orders"):
            return []
        placed = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
        return [{"order_id": one, "placed_at": placed, "due": None} for one in self.untaken]


def test_an_order_that_nobody_took_is_logged_once_until_it_is_taken(
    settings: Settings, caplog: pytest.LogCaptureFixture
):
    tables = TablesOfOrders()
    found = a_watchdog(settings, FakeGroups(), lambda: tables)

    logged = []
    for untaken in (["O-1"], ["O-1", "O-2"], ["O-2"], ["O-1", "O-2"]):
        tables.untaken = untaken
        caplog.clear()
        report = found.check()
        rows = [vars(one) for one in caplog.records if one.getMessage() == "order untaken"]
        logged.append([one["order_id"] for one in rows])
        assert {(one["code"], one["levelname"]) for one in rows} <= {("order.untaken", "WARNING")}
        assert [one["order_id"] for one in report["untaken_orders"]] == untaken

    assert logged == [["O-1"], ["O-2"], [], ["O-1"]]
    assert tables.asked == [{"hours": settings.order_hours}] * 4
