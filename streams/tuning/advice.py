"""The settings that fit a line to a machine, each with its reason."""

from collections.abc import Iterator
from dataclasses import dataclass

from streams.tuning.grades import DISK_STEPS, Grades

ROLES_MB = 380
"""The roles, the supervisor and the processes of PostgreSQL, measured on an idle line."""
JVM_MB = 120
"""What a JVM uses outside of its heap."""
CHILD_MB = 300
"""A child process that has loaded its libraries and models, with Tesseract and a small page."""
SMALLEST_CHILD_MB = 256
SMALLEST_IMAGES_MB = 64
LARGEST_RECYCLE_MB = 600
SERVERS = ((3500, 512, 256), (1900, 256, 128), (0, 192, 64))
"""Memory of the machine from which on, heap of Kafka, buffers of PostgreSQL."""
ENOUGH_MB = 1400
"""With less memory a line may run out of it."""
POOL_WITH_RESERVE = 4
FIXITY_SHARE, FIXITY_DEFAULT_MB = 5, 20
SLOW_LANES, LANE_SHARE = ("derivatives", "packages"), 4
LIVENESS_SECONDS, SESSION_SECONDS = 120, 45
LONGEST_FACTOR = 8


@dataclass(frozen=True)
class Advice:
    """The value of a variable."""

    name: str
    value: str
    reason: str


@dataclass(frozen=True)
class Shares:
    """How the memory of a machine is divided, in MB."""

    heap: int
    buffers: int
    spare: int
    children: int
    """What all child processes of the worker have together."""
    pool: int


def shares_of(grades: Grades) -> Shares:
    """Servers and roles first; the rest is for child processes."""
    memory = grades.memory_mb
    _, heap, buffers = next(one for one in SERVERS if memory >= one[0])
    spare = max(128, memory // 10)
    kafka = grades.brokers * (heap + JVM_MB)
    children = memory - kafka - buffers - ROLES_MB - spare
    return Shares(heap, buffers, spare, children, max(1, min(grades.cores, children // CHILD_MB)))


def advice(grades: Grades) -> list[Advice]:
    """The settings for a machine, always the same for the same grades."""
    return [*_memory(grades, shares_of(grades)), *_speed(grades, shares_of(grades).pool)]


def _memory(grades: Grades, shares: Shares) -> Iterator[Advice]:
    memory, pool = grades.memory_mb, shares.pool
    most = memory * 6 // 10
    servers = f"{memory} MB of memory"
    yield Advice("COPYSTAND_KAFKA_HEAP_MB", str(shares.heap), f"{servers}; Kafka needs 192 or more")
    yield Advice("COPYSTAND_POSTGRES_BUFFERS_MB", str(shares.buffers), servers)
    yield Advice("WORK_POOL_SIZE", str(pool), _pool_reason(grades, shares))
    child = max(SMALLEST_CHILD_MB, min(most, shares.children - (pool - 1) * CHILD_MB // 2))
    left = f"{shares.children} MB are left for child processes"
    if memory < ENOUGH_MB:
        left = f"{memory} MB are less than the {ENOUGH_MB} MB that a line needs"
    yield Advice("COPYSTAND_CHILD_MB", str(child), left)
    images = max(SMALLEST_IMAGES_MB, min(most, shares.children - pool * CHILD_MB * 2 // 3))
    why = "what the child processes do not need for programs and models"
    yield Advice("COPYSTAND_IMAGES_MB", str(images), why)
    recycle = max(CHILD_MB, min(LARGEST_RECYCLE_MB, shares.children // (2 * pool)))
    why = "an idle child process keeps at most half of its share"
    yield Advice("COPYSTAND_RECYCLE_MB", str(recycle), why)


def _pool_reason(grades: Grades, shares: Shares) -> str:
    cores = f"{grades.cores} core" + ("s" if grades.cores > 1 else "")
    if shares.pool == grades.cores:
        return f"{cores} may be used"
    return f"{shares.children} MB for child processes of {CHILD_MB} MB; {cores} may be used"


def _speed(grades: Grades, pool: int) -> Iterator[Advice]:
    if pool >= POOL_WITH_RESERVE:
        why = "one child process remains for masters and packages while long pages are read"
        yield Advice("COPYSTAND_LANE_PROCESSES", f"text={pool - 1}", why)
    rate = grades.disk_mb_per_second
    if rate < DISK_STEPS[-1]:
        each = max(0.5, rate / LANE_SHARE)
        limits = ",".join(f"{lane}={each:g}MB/s" for lane in SLOW_LANES)
        why = f"the disk writes some {rate} MB/s; half of it remains for masters and servers"
        yield Advice("COPYSTAND_LANE_LIMITS", limits, why)
    fixity = rate / FIXITY_SHARE
    if fixity < FIXITY_DEFAULT_MB:
        why = f"a fifth of the {rate} MB/s of the disk"
        yield Advice("COPYSTAND_FIXITY_MB_PER_SECOND", f"{fixity:g}", why)
    factor = min(LONGEST_FACTOR, max(grades.slowness, _sync_factor(grades.sync_ms)))
    if factor > 1:
        why = f"a page takes {grades.slowness} times the time of the reference machine or more,"
        why += f" a synchronous write {grades.sync_ms} ms or more"
        yield Advice("COPYSTAND_LIVENESS_TIMEOUT", str(LIVENESS_SECONDS * factor), why)
        yield Advice("COPYSTAND_SESSION_TIMEOUT", str(SESSION_SECONDS * factor), why)


def _sync_factor(sync_ms: int) -> int:
    """By which factor roles may be late because their writes are."""
    return {0: 1, 10: 1, 40: 2}.get(sync_ms, 4)
