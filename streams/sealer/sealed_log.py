"""The sealed events of this home on disk, as leaves of the tree that checkpoints sign."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from streams.audit.sealed_record import SealedRecord, record_of
from streams.runtime.run_loop import CannotContinue
from streams.sealer.log_order import LogRecord
from streams.sealer.planned_batch import PlanFile
from streams.sealer.record_proofs import is_proven
from streams.transparency_log.log_store import LogInUse, LogStore
from streams.transparency_log.merkle import leaf_hash
from streams.transparency_log.tiles import DamagedLog, Tree

PLAN = "planned.json"
"""The file of the last planned batch, beside the folder of the log."""
PORTION = 500
"""Records that are published again in one transaction."""


class SealedLog:
    """What was sealed; the topic must have the same."""

    def __init__(self, store: LogStore) -> None:
        self.store = store
        self._tree: Tree | None = None
        self._plan_file = PlanFile(store.folder.parent / PLAN)
        self._planned = self._plan_file.read()
        self._leaves: list[bytes] = []
        """Those of the planned batch, until they are added."""
        self._proof_key: Callable[[], bytes] = lambda: b""

    @property
    def size(self) -> int:
        """How many events are in it; the next seq."""
        return self.store.size

    @property
    def last_sealed_at(self) -> int:
        """The time of the last event in microseconds; 0 without events."""
        return record_of(self.store.leaf(self.size - 1)).seal.sealed_at if self.size else 0

    def plan(self, records: Sequence[SealedRecord], intake: tuple[int, int] | None) -> None:
        """Keep on disk what is about to be written to the topic. Raises OSError."""
        self._leaves = [record.leaf for record in records]
        self._planned = self._plan_file.write(self.size, self._leaves, intake)

    def trust(self, proof_key: Callable[[], bytes]) -> None:
        """Take from the topic, beyond this log, records with a proof of this key: an earlier sealer
        wrote them, if the home is older than the topic, such as after a restore from a backup."""
        self._proof_key = proof_key

    def read_plan(self) -> None:
        """Expect on the topic the batch that was planned last."""
        self._planned = self._plan_file.read()

    def intake_end(self) -> int | None:
        """Up to where the intake is certainly sealed; None in a home that never had a plan."""
        return self._planned.reached(self.size) if self._planned else None

    def append_planned(self) -> None:
        """Add the events that were planned last; they are on disk when this returns. Raises
        OSError."""
        leaves, self._leaves = self._leaves, []
        self._tree = None
        assert self._planned is not None and self._planned.first_seq == self.size
        self.store.append(leaves, self._planned.hashes)

    def append(self, records: Iterable[SealedRecord]) -> None:
        """Add events; they are on disk when this returns. Raises OSError."""
        self._tree = None
        self.store.append([record.leaf for record in records])

    def add_missing(self, records: Sequence[LogRecord]) -> None:
        """Add those records of the topic that this log does not have yet. Raises OSError."""
        self.append(_sealed(one) for one in records if one.seal.seq >= self.size)

    def agrees(self, record: LogRecord) -> bool:
        """Whether a record of the topic is what was sealed under its seq. If this log does not have
        the seq, the sealer died after a transaction, it has just begun this log, or the log is
        older than the topic. Then the record must be of the planned batch, or have a proof."""
        seq, leaf = record.seal.seq, _sealed(record).leaf
        if seq >= self.size:
            return self._is_ours(seq, leaf, record.proof)
        if self._tree is None:
            self._tree = self.store.tree()
        return self._tree.leaf_hash(seq) == leaf_hash(leaf)

    def _is_ours(self, seq: int, leaf: bytes, proof: bytes) -> bool:
        if self._planned is None or self._planned.has(seq, leaf_hash(leaf)):
            return True
        if seq < self._planned.first_seq and not proof:
            return True  # of a version without proofs, and the log is older than its last batch
        return is_proven(leaf, proof, self._proof_key())

    def portions(self, start: int) -> Iterator[list[SealedRecord]]:
        """All records from a seq on, in portions."""
        leaves = self.store.leaves(start)
        while portion := [record_of(leaf) for leaf in islice(leaves, PORTION)]:
            yield portion


def open_sealed_log(folder: Path) -> SealedLog:
    """The log in a folder, which is made if it is not there. Raises CannotContinue."""
    try:
        return SealedLog(LogStore(folder))
    except LogInUse as used:
        raise CannotContinue(f"another sealer runs in this home: {used}") from None
    except DamagedLog as damaged:
        raise CannotContinue(
            f"the sealed log in {folder} is damaged: {damaged}. Nothing is sealed. Restore the"
            " folder from a backup."
        ) from None


def _sealed(record: LogRecord) -> SealedRecord:
    return SealedRecord(record.event.event_id, record.event.value, record.seal)
