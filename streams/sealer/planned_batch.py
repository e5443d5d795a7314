"""The batch that the sealer is about to write to the topic, kept on disk until the next one.

After a crash the topic may have a batch that the log does not have yet. Only records of this batch
are taken from there: others with the next numbers are not from the sealer."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.files import read_json, write_json
from streams.transparency_log.merkle import leaf_hashes


@dataclass(frozen=True)
class PlannedBatch:
    """The leaf hashes of a batch, the number of its first event, and up to where it reads."""

    first_seq: int
    hashes: tuple[bytes, ...]
    next_intake: int
    reads_intake: bool = True
    """Whether it is made of records of the intake, so that its transaction moves the offset."""

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
            return PlannedBatch(first_seq, hashes, next_intake, bool(found["reads_intake"]))
        return None

    def write(
        self, first_seq: int, leaves: Sequence[bytes], next_intake: int | None
    ) -> PlannedBatch:
        """Keep a batch durably; without an offset of the intake, the last one remains."""
        reads_intake = next_intake is not None
        if next_intake is None:
            last = self.read()
            next_intake = last.next_intake if last else 0
        hashes = tuple(leaf_hashes(list(leaves)))
        batch = PlannedBatch(first_seq, hashes, next_intake, reads_intake)
        document = asdict(batch) | {"hashes": [one.hex() for one in batch.hashes]}
        write_json(self._path, document)
        return batch
