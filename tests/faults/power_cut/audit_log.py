"""The transparency log on a disk whose power is cut: it is written beside objects, and judged.

As the sealer does, the writer keeps what it is about to write, and the part of the intake, before it
appends: each entry is one record of the intake."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

from streams.sealer.planned_batch import PlanFile
from streams.sealer.sealed_log import PLAN
from streams.transparency_log import log_store
from streams.transparency_log.checkpoint import ForkRefused, require_continuation
from streams.transparency_log.checkpoint_files import CheckpointFiles, publish
from streams.transparency_log.log_store import LogStore
from streams.transparency_log.merkle import leaf_hashes, root_of
from streams.transparency_log.note import SignerKey
from streams.transparency_log.tiles import DamagedLog

FOLDER = "audit-log"
LEAVES = f"{FOLDER}/leaves"
SIGNED = f"{FOLDER}/signed"
SIGNER = SignerKey("copystand/power-cut/audit", bytes(32))
MOST_LEAVES = 200


def leaf(index: int) -> bytes:
    """What every run has at an index."""
    return f"{index}:".encode() * (1 + index % 9)


class WrittenLog:
    """The log that a writer appends to."""

    def __init__(self, home: Path) -> None:
        # Shorter than usual, so that the change to a new journal is cut too.
        log_store.LEAVES_OF_A_JOURNAL = 512
        self._store = LogStore(home / FOLDER)
        self._checkpoints = CheckpointFiles(home / FOLDER)
        self._plan = PlanFile(home / PLAN)

    def append(self, chance: Random) -> int:
        """Some leaves more; the size that is on disk."""
        first = self._store.size
        more = range(first, first + chance.randrange(1, MOST_LEAVES))
        leaves = [leaf(index) for index in more]
        self._plan.write(first, leaves, (first, more.stop))
        return self._store.append(leaves)

    def sign(self) -> int:
        """A checkpoint; its size."""
        return publish(self._store, self._checkpoints, SIGNER).size

    def close(self) -> None:
        """Let another process open the log."""
        self._store.close()


def log_faults(home: Path, promised: dict[str, str]) -> list[str]:
    """What is wrong with a log after the power was cut."""
    size, signed = int(promised.get(LEAVES, 0)), int(promised.get(SIGNED, 0))
    if not (home / FOLDER).is_dir():
        return ["the audit log is gone"] if size else []
    try:
        store, checkpoints = LogStore(home / FOLDER), CheckpointFiles(home / FOLDER)
        leaves = list(store.leaves())
        require_continuation(store, checkpoints.newest)
    except (DamagedLog, ForkRefused) as bad:
        return [f"the audit log is damaged: {bad}"]
    kept = checkpoints.newest.size if checkpoints.newest else 0
    wrong = [f"entry {store.size} of the audit log is gone"] if store.size < size else []
    wrong += ["a checkpoint of the audit log is gone"] if kept < signed else []
    if leaves != [leaf(index) for index in range(store.size)]:
        wrong.append("the audit log has other entries")
    if store.root() != root_of(leaf_hashes(leaves)):
        wrong.append("the audit log has another root")
    wrong += _plan_faults(home, leaf_hashes(leaves))
    store.close()
    return wrong


def _plan_faults(home: Path, hashes: Sequence[bytes]) -> list[str]:
    """What is wrong with the plan of the last batch: no entry is in the log before its plan."""
    size = len(hashes)
    planned = PlanFile(home / PLAN).read()
    if planned is None:
        return ["the plan of the last batch is gone"] if size else []
    if not planned.first_seq <= size <= planned.end:
        return [f"the plan is of {planned.first_seq} to {planned.end}, the log ends at {size}"]
    in_log = range(planned.first_seq, size)
    wrong = (
        [] if all(planned.has(at, hashes[at]) for at in in_log) else ["the plan has other hashes"]
    )
    if (planned.first_intake, planned.next_intake) != (planned.first_seq, planned.end):
        wrong.append(
            f"the plan is of {planned.first_intake} to {planned.next_intake} of the intake"
        )
    return wrong
