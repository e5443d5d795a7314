"""An upload record: the signed statement that a sender stored a file, or all files of a manifest
(docs/contract.md §9)."""

import base64
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from processors.tools import Area, Storage
from schemas.models import FileRef
from streams.signatures import SigningKey, is_signed_by, with_lengths

DOMAIN = b"copystand.upload.v1"
"""First part of the signed bytes: no signature of a message is one of a record."""
FORM = "copystand-upload-1"
FOLDER = f"{Area.STAGING}/records"
MOST_BYTES = 10_000
"""A longer object is not a record."""


@dataclass(frozen=True)
class UploadRecord:
    """A record as it is in the store."""

    sender: str
    key_id: str
    sha256: str
    size_bytes: int
    stored_at: str
    signature: bytes
    form: str = FORM

    @classmethod
    def signed(cls, key: SigningKey, sender: str, file: FileRef, now: datetime) -> "UploadRecord":
        """The record that a sender stored a file, signed with a key."""
        stated = (sender, key.key_id, file.sha256, file.size_bytes, now.isoformat())
        return cls(*stated, signature=key.sign(_signed_bytes(*stated)))

    @classmethod
    def from_bytes(cls, content: bytes) -> "UploadRecord | None":
        """The record in an object of the store; None for anything else."""
        if len(content) > MOST_BYTES:
            return None
        try:
            document = json.loads(content)
            signature = base64.b64decode(document["signature"], validate=True)
            record = cls(**{**document, "signature": signature})
        except (KeyError, TypeError, ValueError, RecursionError):
            return None
        texts = (record.sender, record.key_id, record.sha256, record.stored_at, record.form)
        well_formed = all(isinstance(one, str) for one in texts) and record.form == FORM
        return record if well_formed and type(record.size_bytes) is int else None

    def to_bytes(self) -> bytes:
        """The record as JSON."""
        document = asdict(self) | {"signature": base64.b64encode(self.signature).decode()}
        return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()

    def is_signed_by(self, public_key: bytes) -> bool:
        """Whether its signature is right."""
        stated = (self.sender, self.key_id, self.sha256, self.size_bytes, self.stored_at)
        return is_signed_by(public_key, _signed_bytes(*stated), self.signature)


def _signed_bytes(sender: str, key_id: str, sha256: str, size_bytes: int, stored_at: str) -> bytes:
    texts = (sender, key_id, sha256, str(size_bytes), stored_at)
    return with_lengths(DOMAIN, *(text.encode("utf-8", "surrogatepass") for text in texts))


def record_key(sender: str, key_id: str, sha256: str) -> str:
    """The key of a record in the store."""
    return f"{FOLDER}/{sender}/{key_id}/{sha256[:2]}/{sha256}"


def write_record(
    storage: Storage,
    key: SigningKey,
    file: FileRef,
    sender: str | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Store the record that a sender stored a file, or all files of a manifest, unless the store
    has it. Without a sender it is the owner of the key. Raises StorageError."""
    record = UploadRecord.signed(key, sender or key.sender, file, clock())
    storage.put_new(record_key(record.sender, key.key_id, file.sha256), record.to_bytes())
