"""Asks the operator of a scanner what to do next, page by page."""

from collections.abc import Callable
from dataclasses import dataclass, field

import click

from processors.rules.value_formats import KINDS
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.capture_session import CapturedPage, CaptureSession
from streams.clients.scanners.capabilities import Source
from streams.clients.scanners.scanner_driver import ScannerProblem
from streams.clients.station.capture_record import CaptureRecord
from streams.console import err

HELP = "Enter: scan. r: scan the last page again. k KIND, l LABEL: describe it. q: finish."
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
    finished: bool = field(default=False)

    def work(self) -> None:
        """Scan until the item has the wanted pages or the operator finishes."""
        self.session.ask = self._ask
        err.print(HELP)
        while not self.finished and (self.wanted is None or self._have() < self.wanted):
            answer = self._read(f"page {self.session.folder.next_ref(self.item)}")
            if answer == QUIT:
                return
            try:
                self._obey(answer)
            except (ScannerProblem, CaptureProblem) as problem:
                # The operator sees it and decides; complete pages are kept.
                err.print(str(problem), soft_wrap=True)
                err.print(f"  {problem.fix}", soft_wrap=True)

    def _have(self) -> int:
        return len(self.session.folder.pages(self.item))

    def _obey(self, answer: str) -> None:
        command, _, value = answer.partition(" ")
        if command == "":
            for page in self.session.capture(self.item, self._count()):
                self.show(page)
        elif command == "r" and self._have():
            self.show(self.session.recapture(self.item, self._last()))
        elif command == "k" and value in KINDS and self._have():
            last = self._last()
            self.session.folder.describe(self.item, last, value, last.labels)
        elif command == "l" and value and self._have():
            last = self._last()
            self.session.folder.describe(self.item, last, last.kind, [value])
        else:
            err.print(f"{HELP} Kinds: {', '.join(KINDS)}.")

    def _count(self) -> int | None:
        source = self.session.settings.source
        if not (source.is_feeder or source is Source.FOLDER):
            return 1
        return self.wanted - self._have() if self.wanted is not None else None

    def _last(self) -> CaptureRecord:
        return self.session.folder.pages(self.item)[-1]

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
