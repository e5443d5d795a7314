"""Requests to the sealer are kept until they are carried out, and give the same event each time."""

import json
from pathlib import Path

import pytest

from schemas.models import Producer
from streams.sealer.log_requests import (
    FOLDER,
    RESTORE_TOPIC,
    ROTATE_KEY,
    LogRequest,
    LogRequests,
    event_of,
)

BY = Producer(name="copystand/sealer", version="1.2.3")


def test_a_request_is_open_until_it_is_closed(tmp_path: Path):
    requests, request = LogRequests(tmp_path), LogRequest.now(ROTATE_KEY, "a key", "p-4")

    requests.add(request)

    assert list(LogRequests(tmp_path).open()) == [request]
    requests.close(request)
    assert list(requests.open()) == []


def test_a_topic_is_restored_before_a_key_is_replaced(tmp_path: Path):
    requests = LogRequests(tmp_path)
    for kind in (ROTATE_KEY, RESTORE_TOPIC):
        requests.add(LogRequest.now(kind, "x", "p-4"))

    assert [one.kind for one in requests.open()] == [RESTORE_TOPIC, ROTATE_KEY]


@pytest.mark.parametrize(
    "change", [{"by": "Anna"}, {"asked_at": "yesterday"}, {"by": None}, {"surplus": 1}]
)
def test_a_file_that_is_not_a_request_is_passed_over(tmp_path: Path, change: dict[str, object]):
    requests = LogRequests(tmp_path)
    requests.add(LogRequest.now(ROTATE_KEY, "a key", "p-4"))
    file = tmp_path / FOLDER / f"{ROTATE_KEY}.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))

    assert list(requests.open()) == []


def test_the_event_of_a_request_is_the_same_each_time_and_names_who_asked():
    request = LogRequest.now(RESTORE_TOPIC, "topic.g2", "p-4")

    event = event_of(request, 600, BY)

    assert event == event_of(request, 600, BY)
    assert event.event.agents[-1].name == "p-4"
    assert "600 sealed events" in event.event.detail
    assert (
        event.event_id != event_of(LogRequest.now(RESTORE_TOPIC, "topic.g3", "p-4"), 1, BY).event_id
    )
