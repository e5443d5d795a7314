"""Keeps objects, receipts and entries of the audit log in a home without end; each that is promised
is told to a log outside."""

import os
import random
import sys
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from processors.tools import Area
from streams.execution.receipts import Receipts
from streams.kafka.messages import Outgoing
from streams.storage import local
from streams.storage.local import LocalStorage
from tests.faults.power_cut.audit_log import LEAVES, SIGNED, WrittenLog

MOST_BYTES = 24_000


def write(home: Path, log: Path, seed: int) -> None:
    """Two objects, a receipt and entries in each round; packages are taken over as one object is."""
    chance, storage = random.Random(seed), LocalStorage(home)
    receipts, scratch = Receipts(storage), home / "package.tar"
    told, written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), WrittenLog(home)
    while True:
        content = chance.randbytes(chance.randrange(1, MOST_BYTES))
        kept = storage.keep(content, area=Area.MASTERS, use="master", media_type="image/tiff")
        _tell(told, kept.key, content)
        content = chance.randbytes(chance.randrange(1, MOST_BYTES))
        scratch.write_bytes(content)
        kept = storage.keep(
            scratch, area=Area.PACKAGES, use="package", media_type="application/x-tar", move=True
        )
        _tell(told, kept.key, content)
        work_id = str(UUID(bytes=chance.randbytes(16), version=5))
        receipts.keep("batch-1", work_id, None, [Outgoing("topic", "key", content[:4000])])
        key = f"receipts/batch-1/{work_id[:2]}/{work_id}"
        _tell(told, key, storage.get(key) or b"")
        os.write(told, f"{LEAVES} {written.append(chance)}\n".encode())
        if chance.random() < 0.3:
            os.write(told, f"{SIGNED} {written.sign()}\n".encode())


def _tell(log: int, key: str, content: bytes) -> None:
    os.write(log, f"{key} {sha256(content).hexdigest()}\n".encode())


def promised(log: Path) -> dict[str, str]:
    """Every key in the log and the digest of what is under it, and the sizes of the audit log.

    A last line in part is none."""
    whole = log.read_text().rpartition("\n")[0] if log.exists() else ""
    return dict(line.split(" ") for line in whole.splitlines())


if __name__ == "__main__":
    if "--no-fsync" in sys.argv:
        local.os.fsync = lambda _: None  # type: ignore[attr-defined]
    print("writing", flush=True)
    write(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
