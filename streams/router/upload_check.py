"""Checks that the sender of a batch stored the files that its manifest names."""

from contextlib import suppress

from processors.outcome import Rejected, rejected
from schemas import ids
from schemas.codec import Undecodable, decode
from schemas.models import BatchSubmitted
from streams.execution.facts import Work
from streams.execution.receipts import DamagedReceipt, Receipts
from streams.uploads.upload_records import WITHOUT_RECORD, UploadRecords


class UploadCheck:
    """Refuses a batch whose manifest has no upload record of the batch's sender."""

    def __init__(self, records: UploadRecords, receipts: Receipts) -> None:
        self._records, self._receipts = records, receipts

    def __call__(self, work: Work) -> Rejected | None:
        """Why a message that is well-formed is refused. Raises StorageError."""
        sender, key_id = work.message.header("sender"), work.message.header("key_id")
        # Only a message of a version without signatures has no sender here.
        if not isinstance(work.fact, BatchSubmitted) or not sender or self._is_older(work):
            return None
        manifest = next(file for file in work.fact.files if file.use == "manifest")
        found = self._records.why_unproven(sender, manifest, key_id)
        return rejected(WITHOUT_RECORD, found, "manifest") if found else None

    def _is_older(self, work: Work) -> bool:
        """Whether the message was submitted to a version without upload records."""
        message = work.message
        if message.header("step") is None:
            partition = (message.topic, message.partition)
            return self._records.is_older(partition, message.offset)
        # It is repeated: the time of its first answer says when it came.
        first = ids.work_id(work.head.event_id, work.step.name)
        with suppress(DamagedReceipt, Undecodable):
            answers = self._receipts.find(work.head.batch_id, first, 1) or ()
            return any(
                self._records.is_before(decode(one.value).head.occurred_at) for one in answers[:1]
            )
        return False
