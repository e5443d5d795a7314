"""What will happen, drawn from one seed before anything runs: kinds, targets, moments, measures."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

BROKERS = ("kafka", "kafka-2", "kafka-3")
ROLES = ("router", "worker", "tracker", "sealer", "projector", "watchdog", "ingest")
STOPPED = ("worker", "tracker", "sealer", "broker")
KAFKA_TOXICS = ("latency", "reset", "slices", "partition", "half-open")
POSTGRES_TOXICS = ("latency", "reset", "partition", "half-open")
STRANGE_MESSAGES = ("duplicates", "reordered", "poison")
CALLS = ("fsync", "link", "write", "unlink")
CLOCKS = (-259200, -7200, -90, 90, 7200, 259200)
"""Seconds before or behind."""
QUICKEST_SECONDS = 0.8
EVERYTHING_FULL = "everything-full"
Drawn = Callable[[random.Random], tuple[str, float, dict[str, str]]]


@dataclass(frozen=True)
class Fault:
    """One misfortune of a schedule."""

    kind: str
    target: str
    at: float
    """Not sooner than so many seconds after the start."""
    lasts: float
    """Seconds until it is taken back; 0 for what needs no taking back."""
    measures: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        measures = " ".join(f"{name}={value}" for name, value in self.measures.items())
        lasting = f" for {self.lasts:.1f} s" if self.lasts else ""
        return f"{self.at:6.1f} s {self.kind} {self.target}{lasting} {measures}".rstrip()


def kinds(*, as_root: bool, one_disk: bool = False) -> dict[str, Drawn]:
    """Every kind, and what is drawn for one of it. A full disk needs a file system of its own.

    With one disk, that of brokers, database, store and logs is full at once."""
    found: dict[str, Drawn] = {f"kill-{role}": _killed(role) for role in (*ROLES, "postgres")}
    found |= {"kill-child": _killed("worker"), "kill-broker": _killed("broker")}
    found |= {f"stop-{name}": _stopped(name) for name in STOPPED}
    found |= {f"kafka-{toxic}": _network("kafka") for toxic in KAFKA_TOXICS}
    found |= {f"postgres-{toxic}": _network("postgres") for toxic in POSTGRES_TOXICS}
    found |= {name: _strange for name in STRANGE_MESSAGES}
    found |= {"io-error": _io_error, "clock": _clock}
    if as_root:
        found |= {EVERYTHING_FULL: _everything_full} if one_disk else {"disk-full": _disk_full}
    return found


def schedule(
    seed: int, seconds: float, gap_seconds: float, *, as_root: bool, one_disk: bool = False
) -> list[Fault]:
    """The misfortunes of a run. Each kind comes once before any comes again."""
    drawn = random.Random(seed)
    table = kinds(as_root=as_root, one_disk=one_disk)
    faults: list[Fault] = []
    at, round_of_kinds = 0.0, list[str]()
    while True:
        at += gap_seconds * drawn.uniform(0.5, 1.5)
        if at >= seconds:
            return faults
        if not round_of_kinds:
            round_of_kinds = drawn.sample(sorted(table), len(table))
        kind = round_of_kinds.pop()
        target, lasts, measures = table[kind](drawn)
        faults.append(Fault(kind, target, at, min(lasts, max(0.0, seconds - at)), measures))


def _one_of(name: str, drawn: random.Random) -> str:
    return drawn.choice(BROKERS) if name == "broker" else name


def _killed(name: str) -> Drawn:
    return lambda drawn: (_one_of(name, drawn), 0.0, {"child": str(drawn.randrange(100))})


def _stopped(name: str) -> Drawn:
    # Up to past the brokers' session of 3 s and the workers' of some runs.
    return lambda drawn: (_one_of(name, drawn), drawn.uniform(2.0, 9.0), {})


def _network(service: str) -> Drawn:
    def draw(drawn: random.Random) -> tuple[str, float, dict[str, str]]:
        one, lasts = drawn.choice(BROKERS), drawn.uniform(QUICKEST_SECONDS, 5.0)
        target = drawn.choice((one, "all")) if service == "kafka" else service
        measures = {
            "latency_ms": str(drawn.choice((50, 200, 600))),
            "slice_bytes": str(drawn.choice((16, 128, 1024))),
        }
        return target, lasts, measures

    return draw


def _strange(drawn: random.Random) -> tuple[str, float, dict[str, str]]:
    return "topics", 0.0, {"seed": str(drawn.randrange(2**32))}


def _io_error(drawn: random.Random) -> tuple[str, float, dict[str, str]]:
    measures = {
        "call": drawn.choice(CALLS),
        "first": str(drawn.randint(1, 8)),
        "every": str(drawn.randint(2, 9)),
        "error": drawn.choice(("EIO", "ENOSPC")),
        "child": str(drawn.randrange(100)),
    }
    return "worker", drawn.uniform(1.0, 3.0), measures


def _clock(drawn: random.Random) -> tuple[str, float, dict[str, str]]:
    return drawn.choice(ROLES), drawn.uniform(4.0, 10.0), {"offset": str(drawn.choice(CLOCKS))}


def _disk_full(drawn: random.Random) -> tuple[str, float, dict[str, str]]:
    return "home", drawn.uniform(1.0, 4.0), {"left_mb": str(drawn.choice((0, 0, 100)))}


def _everything_full(drawn: random.Random) -> tuple[str, float, dict[str, str]]:
    measures = {"of": drawn.choice(("bytes", "inodes")), "left_mb": "0"}
    # A server that is killed meanwhile is due to be started while the disk is still full.
    return "home", drawn.uniform(3.0, 8.0), measures | {"killed": drawn.choice(BROKERS)}
