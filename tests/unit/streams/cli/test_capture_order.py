"""The refusal of a device for an order names the orders that it could take, or why they are not known."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streams.cli import capture_order
from streams.clients.scanners.scanner_driver import ScannerProblem
from streams.settings import Settings

ORDER: dict[str, Any] = {"order_id": "o-1", "profile": "fine", "device_class": None}


class OrdersUnknown(Exception):
    """As of the module that reads orders."""


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What is known of orders, without Kafka."""
    orders = SimpleNamespace(
        OrdersUnknown=OrdersUnknown,
        known_orders=lambda settings: SimpleNamespace(open_for=lambda station: [ORDER]),
    )
    monkeypatch.setitem(sys.modules, "streams.clients.known_orders", orders)
    monkeypatch.setattr(capture_order, "fitting", lambda orders, offered, profiles: orders)
    return orders


def refusal(folder: Path, capabilities: Any, device: str | None = "test:0") -> str:
    """The fix of the refusal of a device with these capabilities."""
    driver = SimpleNamespace(open=lambda name: SimpleNamespace(capabilities=capabilities))
    here: Any = SimpleNamespace(driver=lambda name: driver, profiles=folder)
    settings = Settings.load({"COPYSTAND_HOME": str(folder)})
    return capture_order.device_cannot(settings, here, ORDER, device, "sane").fix


def test_the_orders_that_a_device_could_take_are_named(known: Any, tmp_path: Path):
    assert "Orders that this device can take: o-1." in refusal(tmp_path, dict)
    assert "Orders that this device can take: none." in refusal(tmp_path, dict, device=None)


def test_a_device_that_no_longer_answers_is_named_and_not_taken_for_one_without_orders(
    known: Any, tmp_path: Path
):
    def gone() -> None:
        raise ScannerProblem("scanner.not-found", "test:0 does not answer")

    assert "not known (scanner.not-found: test:0 does not answer)" in refusal(tmp_path, gone)


def test_orders_that_cannot_be_read_do_not_hide_the_refusal(
    known: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def unknown(settings: Settings) -> None:
        raise OrdersUnknown("the broker does not answer")

    monkeypatch.setattr(known, "known_orders", unknown)

    assert "not known (the broker does not answer)" in refusal(tmp_path, dict)
