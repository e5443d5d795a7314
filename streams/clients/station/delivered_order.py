"""The capture order of a delivery: a small file that `station scan --order` writes."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from infra.files import read_json, write_atomic
from schemas.ids import BATCH_ID
from streams.capture_orders import PRIORITIES
from streams.clients.station.scan import DeliveredFile

ORDER_JSON = "order.json"
FORM = "copystand-order-1"
"""Marks a file as such."""


@dataclass(frozen=True)
class DeliveredOrder:
    """The order that a batch belongs to."""

    order_id: str
    priority: str = "normal"
    form: str = FORM

    @classmethod
    def read(cls, path: Path) -> "DeliveredOrder | None":
        """The order in a file, or None if it is not one."""
        fields = read_json(path)
        order_id, priority = fields.get("order_id"), fields.get("priority")
        usable = isinstance(order_id, str) and BATCH_ID.match(order_id) and priority in PRIORITIES
        if fields.get("form") != FORM or not usable:
            return None
        return replace(cls(str(order_id)), priority=str(priority))

    def write(self, folder: Path) -> None:
        """Write it beside the items of a batch."""
        write_atomic(folder / ORDER_JSON, json.dumps(asdict(self), indent=2) + "\n")


def order_among(files: Iterable[DeliveredFile]) -> DeliveredOrder | None:
    """The order of a delivery, or None."""
    found = (DeliveredOrder.read(one.path) for one in files if one.name == ORDER_JSON)
    return next(found, None)
