"""A pool that cannot start children ends its process instead of using up attempts."""

import os
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NoReturn

import pytest

from processors.pipeline import worker_steps
from streams.worker import pool
from streams.worker.pool import HeartbeatTimer, Pool
from tests.support.builders import a_page
from tests.support.stores import settings_of


class CannotStart:
    """A pebble pool whose children cannot be started."""

    def __init__(self, **_: Any) -> None:
        return None

    def schedule(self, *_: Any, **__: Any) -> NoReturn:
        raise RuntimeError("Unexpected error within the Pool")


class BrokenLater:
    """A pebble pool in which a child without a task was killed."""

    def __init__(self, **_: Any) -> None:
        return None

    def schedule(self, *_: Any, **__: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_exception(BrokenProcessPool("All workers expired"))
        return future


@pytest.mark.parametrize(
    ("kind", "event", "error"),
    [
        (CannotStart, "the pool cannot start child processes", "Unexpected error within the Pool"),
        (BrokenLater, "the pool is broken", "All workers expired"),
    ],
)
def test_a_broken_pool_ends_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type, event: str, error: str
):
    ended: list[tuple[str, object]] = []

    def end(event: str, **fields: object) -> NoReturn:
        ended.append((event, fields["error"]))
        raise SystemExit(70)

    monkeypatch.setattr(pool, "ProcessPool", kind)
    monkeypatch.setattr(pool, "end_process", end)

    with pytest.raises(SystemExit):
        Pool(settings_of(tmp_path)).run(worker_steps()[0], a_page())
    assert ended == [(event, error)]


def test_the_silence_of_a_task_is_counted_while_this_process_checks_and_not_while_it_is_stopped(
    tmp_path: Path,
):
    now = [100.0]
    heartbeat = tmp_path / "heartbeat"
    timer = HeartbeatTimer(heartbeat, lambda: now[0])

    def after(seconds: float) -> float:
        now[0] += seconds
        return timer.seconds()

    waiting = after(0.5)
    heartbeat.touch()
    silent = [after(seconds) for seconds in (0.5, 0.5, 3.0)]
    stopped = after(3600.0)
    awake = after(0.5)
    os.utime(heartbeat, (1, 1))

    assert (waiting, silent) == (0.0, [0.0, 0.5, 3.5])
    assert (stopped, awake) == (3.5, 4.0)
    assert after(0.5) == 0.0
