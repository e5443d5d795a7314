"""Which orders a device can take: those whose profile it keeps and whose paper source it has."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from processors.profile import InvalidProfile, UnknownProfile
from streams.capture_orders import CLOSED
from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.routing import load_profile
from streams.clients.scanners.agreement import agree
from streams.clients.scanners.capabilities import Capabilities, Source
from streams.clients.scanners.capture_settings import Wishes
from streams.clients.station.delivered_order import ORDER_JSON, DeliveredOrder

Order = dict[str, Any]


def source_of(order: Order) -> Source | None:
    """The paper source that an order asks for, or None for any."""
    return Source(order["device_class"]) if order["device_class"] else None


def can_take(order: Order, offered: Capabilities, profiles: Path) -> bool:
    """Whether a device can keep the profile of an order with its paper source."""
    try:
        profile = load_profile(order["profile"], profiles)
    except (UnknownProfile, InvalidProfile):
        return False
    return agree(profile, offered, Wishes(source_of(order))).settings is not None


def fitting(orders: Iterable[Order], offered: Capabilities, profiles: Path) -> list[Order]:
    """The orders that a device can take."""
    return [one for one in orders if can_take(one, offered, profiles)]


def check_order(order: Order, station: str | None) -> None:
    """Raises CaptureProblem for an order that this station may not work on."""
    order_id = order["order_id"]
    if order["state"] == CLOSED:
        raise CaptureProblem("order.closed", f"order {order_id} was closed")
    if None not in (order["assigned_to"], station) and order["assigned_to"] != station:
        found = f"order {order_id} is assigned to {order['assigned_to']}, this is {station}"
        raise CaptureProblem(
            "order.assigned-elsewhere", found, order=order_id, station=station or "STATION"
        )


def is_over(order: Order) -> bool:
    """Whether a person closed an order."""
    return bool(order["state"] == CLOSED)


def note_order(folder: CaptureFolder, order: Order) -> None:
    """Record in the folder of a batch which order it belongs to. Raises CaptureProblem."""
    before = DeliveredOrder.read(folder.files / ORDER_JSON)
    stated = DeliveredOrder(order["order_id"], order["priority"])
    if before is not None and before.order_id != stated.order_id:
        found = f"batch {folder.batch_id} belongs to the order {before.order_id}"
        raise CaptureProblem("order.differs", found, order=before.order_id)
    if before != stated:
        stated.write(folder.files)


def note_order_id(folder: CaptureFolder, order_id: str) -> bool:
    """Whether a batch belongs to this order, or does from now on because it has no page yet."""
    before = DeliveredOrder.read(folder.files / ORDER_JSON)
    if before is None and not any(folder.pages(item) for item in folder.items()):
        DeliveredOrder(order_id).write(folder.files)
        return True
    return before is not None and before.order_id == order_id


def check_item(order: Order, item: str) -> None:
    """Raises CaptureProblem for an item that is not ordered."""
    if item not in order["items"]:
        found = f"{item} is not an item of the order {order['order_id']}"
        raise CaptureProblem("order.differs", found, order=order["order_id"])
