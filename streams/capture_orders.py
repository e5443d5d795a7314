"""Capture orders: what is to be captured, how, and what requests about orders contain."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from schemas.ids import BATCH_ID
from schemas.models import ControlRequested
from streams.known_persons import SENDER_FORM
from streams.text_references import is_reference

ADD, ASSIGN, CLOSE = "order-add", "order-assign", "order-close"
ACTIONS = (ADD, ASSIGN, CLOSE)
SUBJECT = "order:"
PRIORITIES = ("rush", "normal", "night")
DEVICE_CLASSES = ("flatbed", "feeder", "feeder-duplex", "camera", "folder")
"""Paper sources of devices (streams.clients.scanners.capabilities.Source)."""
OPEN, ASSIGNED, STARTED, CLOSED = "open", "assigned", "started", "closed"
"""States: nobody took it, a station has it, a batch of it was accepted, a person closed it."""
OPTIONAL = ("device_class", "due")
"""Fields that may be null."""
MAX_ITEMS, MAX_WORD = 500, 255
PROFILE_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


@dataclass(frozen=True)
class OrderContent:
    """What a person orders. A station sees the notes; facts have a reference to them."""

    items: tuple[str, ...]
    profile: str
    device_class: str | None = None
    notes: str = ""
    due: str | None = None
    priority: str = "normal"

    @classmethod
    def read(cls, value: str | None) -> "OrderContent":
        """The content in the value of a request. Raises ValueError, which says what is wrong."""
        try:
            fields = json.loads(value or "")
        except ValueError:
            raise ValueError("the value is not JSON") from None
        if not isinstance(fields, dict) or set(fields) - set(cls.__dataclass_fields__):
            raise ValueError("the value has fields that an order does not have")
        content = _of(fields)
        content.check()
        return content

    def check(self) -> None:
        """Raises ValueError, which says what is wrong."""
        if not 1 <= len(self.items) <= MAX_ITEMS or len(set(self.items)) != len(self.items):
            raise ValueError(f"an order has 1 to {MAX_ITEMS} different items")
        for item in self.items:
            if not 1 <= len(item.strip()) <= MAX_WORD:
                raise ValueError(f"an item has 1 to {MAX_WORD} characters, got {item[:100]!r}")
        if not PROFILE_FORM.match(self.profile):
            raise ValueError(f"{self.profile[:100]!r} is not the name of a profile")
        if self.device_class not in (None, *DEVICE_CLASSES):
            raise ValueError(f"no device class is named {str(self.device_class)[:100]!r}")
        if self.priority not in PRIORITIES:
            raise ValueError(f"no priority is named {self.priority[:100]!r}")
        if self.due is not None:
            date.fromisoformat(self.due)
        if self.notes and not is_reference(self.notes):
            raise ValueError("the notes are not a reference to a stored text")

    def value(self) -> str:
        """The value of a request."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)


def _of(fields: Mapping[str, Any]) -> OrderContent:
    items, others = fields.get("items"), {k: v for k, v in fields.items() if k != "items"}
    if not isinstance(items, list) or not all(isinstance(one, str) for one in items):
        raise ValueError("the items are not a list of texts")
    texts = {name: one for name, one in others.items() if one is not None or name not in OPTIONAL}
    if not all(isinstance(one, str) for one in texts.values()):
        raise ValueError("a field is not a text")
    try:
        return OrderContent(tuple(items), **others)
    except TypeError:
        raise ValueError("the profile is missing") from None


def order_of(fact: ControlRequested) -> str | None:
    """The id of the order that a request is about; None unless it names exactly one."""
    if len(fact.subjects) != 1 or not fact.subjects[0].startswith(SUBJECT):
        return None
    order_id = fact.subjects[0].removeprefix(SUBJECT)
    return order_id if BATCH_ID.match(order_id) else None


def is_station(name: str | None) -> bool:
    """Whether an order can be assigned to this name: that of a sender such as station-lab-2."""
    return name is not None and name.startswith("station") and bool(SENDER_FORM.match(name))
