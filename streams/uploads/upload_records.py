"""The upload records of the store, as the router and the tracker verify them."""

from datetime import datetime

from processors.tools import Storage
from schemas.models import FileRef
from streams.known_senders import KnownSenders, Partition
from streams.uploads.upload_record import UploadRecord, record_key

WITHOUT_RECORD = "file.without-upload-record"
INGEST = "ingest"
"""The sender whose key signs what stations upload by HTTP."""


class UploadRecords:
    """Finds out whether a sender stored what it names."""

    def __init__(self, known: KnownSenders, storage: Storage) -> None:
        self._known, self._storage = known, storage
        self._needed = known.records_needed()

    def is_older(self, partition: Partition, offset: int) -> bool:
        """Whether a message is from a version without records, so that it needs none."""
        return offset < self._needed.offsets.get(partition, 0)

    def is_before(self, at: datetime) -> bool:
        """Whether a time of this line is before its first start of a version with records."""
        return at < self._needed.since

    def why_unproven(self, sender: str, file: FileRef, key_id: str | None = None) -> str | None:
        """What is found where a record should be; None when the sender proved that it stored a
        file. `key_id` is the key of the sender, by default each of its keys.

        Raises StorageError."""
        own = [key_id] if key_id else [one.key_id for one in self._known.active(sender)]
        found = f"The store has no upload record of {sender} for {file.key}"
        for signer in (*own, *(one.key_id for one in self._known.active(INGEST))):
            content = self._storage.get(record_key(sender, signer, file.sha256))
            if content is None:
                continue
            wrong = self._fault(content, sender, signer, file)
            if wrong is None:
                return None
            found = f"The upload record of {sender} for {file.key} {wrong}"
        return found

    def _fault(self, content: bytes, sender: str, signer: str, file: FileRef) -> str | None:
        """What is wrong with the content of a record."""
        record, known = UploadRecord.from_bytes(content), self._known.find(signer)
        if record is None:
            return "is unreadable"
        expected = (sender, signer, file.sha256, file.size_bytes)
        if (record.sender, record.key_id, record.sha256, record.size_bytes) != expected:
            return "is about another sender, key, digest or size"
        if known is None or known.revoked_at or known.sender not in (sender, INGEST):
            return (
                f"is signed with the key {signer}, which is unknown, revoked or of another sender"
            )
        return None if record.is_signed_by(known.public_key) else "has a wrong signature"
