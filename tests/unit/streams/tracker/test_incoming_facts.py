"""What a message caused is told apart from what the machine caused."""

import psycopg
import pytest

from processors.outcome import ObjectUnusable, StorageError
from streams.kafka.messages import Incoming
from streams.storage.keys import BadKey
from streams.topology import RELEASED
from streams.tracker.incoming_facts import _at_original_position, caused_by_input

TOPIC = "digitization.page.acquired.v1"


@pytest.mark.parametrize(
    "failure",
    [
        psycopg.errors.NumericValueOutOfRange("integer out of range"),
        psycopg.errors.UniqueViolation("duplicate key"),
        psycopg.errors.ProgramLimitExceeded("index row size 9000 exceeds the maximum"),
        ObjectUnusable("the store does not hold receipts/records/sha256/ab"),
        BadKey("'../x' is no valid storage key"),
        OverflowError("int too large"),
        AttributeError("no such field"),
        RecursionError("too deep"),
        AssertionError(),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_a_failure_because_of_the_message(failure: Exception):
    assert caused_by_input(failure)


@pytest.mark.parametrize(
    "failure",
    [
        psycopg.OperationalError("the connection is lost"),
        psycopg.InterfaceError("the connection is closed"),
        psycopg.errors.DiskFull("no space left"),
        psycopg.errors.UndefinedTable("line.facts does not exist"),
        psycopg.errors.DeadlockDetected("deadlock"),
        StorageError("the store does not respond"),
        OSError(28, "No space left on device"),
        MemoryError(),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_a_failure_that_other_messages_would_have_as_well(failure: Exception):
    assert not caused_by_input(failure)


def released(**headers: str) -> Incoming:
    named = {name: text.encode() for name, text in headers.items()}
    return Incoming(RELEASED, 2, 9, None, b"", {"step": b"tracker", **named})


def test_a_released_message_is_read_at_its_original_position():
    message = _at_original_position(released(topic=TOPIC, partition="3", offset="7"))

    assert (message.topic, message.partition, message.offset) == (TOPIC, 3, 7)


@pytest.mark.parametrize(
    "headers",
    [
        {"topic": TOPIC, "partition": "1" + "0" * 40, "offset": "7"},
        {"topic": TOPIC, "partition": "2147483648", "offset": "7"},
        {"topic": TOPIC, "partition": "3", "offset": "9223372036854775808"},
        {"topic": TOPIC, "partition": "\N{SUPERSCRIPT TWO}", "offset": "7"},
        {"topic": TOPIC, "partition": "-1", "offset": "7"},
        {"topic": "no.such.topic", "partition": "3", "offset": "7"},
        {"topic": TOPIC},
    ],
)
def test_a_position_that_no_message_can_have_is_ignored(headers: dict[str, str]):
    message = _at_original_position(released(**headers))

    assert (message.topic, message.partition, message.offset) == (RELEASED, 2, 9)
