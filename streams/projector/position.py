"""Where the projector is: changed in one transaction with the rows."""

from dataclasses import asdict, dataclass
from typing import Any

import psycopg

from streams.projector.rows import QUERY
from streams.runtime.run_loop import CannotContinue


@dataclass(frozen=True)
class Position:
    """The last seq in the table, and the next offset to read from a topic of sealed records."""

    last_seq: int
    next_offset: int
    topic: str | None = None
    """None if the offset must be found again: the rows are not from a topic."""


def advance(cursor: psycopg.Cursor[Any], before: Position, after: Position) -> None:
    """Advance the position in the table. Raises CannotContinue if another projector has done so."""
    values = asdict(after) | {f"{name}_before": value for name, value in asdict(before).items()}
    if cursor.execute(QUERY("advance_position"), values).rowcount != 1:
        raise CannotContinue(f"the position is no longer {before}: another projector is running")
