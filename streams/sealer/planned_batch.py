"""The batch that the sealer is about to write to the topic, kept on disk until the next one.

After a crash the topic may have a batch that the log does not have yet. Records of this batch are
taken from there. The intake is read again from where the batch begins or ends, whatever offset the
broker has."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infra.files import read_json, write_atomic
from streams.transparency_log.merkle import leaf_hashes


@dataclass(frozen=True)
class PlannedBatch:
    """The leaf hashes of a batch, the number of its first event, and the part of the intake."""

    first_seq: int
    hashes: tuple[bytes, ...]
    next_intake: int
    """The offset behind the records of the intake that it is made of."""
    first_intake: int = 0
    """The offset of the first one; 0 in a file of an earlier version."""

    @property
    def end(self) -> int:
        """The number behind its last event."""
        return self.first_seq + len(self.hashes)

    def reached(self, next_seq: int) -> int:
        """Up to where the intake is read in a log that ends before this number: the broker wrote
        the batch and its offset in one transaction, or neither."""
        return self.next_intake if next_seq >= self.end else self.first_intake

    def has(self, seq: int, hash_of_leaf: bytes) -> bool:
        """Whether an event with this number and leaf is in the batch."""
        place = seq - self.first_seq
        return 0 <= place < len(self.hashes) and self.hashes[place] == hash_of_leaf


class PlanFile:
    """The file of the last planned batch."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> PlannedBatch | None:
        """The last planned batch; None in a home that never had one."""
        found = read_json(self._path)
        with suppress(KeyError, TypeError, ValueError):
            hashes = tuple(map(bytes.fromhex, found["hashes"]))
            first_seq, next_intake = int(found["first_seq"]), int(found["next_intake"])
            return PlannedBatch(first_seq, hashes, next_intake, int(found.get("first_intake", 0)))
        return None

    def write(
        self, first_seq: int, leaves: Sequence[bytes], intake: tuple[int, int] | None
    ) -> PlannedBatch:
        """Keep a batch durably. `intake` is the first offset that it reads and the one behind its
        last; without it, the batch is made of no records of the intake."""
        hashes = tuple(leaf_hashes(list(leaves)))
        first_intake, next_intake = intake or (self._reached(first_seq),) * 2
        batch = PlannedBatch(first_seq, hashes, next_intake, first_intake)
        document = vars(batch) | {"hashes": [one.hex() for one in hashes]}
        # With an indent, JSON is made by a slow encoder.
        write_atomic(self._path, json.dumps(document))
        return batch

    def _reached(self, next_seq: int) -> int:
        last = self.read()
        return last.reached(next_seq) if last else 0
