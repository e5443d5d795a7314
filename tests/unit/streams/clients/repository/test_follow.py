"""A follower goes on after a message that no line publishes."""

import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from schemas.codec import MAX_MESSAGE_BYTES, encode
from schemas.models import PackageCounts, PackagePublished, Rights
from streams.clients.repository.answers import Spool
from streams.clients.repository.follow import PackageOutcome, _Receiver
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


def test_a_package_whose_answer_is_too_large_is_skipped_and_the_next_is_answered(
    tmp_path: Path, messages: list[str]
):
    outcomes: list[PackageOutcome] = []
    retries = Retries(threading.Event(), None, messages.append)
    room = MAX_MESSAGE_BYTES - len(encode(a_package())) - 100
    huge = a_package(head=a_head(event_id="huge", page_id=None), package_id="x" * room)

    with closing(Spool(tmp_path / "spool.sqlite")) as spool:
        receiver = _Receiver(
            "archive",
            lambda package: None,
            tmp_path / "in",
            True,
            MemoryStorage(tmp_path),
            spool,
            NoSender(),  # type: ignore[arg-type]
            retries,
            outcomes.append,
        )
        receiver.process(encode(huge))
        receiver.process(encode(a_package()))

    assert [one.package.package_id for one in outcomes] == ["vol-1.v1"]
    assert outcomes[0].reason.startswith("package.key-malformed: ")
    assert messages and messages[0].startswith("skipping a message of ")
