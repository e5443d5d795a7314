"""The batches of a station that works unattended: which are open, closed or submitted."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.files import read_json, write_json
from schemas.ids import made_safe
from streams.clients.capture.capture_folder import MANIFEST, CaptureFolder
from streams.clients.capture.order_choice import Order
from streams.clients.station.capture_record import CAPTURED, CaptureRecord
from streams.clients.station.delivered_order import ORDER_JSON, DeliveredOrder

SERVED, SUBMITTED = "served.json", "submitted.json"


@dataclass(frozen=True)
class ServedBatch:
    """A folder that `station serve` began."""

    folder: CaptureFolder

    @property
    def is_closed(self) -> bool:
        """Whether it waits for its submission, or has it."""
        return (self.folder.folder / MANIFEST).exists()

    @property
    def is_submitted(self) -> bool:
        """Whether it was handed over."""
        return (self.folder.folder / SUBMITTED).exists()

    @property
    def order_id(self) -> str | None:
        """The order that it belongs to."""
        order = DeliveredOrder.read(self.folder.files / ORDER_JSON)
        return order.order_id if order else None

    def items_with_pages(self) -> set[str]:
        """The folders of its items that have a page."""
        if not self.folder.files.is_dir():
            return set()
        return {item for item in self.folder.items() if self.folder.pages(item)}

    def records(self) -> list[CaptureRecord]:
        """All its records, also of sheets and pages that are no page any more."""
        if not self.folder.files.is_dir():
            return []
        return [one for item in self.folder.items() for one in self.folder.records(item)]

    def page_count(self) -> int:
        """Number of its captured pages."""
        return sum(one.state == CAPTURED for one in self.records())

    def note_submitted(self, document: dict[str, Any]) -> None:
        """Record that it was handed over."""
        write_json(self.folder.folder / SUBMITTED, document)


@dataclass(frozen=True)
class ServedBatches:
    """All of them, below the folder of captures."""

    captures: Path
    device: str
    """The name of the device; another one on this station has its own batches."""
    prefix: str
    """Beginning of the ids of batches without an order."""

    def __iter__(self) -> Iterator[ServedBatch]:
        """Those of this device, in the order in which they were begun."""
        return (one for device, one in self._of_all_devices() if device == self.device)

    def _of_all_devices(self) -> list[tuple[str, ServedBatch]]:
        begun = [
            (found.get("number", 0), path.parent, found.get("device", ""))
            for path in self.captures.glob(f"*/{SERVED}")
            if (found := read_json(path))
        ]
        return [
            (device, ServedBatch(CaptureFolder(folder, folder.name)))
            for _, folder, device in sorted(begun)
        ]

    def open_batches(self) -> list[ServedBatch]:
        """The batches that were begun and not closed; after an interruption there may be two."""
        return [one for one in self if not one.is_closed and not one.is_submitted]

    def waiting(self) -> list[ServedBatch]:
        """The batches that are closed and not handed over, oldest first."""
        return [one for one in self if one.is_closed and not one.is_submitted]

    def begin(self, order: Order | None) -> ServedBatch:
        """A new batch, of an order or without one."""
        number = 1 + len(self._of_all_devices())
        stem = order["order_id"] if order else self.prefix
        repeat = 1 if order else number
        while (self.captures / (name := self._name(stem, repeat, bool(order)))).exists():
            repeat += 1
        folder = CaptureFolder(self.captures / name, name)
        folder.files.mkdir(parents=True)
        if order:
            DeliveredOrder(order["order_id"], order["priority"]).write(folder.files)
        # Last, so that a batch that is found has its order.
        write_json(folder.folder / SERVED, {"number": number, "device": self.device})
        return ServedBatch(folder)

    def _name(self, stem: str, repeat: int, is_order: bool) -> str:
        if is_order and repeat == 1:
            return stem
        return f"{stem[:56]}.{repeat:05d}"

    def missing_items(self, order: Order) -> list[str]:
        """The items of an order that have no page in any of these batches."""
        have: set[str] = set()
        for _, one in self._of_all_devices():
            if one.order_id == order["order_id"]:
                have |= one.items_with_pages()
        return [item for item in order["items"] if made_safe(item) not in have]
