"""Asks the operator of a scanner what to do next, page by page."""

from collections.abc import Callable
from dataclasses import dataclass, field

import click

from processors.rules.value_formats import KINDS
from schemas.ids import made_safe
from streams.cli.capture_output import print_findings
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.capture_session import CaptureSession
from streams.clients.capture.captured_page import NEXT_PLACE, CapturedPage, Place
from streams.clients.capture.item_folders import item_folder
from streams.clients.capture.page_edits import (
    describe_page,
    find_page,
    place_beside,
    remove_page,
    skip_page,
)
from streams.clients.scanners.capabilities import Source
from streams.clients.scanners.scanner_driver import ScannerProblem
from streams.clients.station.capture_record import CaptureRecord
from streams.clients.station.delivered_order import ORDER_JSON, DeliveredOrder
from streams.console import err

KEYS = {
    "Enter": "scan",
    "r [REF]": "scan the last page or page REF again",
    "b REF, a REF": "insert before or after it",
    "s REASON": "skip a page that cannot be captured",
    "x REF REASON": "remove a page",
    "k [REF] KIND, l [REF] LABEL": "describe the last page or page REF",
    "n ITEM": "next item (of an order: n)",
    "p": "list pages",
    "q": "finish",
}
HELP = " ".join(f"{keys}: {effect}." for keys, effect in KEYS.items())
RETRY = "Enter: try again. q: finish."
QUIT = "q"


@dataclass
class Operator:
    """A person at the device, who turns the pages."""

    session: CaptureSession
    item: str
    wanted: int | None
    """Pages that the item has in the end, or None."""
    show: Callable[[CapturedPage], None]
    ordered: tuple[str, ...] = ()
    """The items of the order, if there is one."""
    finished: bool = field(default=False)

    def work(self) -> None:
        """Scan until the item has the wanted pages or the operator finishes."""
        self.session.ask = self._ask
        err.print(HELP)
        while not self.finished and (self.wanted is None or self._have() < self.wanted):
            answer = self._read(f"{self.item} page {self.session.folder.next_ref(self.item)}")
            if answer == QUIT:
                return
            try:
                if not self._obey(*answer.partition(" ")[::2]):
                    err.print(f"{HELP} Kinds: {', '.join(KINDS)}.")
            except (ScannerProblem, CaptureProblem) as problem:
                # The operator sees it and decides; complete pages are kept.
                err.print(str(problem), soft_wrap=True)
                err.print(f"  {problem.fix}", soft_wrap=True)

    def _have(self) -> int:
        return len(self.session.folder.pages(self.item))

    def _obey(self, key: str, value: str) -> bool:
        """Carry out a command; whether it was one."""
        value = value.strip()
        if key == "n" and (value or self.ordered):
            self._next_item(value)
        elif key == "s" and value:
            operator = self.session.operator
            skip_page(self.session.folder, self.item, NEXT_PLACE, value, operator)
        elif key == "":
            self._scan(self._count(), NEXT_PLACE)
        elif key == "p":
            self._list()
        elif key in ("r", "a", "b", "x", "k", "l") and self._have():
            return self._change(key, value)
        else:
            return False
        return True

    def _next_item(self, name: str) -> None:
        """Go on with an item: the one that is named, else the next of the order."""
        if self.ordered and not name:
            folders = [made_safe(one) for one in self.ordered]
            at = folders.index(self.item) + 1 if self.item in folders else 0
            if at == len(self.ordered):
                err.print("This is the last item of the order.")
                return
            name = self.ordered[at]
        if self.ordered and name not in self.ordered:
            order = DeliveredOrder.read(self.session.folder.files / ORDER_JSON)
            found = f"{name} is not an item of the order"
            order_id = order.order_id if order else "ORDER_ID"
            raise CaptureProblem("order.differs", found, order=order_id)
        self.item = item_folder(self.session.folder, name)

    def _change(self, key: str, value: str) -> bool:
        """Change the page that is named first, else the last page."""
        folder = self.session.folder
        first, _, rest = value.partition(" ")
        named = folder.page(self.item, first)
        page, text = (named, rest.strip()) if named else (folder.pages(self.item)[-1], value)
        if key == "r" and not text:
            self._scan(1, Place(replaced=page))
        elif key in ("a", "b") and named and not text:
            side = "after" if key == "a" else "before"
            self._scan(1, place_beside(folder, self.item, page, side))
        elif key == "x" and named and text:
            remove_page(folder, self.item, page, text)
        elif key == "k" and text in KINDS:
            targets = self.session.targets
            print_findings(describe_page(folder, self.item, page, text, None, targets))
        elif key == "l" and text:
            describe_page(folder, self.item, page, None, [text], self.session.targets)
        elif first and not named and key in ("r", "a", "b", "x"):
            find_page(folder, f"{self.item}:{first}")
        else:
            return False
        return True

    def _scan(self, count: int | None, place: Place) -> None:
        separators = self.session.separators
        if separators is not None:
            separators.item = self.item
        try:
            for page in self.session.capture(self.item, count, place):
                self.show(page)
        finally:
            if separators is not None:
                # A sheet may have begun another item.
                self.item = separators.item

    def _list(self) -> None:
        for one in self.session.folder.pages(self.item):
            err.print(_words(one), soft_wrap=True)

    def _count(self) -> int | None:
        source = self.session.settings.source
        if not (source.is_feeder or source is Source.FOLDER):
            return 1
        return self.wanted - self._have() if self.wanted is not None else None

    def _ask(self, problem: ScannerProblem) -> bool:
        err.print(f"  {problem.fix}", soft_wrap=True)
        self.finished = self._read(RETRY) == QUIT
        return not self.finished

    @staticmethod
    def _read(question: str) -> str:
        try:
            answer: str = click.prompt(question, default="", show_default=False, err=True)
        except click.Abort:
            return QUIT  # The end of the input.
        return answer.strip()


def _words(one: CaptureRecord) -> str:
    labels = f" {' '.join(one.labels)}" if one.labels else ""
    return f"  {one.ref} {one.kind}{labels}{f': {one.reason}' if one.reason else ''}"
