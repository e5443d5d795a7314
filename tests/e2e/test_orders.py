"""A capture order from a person to the log: a station with its own credential reads and fulfils it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.running_line import Line, wait_for

ASKED = ("--by", "p-4", "--reason", "The exhibition needs it.")
NOTES = "The spine is loose: use the cradle."
DEVICE = ("--device", "test:0", "--resolution", "100", "--no-prompt")
COMMAND = Path(sys.executable).with_name("copystand")


@dataclass
class RemoteStation:
    """A home without a line: it has an address of Kafka and a credential file."""

    home: Path
    servers: str
    credentials: Path

    def run(self, *arguments: str, code: int = 0) -> tuple[Any, str]:
        """The JSON document of a command, and its messages."""
        ended = subprocess.run(
            [COMMAND, *arguments, "--json"],
            env={
                **os.environ,
                "COPYSTAND_HOME": str(self.home),
                "KAFKA_BROKERS": self.servers,
                "COPYSTAND_KAFKA_CREDENTIALS": str(self.credentials),
            },
            capture_output=True,
            text=True,
        )
        assert ended.returncode == code, ended.stderr
        return json.loads(ended.stdout) if ended.stdout.strip() else None, ended.stderr


@pytest.fixture(scope="module")
def remote(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemoteStation]:
    folder = tmp_path_factory.mktemp("remote")
    file = folder / "lab-2.json"
    line.ask("station", "add", "lab-2", "--into", file)
    yield RemoteStation(folder / "home", line.servers(), file)
    line.ask("station", "revoke", "lab-2")


def test_a_station_fulfils_an_order_and_its_batch_names_it(
    line: Line, remote: RemoteStation, tmp_path: Path
):
    add = ("order", "add", "O-1", "--item", "ms-21", "--profile", "as-delivered")
    added = line.ask(*add, "--notes", NOTES, "--priority", "rush", *ASKED)
    colour = ("order", "add", "O-2", "--item", "ms-22", "--profile", "book-colour")
    line.ask(*colour, *ASKED)
    line.ask("order", "assign", "O-1", "--to", "station-lab-2", *ASKED)
    line.ask("order", "assign", "O-2", "--to", "station", *ASKED)

    # The state is there before the decision is answered.
    listed, _ = remote.run("order", "list")
    fitting, _ = remote.run("order", "list", "--for-device", "test:0")
    scanned, messages = remote.run("station", "scan", "--order", "O-1", *DEVICE, "--pages", "2")
    _, elsewhere = remote.run("station", "scan", "--order", "O-2", *DEVICE, code=1)
    submitted = line.ask(
        *("station", "submit", scanned["folder"], "--batch-id", "O-1", "--wait", "--timeout", "120")
    )

    assert added["granted"] is True
    assert [(one["order_id"], one["state"], one["notes"]) for one in listed] == [
        ("O-1", "assigned", NOTES),
        ("O-2", "assigned", ""),
    ]
    assert [one["order_id"] for one in fitting] == ["O-1"]
    assert (scanned["batch_id"], scanned["profile"], scanned["state"]) == (
        *("O-1", "as-delivered"),
        "closed",
    )
    assert f"Handling notes: {NOTES}" in messages
    assert messages.index("Handling notes") < messages.index("ms-21 0001")
    assert "order.assigned-elsewhere" in elsewhere
    manifest = json.loads(Path(scanned["manifest"]).read_text())
    assert (manifest["order"], manifest["priority"]) == ("O-1", "rush")
    assert submitted["state"] == "settled"
    shown = line.ask("order", "show", "O-1")
    assert (shown["state"], shown["batches"]) == ("started", ["O-1"])
    assert line.ask("order", "close", "O-1", *ASKED)["granted"] is True


def test_orders_are_in_the_log_without_the_notes(line: Line, remote: RemoteStation):
    def details() -> str:
        events = line.ask("audit", "events", "--type", "decision", "--agent", "p-4")["events"]
        return json.dumps(events)

    wait_for(lambda: "Capture order O-1 is closed." in details(), 30, details)
    found = details()

    assert "Capture order O-1: 1 item, profile as-delivered, priority rush." in found
    assert "Capture order O-1 is assigned to station-lab-2." in found
    assert NOTES not in found
    accepted = line.wait_for_events("batch", "O-1", "BatchAccepted")
    assert "order:O-1" in json.dumps([one["sources"] for one in accepted])


def test_an_unattended_feeder_takes_its_order_and_submits_its_batch(line: Line):
    add = ("order", "add", "O-3", "--item", "ms-23", "--profile", "as-delivered")
    line.ask(*add, "--device-class", "feeder", *ASKED)
    serve = ("station", "serve", "--device", "test:0", "--resolution", "100", "--idle", "5")
    serve += ("--pages", "3")

    served = line.run(*serve, "--until-idle", "5", "--json")

    assert served.code == 0, served.stderr
    events = [json.loads(row) for row in served.stdout.splitlines()]
    names = [one["event"] for one in events]
    assert names.count("page") == 3 and names[-1] == "stopped"
    (queued,) = [one for one in events if one["event"] == "queued"]
    assert queued["batch_id"] == "O-3"
    line.wait_for_figures("O-3", seconds=120, state="settled", packaged=3)
    assert line.ask("order", "show", "O-3")["batches"] == ["O-3"]


def test_a_station_without_network_works_on_the_orders_that_it_knows(remote: RemoteStation):
    remote.servers = "127.0.0.1:9"

    scan = ("station", "scan", "--order", "O-1", *DEVICE, "--batch-id", "O-1.2")
    scanned, messages = remote.run(*scan)

    assert (scanned["state"], scanned["order"], len(scanned["pages"])) == ("closed", "O-1", 1)
    assert "Orders as read at" in messages and NOTES in messages
