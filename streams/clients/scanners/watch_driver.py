"""A folder that software of a vendor writes to: each file is taken once, when it is complete."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from processors.header_check import complete_header
from streams.clients.scanners.capabilities import (
    Capabilities,
    ColourMode,
    Device,
    Source,
    SourceCapabilities,
    Steps,
)
from streams.clients.scanners.capture_settings import CaptureSettings
from streams.clients.scanners.scanner_driver import ALL, ScannedPage, ScannerProblem
from streams.clients.scanners.watch_files import (
    State,
    WatchFiles,
    is_image,
    item_of,
    state_of,
)

POLL_SECONDS = 0.2
BLOCK_BYTES = 1024**2
ALL_MODES = (
    (ColourMode.BITONAL, 1),
    *((mode, bits) for mode in (ColourMode.GREYSCALE, ColourMode.RGB) for bits in (8, 16)),
)


class WatchDriver:
    """Opens folders."""

    name = "watch"

    def __init__(self, settle_seconds: float, idle_seconds: float) -> None:
        """`idle_seconds`: without a new file for this long, a scan ends."""
        self._settle, self._idle = settle_seconds, idle_seconds

    def devices(self) -> list[Device]:
        """None: a folder is named, not found."""
        return []

    def open(self, name: str) -> "WatchScanner":
        """The folder with a path. Raises ScannerProblem."""
        folder = Path(name)
        if not folder.is_dir():
            raise ScannerProblem("scanner.not-found", f"{name} is not a folder")
        return WatchScanner(folder.resolve(), self._settle, self._idle)


@dataclass(frozen=True)
class Taken:
    """A file that was taken: its state then, and its digest."""

    size_bytes: int
    modified_ns: int
    sha256: str

    def is_state(self, state: State) -> bool:
        """Whether a file still has the size and time that it had then."""
        return state[1:] == (self.size_bytes, self.modified_ns)


class WatchScanner:
    """One watched folder."""

    def __init__(
        self,
        folder: Path,
        settle_seconds: float,
        idle_seconds: float,
        now: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        address = str(folder)
        self.device = Device("watch", address, serial=address, driver_version="watch 1")
        self._folder, self._idle = folder, idle_seconds
        self._now, self._pause = now, pause
        self._files = WatchFiles(folder, settle_seconds, now)
        self._taken: dict[str, Taken] = {}
        self._incomplete: dict[str, tuple[State, str]] = {}

    def capabilities(self) -> Capabilities:
        """Everything: the vendor's software decides, and each page is checked."""
        formats = ("tiff", "bigtiff", "jpeg", "png")
        any_dpi = Steps(1, 100_000)
        return Capabilities((SourceCapabilities(Source.FOLDER, ALL_MODES, any_dpi, formats),))

    def prepare(self, settings: CaptureSettings) -> dict[str, Any]:
        """Nothing is confirmed before a page is there."""
        return {}

    def resume(self, known: list[dict[str, Any]]) -> None:
        """Learn which files were taken before, from the records of their pages."""
        for record in known:
            name, confirmed = record.get("original_name"), record.get("confirmed", {})
            if name and "source_modified_ns" in confirmed:
                self._taken[name] = Taken(
                    confirmed["source_size_bytes"],
                    confirmed["source_modified_ns"],
                    record["sha256"],
                )

    def scan(self, settings: CaptureSettings, folder: Path, count: int) -> Iterator[ScannedPage]:
        """Each new file when it is complete and still, until `count` are there or none comes.

        Raises ScannerProblem when files stay incomplete."""
        new, last = 0, self._now()
        while new < count:
            found = False
            for name, state in self._ready():
                page = self._take(name, state, folder)
                if page is None:
                    continue
                found, last = True, self._now()
                is_new = name not in self._taken and page.renamed_from is None
                yield page
                self._remember(name, page)
                new += is_new
                if new >= count:
                    return
            last = max(last, self._files.last_change)
            if not found and self._now() - last > self._idle:
                break
            self._pause(POLL_SECONDS)
        self._report(new, count)

    def sidecars(self) -> list[tuple[str | None, Path]]:
        """The files that are not images, each with its item; those that still change are left."""
        still = self._files.look()
        return [
            (item_of(name), self._folder / name) for name in sorted(still) if not is_image(name)
        ]

    def _ready(self) -> list[tuple[str, State]]:
        """Images that are still and not taken in this state, in the order of their names."""
        try:
            still = self._files.look()
        except OSError as failed:
            found = f"{self._folder}: {failed.strerror or failed}"
            raise ScannerProblem("scanner.not-found", found) from failed
        ready = [
            (name, state)
            for name, state in still.items()
            if is_image(name)
            and not (name in self._taken and self._taken[name].is_state(state))
            and self._incomplete.get(name, (None, ""))[0] != state
        ]
        return sorted(ready)

    def _take(self, name: str, state: State, folder: Path) -> ScannedPage | None:
        """A copy of a file, or None if it is incomplete, changes, or is already taken."""
        path = self._folder / name
        try:
            missing = complete_header(path)
            if isinstance(missing, str):
                self._incomplete[name] = (state, missing)
                return None
            target = folder / f"taken-{len(self._taken):06d}"
            digest = _copied(path, target, state)
        except (OSError, ValueError):
            digest = None
        if digest is None:
            self._files.touch(name)
            return None
        self._incomplete.pop(name, None)
        if name in self._taken and self._taken[name].sha256 == digest:
            # Written again with the same content.
            self._taken[name] = Taken(state[1], state[2], digest)
            target.unlink()
            return None
        return self._page(name, state, target, digest)

    def _page(self, name: str, state: State, target: Path, digest: str) -> ScannedPage:
        source = {"source_size_bytes": state[1], "source_modified_ns": state[2], "sha256": digest}
        return ScannedPage(
            target,
            source,
            item=item_of(name),
            original_name=name,
            file_name=PurePosixPath(name).name,
            renamed_from=self._former_name(name, state, digest),
        )

    def _former_name(self, name: str, state: State, digest: str) -> str | None:
        """The name under which the same file was taken, if nothing has that name any more.

        A renamed file keeps its time; another file with the same content has one of its own."""
        for other, taken in self._taken.items():
            same = taken.sha256 == digest and taken.is_state(state)
            if same and other != name and other not in self._files.names:
                return other
        return None

    def _remember(self, name: str, page: ScannedPage) -> None:
        if page.renamed_from is not None:
            self._taken.pop(page.renamed_from, None)
        confirmed = page.confirmed
        self._taken[name] = Taken(
            confirmed["source_size_bytes"], confirmed["source_modified_ns"], confirmed["sha256"]
        )

    def _report(self, new: int, count: int) -> None:
        left = {
            name: why for name, (_, why) in self._incomplete.items() if name in self._files.names
        }
        if left:
            listed = "; ".join(f"{name}: {why}" for name, why in sorted(left.items()))
            raise ScannerProblem("capture.file-not-ready", listed)
        if new < count < ALL:
            found = f"{new} of {count} pages, then no new file for {self._idle:g} s"
            raise ScannerProblem("capture.files-missing", found)


def _copied(path: Path, target: Path, state: State) -> str | None:
    """The SHA-256 of a copy, or None if the file was not the same before and after."""
    digest = hashlib.sha256()
    with path.open("rb") as source, target.open("wb") as copy:
        if state_of(os.fstat(source.fileno())) != state:
            return None
        while block := source.read(BLOCK_BYTES):
            digest.update(block)
            copy.write(block)
        same = state_of(os.fstat(source.fileno())) == state
    return digest.hexdigest() if same and state_of(path.stat()) == state else None
