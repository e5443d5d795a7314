"""Remembers the digests of files, so that an interrupted run need not read them again."""

from collections.abc import Mapping
from typing import Protocol

from streams.clients.station.scan import DeliveredFile


class DigestMemory(Protocol):
    """Digests of files by algorithm; valid while size and modification time are the same."""

    def recall(self, file: DeliveredFile) -> Mapping[str, str]:
        """The known digests of a file."""
        ...

    def remember(self, file: DeliveredFile, digests: Mapping[str, str]) -> None:
        """Keep the digests of a file."""
        ...


class NoMemory:
    """Every file is read."""

    def recall(self, file: DeliveredFile) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def remember(self, file: DeliveredFile, digests: Mapping[str, str]) -> None:
        """Does nothing."""
