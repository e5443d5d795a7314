"""A follower goes on after a message that no line publishes."""

import inspect
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from schemas.codec import MAX_MESSAGE_BYTES, TooLarge, encode
from schemas.models import PackageCounts, PackagePublished, Rights
from streams.clients.repository.answers import Spool
from streams.clients.repository.follow import (
    Handler,
    Package,
    PackageOutcome,
    _Receiver,
    follow,
)
from streams.clients.repository.subscription import Retries
from streams.storage.memory import MemoryStorage
from tests.support.builders import a_head


class NoSender:
    def send(self, answer: Any, expired: Any) -> None:
        del answer, expired


def a_package(**changes: Any) -> PackagePublished:
    fields: dict[str, Any] = {
        "head": a_head(page_id=None),
        "package_id": "vol-1.v1",
        "item_id": "vol-1",
        "revision": 1,
        "key": "../../etc/passwd",
        "sha256": "ab" * 32,
        "size_bytes": 7,
        "content_digest": "cd" * 32,
        "counts": PackageCounts(pages=1, masters=1, texts=1, files=4),
        "rights": Rights(),
    }
    return PackagePublished(**fields | changes)


@pytest.fixture
def messages() -> list[str]:
    """What the follower reports."""
    return []


def a_receiver(
    folder: Path, spool: Spool, retries: Retries, outcomes: list[PackageOutcome], handler: Handler
) -> _Receiver:
    """A receiver whose answers go nowhere."""
    return _Receiver(
        "archive",
        handler,
        folder / "in",
        True,
        MemoryStorage(folder),
        spool,
        NoSender(),  # type: ignore[arg-type]
        retries,
        outcomes.append,
    )


def test_a_package_whose_answer_is_too_large_is_skipped_and_the_next_is_answered(
    tmp_path: Path, messages: list[str]
):
    outcomes: list[PackageOutcome] = []
    retries = Retries(threading.Event(), None, messages.append)
    room = MAX_MESSAGE_BYTES - len(encode(a_package())) - 100
    huge = a_package(head=a_head(event_id="huge", page_id=None), package_id="x" * room)

    with closing(Spool(tmp_path / "spool.sqlite")) as spool:
        receiver = a_receiver(tmp_path, spool, retries, outcomes, lambda package: None)
        receiver.process(encode(huge))
        receiver.process(encode(a_package()))

    assert [one.package.package_id for one in outcomes] == ["vol-1.v1"]
    assert outcomes[0].reason.startswith("package.key-malformed: ")
    assert messages and messages[0].startswith("skipping a message of ")


def test_what_a_handler_raises_skips_no_package(
    tmp_path: Path, messages: list[str], monkeypatch: pytest.MonkeyPatch
):
    def fails(package: Package) -> None:
        raise TooLarge(f"{package.package_id} is too large for a message of this repository")

    monkeypatch.setattr(_Receiver, "_verified", lambda self, package: package)
    retries = Retries(threading.Event(), None, messages.append)

    with closing(Spool(tmp_path / "spool.sqlite")) as spool:
        receiver = a_receiver(tmp_path, spool, retries, [], fails)
        with pytest.raises(TooLarge):
            receiver.process(encode(a_package()))

    assert messages == []


def test_a_follower_that_nobody_listens_to_logs_what_it_waits_for(caplog: pytest.LogCaptureFixture):
    listens = inspect.signature(follow).parameters["on_wait"].default

    listens("the store does not respond")

    (record,) = caplog.records
    assert (record.levelname, vars(record)["why"]) == ("WARNING", "the store does not respond")
