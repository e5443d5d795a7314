"""The ledger in docs/reliability.md: one dated line a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LEDGER = Path(__file__).resolve().parents[3] / "docs" / "reliability.md"
HEAD = (
    "| date | commit | machine | seed | seconds of faults | faults by kind | pages | drained in, s"
    " | given up and released | slowest rush batch, s | lost | twice | imbalances | result |"
)


@dataclass(frozen=True)
class Entry:
    """What is told of a run."""

    date: str
    commit: str
    machine: str
    seed: int
    seconds: float
    kinds: Mapping[str, int]
    pages: int
    drained_seconds: float
    released: int
    rush_seconds: float
    """From its acceptance to its end, of the one that waited longest; 0 when there was none."""
    rush_alone_seconds: float
    """The same of the same batch in a line that has nothing else to do."""
    lost: int
    twice: int
    imbalances: int
    result: str

    def row(self) -> str:
        """As a line of the table."""
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(self.kinds.items()))
        cells = (
            *(self.date, self.commit, self.machine, self.seed, f"{self.seconds:.0f}"),
            f"{sum(self.kinds.values())} of {len(self.kinds)} kinds: {kinds}",
            *(self.pages, f"{self.drained_seconds:.0f}", self.released),
            self._rush(),
            *(self.lost, self.twice, self.imbalances, self.result),
        )
        return "| " + " | ".join(map(str, cells)) + " |"

    def _rush(self) -> str:
        if not self.rush_seconds:
            return "none"
        return f"{self.rush_seconds:.0f}, alone {self.rush_alone_seconds:.0f}"


def append(entry: Entry, ledger: Path = LEDGER) -> None:
    """Add a line at the end of the table, which is made when it is not there."""
    append_row(HEAD, entry.row(), ledger)


def append_row(head: str, row: str, ledger: Path = LEDGER) -> None:
    """Add a row at the end of the table with this head, which is made when it is not there."""
    lines = ledger.read_text("utf-8").splitlines()
    if head not in lines:
        lines += ["", head, "|---" * (head.count("|") - 1) + "|"]
    end = lines.index(head)
    while end < len(lines) and lines[end].startswith("|"):
        end += 1
    lines.insert(end, row)
    ledger.write_text("\n".join(lines) + "\n", "utf-8")
