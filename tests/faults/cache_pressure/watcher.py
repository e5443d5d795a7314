"""Measures what a cache on a disk of its own uses, as the kernel counts it.

The kernel's figure is of one moment and has files that are open without a name; a walk through the
folder would have neither.

Run: python -m tests.faults.cache_pressure.watcher DISK FILE"""

import json
import os
import sys
import time
from pathlib import Path

EVERY_SECONDS = 0.002


def used_bytes(disk: Path) -> int:
    """What the files of a disk use."""
    found = os.statvfs(disk)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def main() -> None:
    """Measure until the parent ends or closes the input; write the largest figure."""
    disk, most, samples = Path(sys.argv[1]), 0, 0
    os.set_blocking(0, False)
    while not _has_ended():
        most, samples = max(most, used_bytes(disk)), samples + 1
        time.sleep(EVERY_SECONDS)
    Path(sys.argv[2]).write_text(json.dumps({"most_bytes": most, "samples": samples}))


def _has_ended() -> bool:
    """Whether the input is closed."""
    try:
        return os.read(0, 1) == b""
    except BlockingIOError:
        return False


if __name__ == "__main__":
    main()
