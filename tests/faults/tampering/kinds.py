"""What a tampering is."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.tampering.victim import Victim

OPERATIONS = (
    *("edit", "delete", "insert", "swap", "truncate", "roll back", "replay", "forge", "tombstone"),
    *("delete records", "compact", "fork"),
)


@dataclass(frozen=True)
class Tampering:
    """One way to tamper with a line."""

    name: str
    operation: str
    by: str
    """Who does it."""
    part: str
    """Which comparison of `audit verify` must find it."""
    apply: Callable[[Victim], int]
    """Tampers, and gives the first index that `audit verify` must name."""
    offline: bool = False
    """Whether the servers must not run meanwhile."""

    def __post_init__(self) -> None:
        assert self.operation in OPERATIONS, self.operation
