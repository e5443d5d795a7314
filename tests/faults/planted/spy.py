"""Sees what is on disk when something is told: a spy of fsync and link."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.faults.checkers.finding import Finding
from tests.faults.planted.broker import Broker

CHECKER = "spy"


class Spy:
    """Notes what was made durable. The disk itself is spared: nothing here outlives the test."""

    def __init__(self, patch: pytest.MonkeyPatch, broker: Broker) -> None:
        self.findings: set[Finding] = set()
        self._durable: set[int] = set()
        self._entries: set[Path] = set()
        self._link, self._append = os.link, broker.append
        patch.setattr(os, "fsync", self._fsync)
        patch.setattr(os, "link", self._linked)
        patch.setattr(broker, "append", self._told)

    def _fsync(self, handle: int) -> None:
        number = os.fstat(handle).st_ino
        self._durable.add(number)
        self._entries = {path for path in self._entries if path.parent.stat().st_ino != number}

    def _linked(self, source: Path, target: Path) -> None:
        """A file gets its name."""
        if os.stat(source).st_ino not in self._durable:
            self._found("file.not-durable", target)
        self._link(source, target)
        self._entries.add(Path(target))

    def _told(self, topic: str, *rest: Any) -> Any:
        """Something is told to the broker."""
        for path in self._entries:
            self._found("name.not-durable", path)
        return self._append(topic, *rest)

    def _found(self, rule: str, path: Path) -> None:
        area = Path(path).parts[-4] if len(Path(path).parts) > 3 else str(path)
        self.findings.add(Finding(CHECKER, rule, area, "told of before it was on disk"))
