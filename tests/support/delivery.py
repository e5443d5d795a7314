"""The delivery that most tests of the line look at, and how one is handed over."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.clients.station.folder import SubmissionOptions, read_folder
from streams.clients.station.publishing import hand_over
from streams.settings import Settings
from tests.support.running_line import Line, wait_for

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


def hand_over_unchecked(
    line: Line, folder: Path, batch_id: str, records: int = 1, operator: str | None = None
) -> None:
    """Publish a folder without the checks of `station submit`, as other software may, and wait until
    the line has refused it."""
    settings = Settings.load({"COPYSTAND_HOME": str(line.home)})
    assert (
        hand_over(read_folder(folder, SubmissionOptions(batch_id, operator=operator)), settings)
        == []
    )
    wait_for(
        lambda: len(line.ask("quarantine", "list", "--batch", batch_id)) >= records,
        60,
        lambda: f"{batch_id} was not refused\n{line.logs()}",
    )


def submission(folder: Path, batch_id: str, *more: str) -> list[str | Path]:
    """The arguments that hand a folder over and wait."""
    return ["station", "submit", folder, "--batch-id", batch_id, "--wait", "--timeout", "60", *more]
