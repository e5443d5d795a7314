"""A pool that can start no children ends its process instead of spending attempts."""

from pathlib import Path
from typing import Any, NoReturn

import pytest

from processors.pipeline import worker_steps
from streams import pool
from streams.pool import Pool
from tests.builders import a_page
from tests.stores import settings_of


class Broken:
    """A pebble pool whose children could not be started."""

    def __init__(self, **_: Any) -> None:
        return None

    def schedule(self, *_: Any, **__: Any) -> NoReturn:
        raise RuntimeError("Unexpected error within the Pool")


def test_a_broken_pool_ends_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    told: list[str] = []

    def end(why: str) -> NoReturn:
        told.append(why)
        raise SystemExit(70)

    monkeypatch.setattr(pool, "ProcessPool", Broken)
    monkeypatch.setattr(pool, "end_process", end)

    with pytest.raises(SystemExit):
        Pool(settings_of(tmp_path)).run(worker_steps()[0], a_page())
    assert "cannot start children" in told[0]
