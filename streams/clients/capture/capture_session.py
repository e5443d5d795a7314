"""Scans the pages of an item: page by page, each complete, checked and durable before the next."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from infra.files import fsync_file
from processors.header_check import complete_header
from processors.profile import Profile
from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.captured_page import NEXT_PLACE, CapturedPage, Place
from streams.clients.capture.item_folders import FIRST_ITEM, item_folder
from streams.clients.capture.measuring import Measuring
from streams.clients.capture.page_check import CheckedPage, check_page
from streams.clients.capture.page_record import Circumstances, page_record
from streams.clients.capture.preview import make_preview
from streams.clients.capture.separator_sheet import SeparatorSheet
from streams.clients.capture.separators import Separators
from streams.clients.capture.settings_check import check_settings
from streams.clients.capture.target_measuring import TargetMeasuring
from streams.clients.scanners.capabilities import Source
from streams.clients.scanners.capture_settings import CaptureSettings
from streams.clients.scanners.scanner_driver import (
    ALL,
    Reaction,
    ScannedPage,
    Scanner,
    ScannerProblem,
)
from streams.clients.scanners.watch_files import item_of
from streams.clients.station.capture_record import (
    SEPARATOR,
    CaptureRecord,
    record_path,
)

ATTEMPTS, ATTEMPTS_WHEN_SILENT = 3, 2
"""How often a page is tried when the problem may pass by itself; each silence takes minutes."""
FIRST_PAUSE_SECONDS = 0.5
SHEET_HAS_PASSED = ("scanner.image-incomplete", "scanner.io-failed", "scanner.timed-out")
"""Problems after which a feeder goes on with the next sheet, so that a page would be missing."""
Ask = Callable[[ScannerProblem], bool]
"""Asks a person to act; returns whether to try again."""


def never_ask(_: ScannerProblem) -> bool:
    """Nobody is there to act."""
    return False


@dataclass
class CaptureSession:
    """Everything that the captures of one command have in common."""

    folder: CaptureFolder
    scanner: Scanner
    settings: CaptureSettings
    profile: Profile
    operator: str | None = None
    kind: str = "page"
    """Kind of the new pages; a separator sheet can state another one."""
    ask: Ask = never_ask
    pause: Callable[[float], None] = time.sleep
    notice: Callable[[ScannerProblem], None] = field(default=lambda _: None)
    """Called with each problem before the next attempt."""
    separators: Separators | None = None
    """Looks for separator sheets, if there are any."""
    separated: Callable[[SeparatorSheet], None] = field(default=lambda _: None)
    """Called with each separator sheet that is kept."""
    charts: Path | None = None
    """The institution's own profiles, with its charts."""
    _confirmed: dict[str, Any] | None = None
    _first_item: str = FIRST_ITEM
    _measuring: Measuring = field(init=False)

    def __post_init__(self) -> None:
        """Measures pages of this batch."""
        self._measuring = Measuring(self.folder)

    @property
    def targets(self) -> TargetMeasuring:
        """Measures the colour targets of this session."""
        return TargetMeasuring(self.profile.target, self.charts)

    def capture(
        self, item: str, count: int | None, place: Place = NEXT_PLACE
    ) -> Iterator[CapturedPage]:
        """Scan `count` pages into a place of an item, or all that the feeder has.

        Raises ScannerProblem and CaptureProblem; the pages before it are kept."""
        self._first_item = item
        done, attempt = 0, 0
        if place != NEXT_PLACE and self.settings.source is Source.FOLDER:
            raise CaptureProblem("capture.order-of-names", f"{item}: {self.scanner.device.name}")
        while count is None or done < count:
            wanted = count - done if count is not None else ALL
            began = done
            try:
                for page in self._load(item, wanted, place):
                    done, attempt, place = done + 1, 0, place.after(page.record)
                    yield page
            except ScannerProblem as problem:
                some = done or (self.separators is not None and self.separators.seen)
                if problem.reaction is Reaction.EMPTY and count is None and some:
                    return
                attempt = attempt + 1 if done == began else 1
                self._react(problem, attempt, loaded=done > began)
            else:
                # A watched folder decides by itself when it is done.
                if count is None or self.settings.source is Source.FOLDER:
                    return

    def recapture(self, item: str, record: CaptureRecord) -> CapturedPage:
        """Scan a page again in place of an earlier capture of it."""
        (page,) = self.capture(item, 1, Place(replaced=record))
        return page

    def _react(self, problem: ScannerProblem, attempt: int, *, loaded: bool) -> None:
        """Returns to try again, or raises the problem."""
        self._confirmed = None
        self.notice(problem)
        reaction = problem.reaction
        if self.settings.source.is_feeder and problem.code in SHEET_HAS_PASSED:
            reaction = Reaction.ASK
        if reaction is Reaction.EMPTY and loaded and self.ask is never_ask:
            return  # The next load may already be there; if it is not, the device says so.
        attempts = ATTEMPTS_WHEN_SILENT if problem.code == "scanner.timed-out" else ATTEMPTS
        if reaction is Reaction.RETRY and attempt < attempts:
            self.pause(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
            return
        if reaction is not Reaction.STOP and self.ask(problem):
            return
        raise problem

    def _load(self, item: str, count: int, place: Place) -> Iterator[CapturedPage]:
        """The pages of one start of the device, which confirms its settings at first and after each
        problem."""
        if self._confirmed is None:
            confirmed = self.scanner.prepare(self.settings)
            check_settings(self.settings, confirmed, self.profile)
            self._confirmed = confirmed
        folder = self.folder.work / "load"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for scanned in self.scanner.scan(self.settings, folder, count):
            if self.separators is not None:
                if self._is_separator(scanned, self.separators):
                    continue
                item = self.separators.item
            name = item_folder(self.folder, scanned.item) if scanned.item else item
            page = self.keep(name, scanned, place)
            place = place.after(page.record)
            yield page

    def _is_separator(self, scanned: ScannedPage, separators: Separators) -> bool:
        """Whether a scanned file is a separator sheet, which is then kept and obeyed."""
        sheet = separators.sheet_on(scanned.path)
        complete = complete_header(scanned.path)
        if sheet is None or isinstance(complete, str):
            return False
        self.folder = separators.begin(self.folder, sheet)
        # A sheet need not keep the profile of the pages.
        checked = CheckedPage(*complete, ())
        ref = self.folder.next_ref(separators.item)
        record = self._record(scanned, checked, (ref, f"{ref}{checked.extension}"), None)
        record = replace(record, state=SEPARATOR, separator=sheet.payload())
        self.folder.keep_separator(separators.item, scanned.path, record)
        self.separated(sheet)
        return True

    def keep(self, item: str, scanned: ScannedPage, place: Place = NEXT_PLACE) -> CapturedPage:
        """Check a scanned file and make it a page of an item."""
        checked = check_page(scanned.path, self.profile, self.settings, self.scanner.device.driver)
        replaced = place.replaced
        if scanned.file_name is not None:
            replaced = self._renamed(item, scanned) or self.folder.find(item, scanned.file_name)
        ref = replaced.ref if replaced else self.folder.next_ref(item)
        file = scanned.file_name or f"{ref}{checked.extension}"
        if replaced is not None and replaced.has_file and replaced.file != file:
            found = f"{file} cannot replace {replaced.file}: it has another format"
            raise CaptureProblem("capture.page-refused", found)
        ref = ref if scanned.file_name is None else Path(file).stem
        record = self._record(scanned, checked, (ref, file), replaced)
        if replaced is None:
            record = replace(record, kind=self.kind)
        if self.separators is not None and place == NEXT_PLACE:
            record = self.separators.described(record)
        if place.follows is not None:
            record = replace(record, follows=place.follows)
        record = self._measuring.measured(item, scanned.path, checked, record)
        record = self.targets.measured(record, scanned.path)
        path = self.folder.keep(item, scanned.path, record)
        record = CaptureRecord.read(record_path(path)) or record
        target = self.folder.previews / item / ref
        preview = make_preview(path, checked.family, checked.header, target)
        return CapturedPage(item, path, preview, record, checked)

    def _renamed(self, item: str, scanned: ScannedPage) -> CaptureRecord | None:
        """The record of a page whose source has got another name, with the new name."""
        former = scanned.renamed_from
        if former is None:
            return None
        above = item_of(former)
        old = item_folder(self.folder, above) if above else self._first_item
        record = self.folder.find(old, PurePosixPath(former).name)
        if record is None:
            return None
        self._measuring.forget()
        return self.folder.rename(old, record, item, str(scanned.file_name))

    def take_sidecars(self, first_item: str) -> None:
        """Copy the files that go with the pages into the folders of their items."""
        has_pages = bool(self.folder.pages(first_item))
        for item, source in self.scanner.sidecars():
            if item is not None:
                target = self.folder.files / item_folder(self.folder, item)
            else:
                target = self.folder.files / first_item if has_pages else self.folder.files
            draft = self.folder.work / "sidecar"
            shutil.copyfile(source, draft)
            fsync_file(draft)
            draft.replace(target / source.name)

    def _record(
        self,
        scanned: ScannedPage,
        checked: CheckedPage,
        name: tuple[str, str],
        replaced: CaptureRecord | None,
    ) -> CaptureRecord:
        circumstances = Circumstances(
            self.scanner.device,
            self.settings,
            self.profile.name,
            self.operator,
            {**(self._confirmed or {}), **scanned.confirmed},
        )
        return page_record(scanned, checked, name, circumstances, replaced)
