"""How much memory and how many cores this machine, or its container, gives to a process."""

import math
import os

from infra.cgroups import memory_limit, processor_limit

MEGABYTE = 1_000_000


def memory_bytes() -> int:
    """Memory of this machine, or of the container or service when that has less."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(physical, memory_limit() or physical)


def most_memory_mb() -> float:
    """60 % of the memory; Kafka, PostgreSQL and the rest of each child process need the rest."""
    return memory_bytes() * 0.6 // MEGABYTE


def cores() -> int:
    """How many cores this process may use: by its affinity and by its quota of processor time."""
    affine = len(os.sched_getaffinity(0))
    # A quota of 1.5 cores: two processes use it up, one does not.
    return max(1, min(affine, math.ceil(processor_limit() or affine)))
