"""How much memory and how many cores this machine, or its container, gives to a process."""

import os
from pathlib import Path

MEGABYTE = 1_000_000
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def memory_bytes() -> int:
    """Memory of this machine, or of the container when that has less."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        limit = CGROUP_LIMIT.read_text().strip()
    except OSError:
        return physical
    return min(physical, int(limit)) if limit.isdigit() else physical


def most_memory_mb() -> float:
    """60 % of the memory; Kafka, PostgreSQL and the rest of each child process need the rest."""
    return memory_bytes() * 0.6 // MEGABYTE


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))
