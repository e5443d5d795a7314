"""The order that `station scan --order` works on: what it asks for, and who may take it."""

import logging
from importlib import import_module
from typing import Any

from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.order_choice import Order, check_item, check_order, fitting
from streams.clients.capture.routing import Station, driver_for
from streams.clients.scanners.scanner_driver import ScannerProblem
from streams.console import err
from streams.kafka.client import STATION
from streams.settings import NotUp, Settings

log = logging.getLogger(__name__)

CANNOT = "scanner.cannot-keep-profile"


def own_name(settings: Settings) -> str | None:
    """The name under which this station signs, or None without a credential."""
    try:
        return settings.signing_key(STATION).sender
    except NotUp as unknown:
        log.info("station has no name", extra={"error": str(unknown)})
        return None


def take_order(settings: Settings, order_id: str, options: dict[str, Any]) -> Order:
    """The order, whose profile, batch id, paper source and only item are put into the options that
    are not given. Raises CaptureProblem."""
    # The Kafka client is loaded for orders only.
    orders: Any = import_module("streams.clients.known_orders")
    try:
        known = orders.known_orders(settings)
    except orders.OrdersUnknown as unknown:
        raise CaptureProblem("order.none-known", str(unknown)) from unknown
    if known.problem:
        err.print(f"Orders as read at {known.read_at}: {known.problem}", soft_wrap=True)
    order: Order | None = known.find(order_id)
    if order is None:
        raise CaptureProblem("order.unknown", f"no order {order_id} is known")
    check_order(order, own_name(settings))
    if options["profile"] not in (None, order["profile"]):
        found = f"order {order_id} asks for the profile {order['profile']}"
        raise CaptureProblem("order.differs", found, order=order_id)
    options["profile"] = order["profile"]
    options["batch_id"] = options["batch_id"] or order_id
    options["source"] = options["source"] or order["device_class"]
    _choose_item(order, options)
    return order


def _choose_item(order: Order, options: dict[str, Any]) -> None:
    if options["item"] is None:
        if len(order["items"]) > 1 and options["no_prompt"]:
            found = f"the order has {len(order['items'])} items, and --item names none of them"
            raise CaptureProblem("order.differs", found, order=order["order_id"])
        options["item"] = order["items"][0]
    check_item(order, options["item"])


def print_order(order: Order) -> None:
    """Print what the operator has to know before the first page."""
    due = f", due {order['due']}" if order["due"] else ""
    err.print(f"Order {order['order_id']}: {', '.join(order['items'])}{due}", soft_wrap=True)
    if order["notes"]:
        err.print(f"Handling notes: {order['notes']}", soft_wrap=True)
    if order["assigned_to"] is None:
        err.print("No station has this order: another station can take it, too.")


def device_cannot(
    settings: Settings, here: Station, order: Order, device: str | None, driver: str | None
) -> CaptureProblem:
    """The refusal of a device, with the orders that it could take."""
    names = _fitting_orders(settings, here, device, driver) if device is not None else "none"
    source = f" from a {order['device_class']}" if order["device_class"] else ""
    found = f"{device or 'no device'} cannot keep the profile {order['profile']}{source}"
    return CaptureProblem("order.device-cannot", found, orders=names)


def _fitting_orders(settings: Settings, here: Station, device: str, driver: str | None) -> str:
    """The orders that a device could take, or why they are not known."""
    client: Any = import_module("streams.clients.known_orders")
    try:
        mine = client.known_orders(settings).open_for(own_name(settings))
        offered = here.driver(driver or driver_for(device)).open(device).capabilities()
    except (client.OrdersUnknown, ScannerProblem) as failed:
        # It is the device that was just asked, so this is rare; the refusal itself must be shown.
        return f"not known ({failed})"
    return ", ".join(one["order_id"] for one in fitting(mine, offered, here.profiles)) or "none"
