"""Separator sheets among the pages of a feeder: kept, not a page, and obeyed."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.item_folders import item_folder
from streams.clients.capture.order_choice import note_order_id
from streams.clients.capture.separator_reading import TwoSheets, sheet_on
from streams.clients.capture.separator_sheet import SeparatorSheet
from streams.clients.station.capture_record import SEPARATOR, CaptureRecord

OnOrder = Callable[[str], tuple[CaptureFolder, str] | None]
"""Gives the folder of the batch of another order and its first item, or None if this batch cannot
be left."""


def never_leave(_: str) -> None:
    """Every page belongs to one batch."""


@dataclass
class Separators:
    """What the sheets so far say about the next page."""

    item: str
    """Folder of the item of the next page."""
    pending: SeparatorSheet | None = None
    """The sheet that describes the next page."""
    on_order: OnOrder = never_leave
    seen: list[SeparatorSheet] = field(default_factory=list)

    @classmethod
    def resumed(cls, folder: CaptureFolder, item: str) -> "Separators":
        """As the sheets in the folder of a batch left it; `item` is the first item."""
        found = [(one.captured_at, at, one) for at, one in _kept(folder)]
        if not found:
            return cls(item)
        _, at, last = max(found, key=lambda each: each[:2])
        sheet = SeparatorSheet.read(last.separator or "")
        described = any(one.ref > last.ref and one.follows is None for one in folder.pages(at))
        return cls(at, None if described else sheet)

    def sheet_on(self, page: Path) -> SeparatorSheet | None:
        """The sheet that a page is, or None. Raises CaptureProblem."""
        try:
            return sheet_on(page)
        except TwoSheets as two:
            raise CaptureProblem("separator.ambiguous", f"the page has {two}") from two

    def begin(self, folder: CaptureFolder, sheet: SeparatorSheet) -> CaptureFolder:
        """Obey a sheet: the folder of the batch in which it is kept. Raises CaptureProblem."""
        if sheet.order is not None and not note_order_id(folder, sheet.order):
            other = self.on_order(sheet.order)
            if other is None:
                found = f"a separator sheet begins the order {sheet.order}"
                raise CaptureProblem("separator.other-order", found, order=sheet.order)
            folder, self.item = other
        if sheet.item is not None:
            self.item = item_folder(folder, sheet.item)
        self.pending = sheet
        self.seen.append(sheet)
        return folder

    def described(self, record: CaptureRecord) -> CaptureRecord:
        """The record of the next page, with the kind and label that the sheet before it gives."""
        sheet, self.pending = self.pending, None
        if sheet is None:
            return record
        labels = [sheet.label] if sheet.label else record.labels
        return replace(record, kind=sheet.kind or record.kind, labels=labels)


def _kept(folder: CaptureFolder) -> list[tuple[str, CaptureRecord]]:
    return [
        (item, one)
        for item in folder.items()
        for one in folder.records(item)
        if one.state == SEPARATOR
    ]
