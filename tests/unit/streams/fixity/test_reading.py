"""What an object is when it is read again, and how fast it is read."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from processors.outcome import StorageError
from processors.tools import Area
from streams.execution.receipts import Receipts
from streams.fixity.reading import Reading, Throttle, read_object
from streams.storage.memory import MemoryStorage

PAGE = b"a page"
DIGEST = sha256(PAGE).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> MemoryStorage:
    return MemoryStorage(tmp_path)


def kept(store: MemoryStorage) -> str:
    return store.keep(PAGE, area=Area.MASTERS, use="master", media_type="image/tiff").key


def test_an_intact_object_has_its_digest(store: MemoryStorage):
    assert read_object(store, kept(store), DIGEST) == Reading(DIGEST, len(PAGE))


def test_other_bytes_and_no_bytes_are_told_apart(store: MemoryStorage):
    key = kept(store)
    store.objects[key] = b"a pagE"
    found = sha256(b"a pagE").hexdigest()

    damaged = read_object(store, key, DIGEST)
    del store.objects[key]

    assert (damaged.code, damaged.found) == ("object.damaged", f"it has the SHA-256 {found}")
    assert read_object(store, key, DIGEST).code == "object.missing"


def test_an_object_that_gives_an_error_is_not_called_damaged(store: MemoryStorage):
    class Failing(MemoryStorage):
        def stream(self, key: str) -> Iterator[bytes]:
            yield PAGE[:3]
            raise StorageError("Input/output error")

    found = read_object(Failing(Path("/nowhere")), kept(store), DIGEST)

    assert (found.code, found.sha256) == ("object.unreadable", None)
    assert "Input/output error" in found.found


def test_a_receipt_is_compared_with_the_digest_at_its_end(store: MemoryStorage):
    Receipts(store).keep("b-1", "00-work", None, [])
    key = "receipts/b-1/00/00-work"
    intact = read_object(store, key, None)
    changed = store.objects[key].replace(b"00-work", b"01-work")
    store.objects[key] = changed

    assert intact.code is None
    assert read_object(store, key, None).code == "object.damaged"
    # Also one whose end was made to match: its first digest is known.
    assert read_object(store, key, intact.sha256).code == "object.damaged"


@pytest.mark.parametrize("content", [b"", b"short"])
def test_a_receipt_cut_short_is_damaged(store: MemoryStorage, content: bytes):
    store.objects["receipts/b-1/00/00-work"] = content

    assert read_object(store, "receipts/b-1/00/00-work", None).code == "object.damaged"


class Clock:
    def __init__(self) -> None:
        self.now, self.slept = 100.0, 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


def a_throttle(rate: float) -> tuple[Throttle, Clock]:
    clock = Clock()
    parts: dict[str, Any] = {"clock": clock, "sleep": clock.sleep}
    return Throttle(rate, **parts), clock


def test_reading_takes_as_long_as_the_limit_says():
    throttle, clock = a_throttle(1000)

    for _ in range(500):
        throttle.took(10)

    assert clock.now == pytest.approx(105, abs=0.03)


def test_idle_time_is_not_saved_for_a_burst():
    throttle, clock = a_throttle(1000)
    throttle.took(1000)
    clock.now += 60

    throttle.took(1000)

    assert clock.slept == pytest.approx(2)


def test_without_a_limit_nothing_waits():
    throttle, clock = a_throttle(0)

    throttle.took(1 << 40)

    assert clock.slept == 0
