"""A station that is a machine of its own: its batches go through its spool, and their files by HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.chaos.line import ChaosLine
from tests.faults.chaos.material import PROFILES, Batch
from tests.support.running_line import wait_for
from tests.support.stations import OwnStation, own_station


@dataclass
class SpoolStation:
    """The station, with what it has queued so far."""

    station: OwnStation
    batches: list[str] = field(default_factory=list)

    def take(self, batch: Batch) -> None:
        """Queue a batch, which needs nothing of the line."""
        words = ("--batch-id", batch.batch_id, "--profile", batch.profile, "--queue")
        self.station.run("submit", batch.folder, *words)
        self.batches.append(batch.batch_id)

    def finish(self, seconds: float) -> None:
        """Wait until everything is submitted."""
        # As after a restart of its machine: it does not wait for the time of its next attempt.
        self.station.kill()
        self.station.start()
        wait_for(lambda: set(self.station.states()) <= {"submitted"}, seconds, self._listed)

    def _listed(self) -> str:
        return json.dumps(self.station.run("spool", "--all"), indent=1)


@contextmanager
def spool_station(line: ChaosLine, folder: Path) -> Iterator[SpoolStation]:
    """A station with a credential of the line, whose brokers are behind the proxies."""
    addresses = {
        "KAFKA_BROKERS": line.servers(),
        "COPYSTAND_UPLOAD_URL": f"http://127.0.0.1:{line.ports()['ingest']}",
    }
    with own_station(line.home, folder, addresses) as station:
        write_profiles(station.folder)
        yield SpoolStation(station)


def write_profiles(folder: Path) -> None:
    """Write the profiles of the material into a home or the folder of a station."""
    (folder / "profiles").mkdir(parents=True, exist_ok=True)
    for name, text in PROFILES.items():
        (folder / "profiles" / f"{name}.toml").write_text(text)
