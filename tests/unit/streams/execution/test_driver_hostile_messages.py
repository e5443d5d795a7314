"""Whatever external clients send, the router answers it and its process survives."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from processors.outcome import Outcome
from processors.pipeline import STEPS, Step, router_steps
from processors.tools import Tools
from schemas.catalogue import AUDIT_INTAKE
from schemas.codec import decode
from schemas.models import Record
from streams.execution import driver as driver_module
from streams.execution.driver import Driver
from streams.execution.facts import FactBuilder
from streams.execution.receipts import Receipts
from streams.kafka.messages import Incoming
from streams.kafka.producer import MemoryPublisher
from streams.storage.local import LocalStorage
from tests.hostile.case import PROCESSED
from tests.hostile.everything import SEED
from tests.hostile.messages import REQUESTED, Message, messages

LARGEST_MESSAGE = 1024 * 1024
"""The largest message that the broker accepts, key and headers included."""
SENT_TO_DRIVER = [one for one in messages(SEED) if one.topic != REQUESTED]
"""Requests go to the tracker and not to the driver."""


class Ended(BaseException):
    """The process would have ended."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    def end(event: str, **fields: object) -> None:
        raise Ended(f"{event}: {fields}")

    monkeypatch.setattr(driver_module, "end_process", end)
    monkeypatch.setattr(driver_module, "STORE_TIMEOUT_SECONDS", 0)
    yield tmp_path


def answer(home: Path, message: Message) -> set[str]:
    """Codes of the published quarantine records, or `processed`."""
    storage, publisher = LocalStorage(home), MemoryPublisher()
    tools = Tools(storage, home)
    redone = [step for step in STEPS if message.topic.endswith(f".{step.lane}.v1")]
    steps = tuple(redone[:1]) or router_steps()

    def run(step: Step, fact: Record) -> Outcome:
        return step.function(fact, tools)

    driver = Driver(steps, run, Receipts(storage), publisher, FactBuilder(storage, "1"))
    headers = message.headers
    driver.handle(Incoming(message.topic, 0, 1, message.key, message.value, headers))
    published = [decode(one.value) for one in publisher.messages if one.topic != AUDIT_INTAKE.name]
    assert all(len(one.key) + len(one.value) < LARGEST_MESSAGE for one in publisher.messages)
    return {getattr(fact, "code", PROCESSED) for fact in published}


@pytest.mark.parametrize("message", SENT_TO_DRIVER, ids=lambda one: one.name[:60])
def test_a_message_has_an_expected_outcome(home: Path, message: Message):
    codes = answer(home, message)

    assert codes, "nothing was published"
    assert codes <= message.fitting
