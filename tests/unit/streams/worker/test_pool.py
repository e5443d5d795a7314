"""A pool that can start no children ends its process instead of spending attempts."""

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


class Broken:
    """A pebble pool whose children could not be started."""

    def __init__(self, **_: Any) -> None:
        return None

    def schedule(self, *_: Any, **__: Any) -> NoReturn:
        raise RuntimeError("Unexpected error within the Pool")


class BrokenLater:
    """A pebble pool one of whose children was killed before it had a task."""

    def __init__(self, **_: Any) -> None:
        return None

    def schedule(self, *_: Any, **__: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_exception(BrokenProcessPool("All workers expired"))
        return future


@pytest.mark.parametrize(
    ("kind", "why"), [(Broken, "cannot start children"), (BrokenLater, "All workers expired")]
)
def test_a_broken_pool_ends_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type, why: str
):
    told: list[str] = []

    def end(why: str) -> NoReturn:
        told.append(why)
        raise SystemExit(70)

    monkeypatch.setattr(pool, "ProcessPool", kind)
    monkeypatch.setattr(pool, "end_process", end)

    with pytest.raises(SystemExit):
        Pool(settings_of(tmp_path)).run(worker_steps()[0], a_page())
    assert why in told[0]
