"""A worker of the test: reads objects of a store in the order of a line, and checks their bytes.

Run: python -m tests.faults.cache_pressure.reader PLAN NUMBER"""

import fcntl
import hashlib
import json
import os
import sys
import time
from pathlib import Path

from processors.tools import Area
from schemas.models import FileRef
from streams.settings import Settings
from streams.storage.factory import open_storage

EVERY = 7
"""One read of seven also stores a derivative and reads it."""


def claim(counter: Path) -> int:
    """The next number that no other worker has."""
    file = os.open(counter, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        number = int(os.pread(file, 20, 0) or b"0")
        os.pwrite(file, b"%d" % (number + 1), 0)
        return number
    finally:
        os.close(file)


def wait_at(gate: Path, number: int) -> None:
    """Wait until the test lets this read begin, so that none of its kills comes too late."""
    while number >= int(gate.read_text()):
        time.sleep(0.01)


def main() -> None:
    """Read until the plan has no more reads; one line of the log for each."""
    plan = json.loads(Path(sys.argv[1]).read_text())
    folder, storage = Path(sys.argv[1]).parent, open_storage(Settings.load())
    with (folder / "reads.log").open("ab", buffering=0) as log:
        while (number := claim(folder / "counter")) < len(plan["reads"]):
            wait_at(folder / "gate", number)
            ref = FileRef(**plan["objects"][plan["reads"][number]])
            with storage.path(ref).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            text = f"derived from {ref.sha256}".encode()
            right = found == ref.sha256
            if number % EVERY == 0:
                kept = storage.keep(text, area=Area.DERIVATIVES, use="text", media_type="text/x")
                right = right and storage.read(kept) == text
            storage.release()
            log.write(b"right\n" if right else b"wrong\n")


if __name__ == "__main__":
    main()
