"""A pool that cannot start children ends its process instead of using up attempts."""

from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NoReturn

import pytest

from processors.pipeline import worker_steps
from streams.worker import pool
from streams.worker.pool import Pool
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
