"""Who may upload, and whether there is space for it."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from infra.disk import NOTHING, Shortage, Space
from streams.ingest.open_uploads import OpenUploads
from streams.ingest.problems import Problem
from streams.ingest.upload_headers import Headers
from streams.kafka.client import STATION
from streams.known_senders import KnownSenders
from streams.settings import Settings
from streams.storage.disk_reserve import find_shortage

MOST_OPEN = 1000
"""Unfinished uploads of one sender."""
INODES = 8
"""Names that an upload may need until it is in the store."""
BEARER = "bearer "
FindShortage = Callable[[Space], Shortage | None]


def shortage_of(settings: Settings) -> FindShortage:
    """Finds the disk of a home that lacks space beside its reserve. Uploads are on a disk of the
    home also when the store is a bucket."""
    return lambda needed: find_shortage(settings.home, needed, settings.reserve)


@dataclass(frozen=True)
class Admission:
    """Decides whether a request may use `ingest`, and whether an upload fits."""

    senders: KnownSenders
    uploads: OpenUploads
    find_shortage: FindShortage
    most_bytes: int

    def sender(self, headers: Headers) -> str:
        """The station to whom the token of a request belongs. Raises Problem."""
        stated = headers.get("authorization", "")
        challenge = {"WWW-Authenticate": "Bearer"}
        if not stated.lower().startswith(BEARER):
            found = "The request has no Authorization: Bearer"
            raise Problem("upload.not-permitted", found, challenge)
        token = stated[len(BEARER) :].strip()
        known = self.senders.with_token(sha256(token.encode("utf-8", "replace")).hexdigest())
        if known is None or known.kind != STATION:
            found = "The upload token belongs to no station"
            raise Problem("upload.not-permitted", found, challenge)
        if known.revoked_at:
            found = f"The upload token of {known.sender} was revoked at {known.revoked_at}"
            raise Problem("upload.not-permitted", found, challenge)
        return known.sender

    def require_creation(self, sender: str, size_bytes: int) -> None:
        """Raise Problem unless the sender may create an upload of this length, and it fits beside
        the reserve and all that other uploads will still write."""
        if size_bytes > self.most_bytes:
            found = f"Upload-Length is {size_bytes}, at most {self.most_bytes}"
            raise Problem("upload.too-long", found, {"Tus-Max-Size": str(self.most_bytes)})
        if self.uploads.of(sender) >= MOST_OPEN:
            found = f"{sender} has {MOST_OPEN} unfinished uploads"
            raise Problem("upload.too-many", found)
        reserved = self.uploads.reserved_bytes() + size_bytes
        self.require_space(Space(reserved, INODES * (len(self.uploads) + 1)))

    def shortage(self) -> str | None:
        """Why no upload is accepted at this moment; None if uploads are."""
        found = self.find_shortage(NOTHING)
        return str(found) if found else None

    def require_space(self, needed: Space) -> None:
        """Raise Problem unless this much fits beside the reserve."""
        shortage = self.find_shortage(needed)
        if shortage is not None:
            raise Problem("disk.no-space", str(shortage), disk=shortage.disk)
