"""The delivery that most tests of the line look at, and how one is handed over."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

BATCH = "ms-2026-17"
SOUND, DAMAGED = f"{BATCH}.vol-a", f"{BATCH}.vol-c"
OPERATOR = "o-17"
SUBMITTED = "digitization.batch.submitted.v1"
INTAKE = "digitization.audit.intake.v1"
NO_FACT, NO_EVENT = b"\0\0\0\0\1 this is no submission", b"no event at all"
"""What strangers send in some tests."""


@dataclass(frozen=True)
class Delivered:
    """A folder that was handed over, and what the station was told."""

    folder: Path
    told: dict[str, Any]
    code: int


def submission(folder: Path, batch_id: str, *more: str) -> list[str | Path]:
    """The arguments that hand a folder over and wait."""
    return ["station", "submit", folder, "--batch-id", batch_id, "--wait", "--timeout", "60", *more]
