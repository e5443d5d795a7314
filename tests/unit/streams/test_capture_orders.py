"""What the value of a request about an order may be."""

import json

import pytest

from streams.capture_orders import DEVICE_CLASSES, OrderContent, is_station, order_of
from streams.clients.scanners.capabilities import Source
from tests.support.line_facts import a_request

GOOD = {"items": ["Ms. 1", "Ms. 2"], "profile": "book-colour"}
REFERENCE = "text:hmac-sha256:" + "0" * 64


def test_an_order_is_read_as_it_was_written():
    content = OrderContent(("Ms. 1",), "negative", "flatbed", REFERENCE, "2026-12-24", "rush")

    assert OrderContent.read(content.value()) == content


@pytest.mark.parametrize(
    "wrong",
    [
        {"items": []},
        {"items": ["a", "a"]},
        {"items": [""]},
        {"items": [1]},
        {"items": "Ms. 1"},
        {"items": [f"i-{number}" for number in range(501)]},
        {"profile": "../x"},
        {"profile": None},
        {"device_class": "robot"},
        {"priority": "soon"},
        {"priority": None},
        {"due": "tomorrow"},
        {"notes": "Ask Mrs. Smith for the key."},
        {"other": "x"},
    ],
)
def test_other_values_are_refused(wrong):
    with pytest.raises(ValueError):
        OrderContent.read(json.dumps({**GOOD, **wrong}))


@pytest.mark.parametrize("value", [None, "", "[]", "{}", "7", "{"])
def test_what_is_no_order_is_refused(value):
    with pytest.raises(ValueError):
        OrderContent.read(value)


@pytest.mark.parametrize(
    ("subjects", "order_id"),
    [
        (("order:O-1",), "O-1"),
        (("order:O-1", "order:O-2"), None),
        (("batch:O-1",), None),
        (("order:../x",), None),
        ((), None),
    ],
)
def test_a_request_is_about_one_order(subjects, order_id):
    assert order_of(a_request("order-close", *subjects)) == order_id


def test_an_order_is_assigned_to_a_station():
    names = ("station", "station-lab-2", "operator", "repository-x", "Station X", None)

    assert [is_station(one) for one in names] == [True, True, False, False, False, False]


def test_the_device_classes_are_the_paper_sources_of_devices():
    assert set(DEVICE_CLASSES) == {one.value for one in Source}
