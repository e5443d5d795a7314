"""What every driver of scanners does, and how it reports a problem."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from processors.error_catalogue import fix_of
from streams.clients.scanners.capabilities import Capabilities, Device
from streams.clients.scanners.capture_settings import CaptureSettings

ALL = 100_000
"""A number of pages that no device has at once."""


class Reaction(Enum):
    """What a session does about a problem."""

    RETRY = "retry"
    """It passes by itself."""
    ASK = "ask"
    """A person has to act at the device."""
    STOP = "stop"
    """Another attempt would end in the same way."""
    EMPTY = "empty"
    """The feeder has no more paper."""


REACTIONS = {
    "scanner.busy": Reaction.RETRY,
    "scanner.io-failed": Reaction.RETRY,
    "scanner.no-memory": Reaction.RETRY,
    "scanner.timed-out": Reaction.RETRY,
    "scanner.image-incomplete": Reaction.RETRY,
    "scanner.jammed": Reaction.ASK,
    "scanner.cover-open": Reaction.ASK,
    "scanner.cancelled": Reaction.ASK,
    "scanner.feeder-empty": Reaction.EMPTY,
}
"""Reactions other than to stop, by code."""


class ScannerProblem(Exception):
    """A device or driver did not do what was asked; the code is in the error catalogue."""

    def __init__(self, code: str, found: str, **fills: object) -> None:
        super().__init__(f"{code}: {found}")
        self.code = code
        self.found = found
        self.fix = fix_of(code, **fills)

    @property
    def reaction(self) -> Reaction:
        """What to do about it."""
        return REACTIONS.get(self.code, Reaction.STOP)

    def document(self) -> dict[str, str]:
        """The same as JSON values."""
        return {"code": self.code, "found": self.found, "fix": self.fix}


@dataclass(frozen=True)
class ScannedPage:
    """A complete file of a page, which the session takes."""

    path: Path
    confirmed: dict[str, Any] = field(default_factory=dict)
    """The settings that the device confirmed."""
    item: str | None = None
    """The item to which the source assigns the page, if it does."""
    original_name: str | None = None
    file_name: str | None = None
    """The name that the page keeps; None: a name made from its number."""
    renamed_from: str | None = None
    """The original name of the page that has only got another name."""


class Scanner(Protocol):
    """A device that is ready to scan."""

    @property
    def device(self) -> Device:
        """The device with all that identifies it."""

    def capabilities(self) -> Capabilities:
        """What it can do. Raises ScannerProblem."""

    def prepare(self, settings: CaptureSettings) -> dict[str, Any]:
        """Check each value against what the device accepts, set it, and return the values that the
        device confirms. Raises ScannerProblem if one differs."""

    def resume(self, known: list[dict[str, Any]]) -> None:
        """Learn which pages the batch has already, as their records."""

    def sidecars(self) -> list[tuple[str | None, Path]]:
        """Files that go with the pages of an item."""

    def scan(self, settings: CaptureSettings, folder: Path, count: int) -> Iterator[ScannedPage]:
        """Up to `count` pages as complete files in a folder. Raises ScannerProblem."""


class ScannerDriver(Protocol):
    """A way to reach scanners."""

    name: str

    def devices(self) -> list[Device]:
        """The devices that can be found now. Raises ScannerProblem."""

    def open(self, name: str) -> Scanner:
        """The device with a name. Raises ScannerProblem."""
