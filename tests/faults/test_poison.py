"""One line gets every poisoned message at once: each is answered, and nothing else is touched."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from schemas.catalogue import topic_of
from schemas.models import FileRef
from streams.clients.control_requests import send_requests
from streams.settings import Settings
from streams.signatures import SigningKey, read_key
from tests.support import pages, poison
from tests.support.delivery import submission
from tests.support.impostors import Senders, impostors_of, signed_by
from tests.support.running_line import Line, wait_for

LATER = "2099-01-01T00:00+00:00"
ASKED = ("--by", "p-4", "--reason", "as the curator says")
ROLES = ("router", "worker", "tracker", "sealer", "projector", "watchdog")
SECONDS = 60.0
SIGNATURE = "digital signature validation"


@dataclass(frozen=True)
class Poisoned:
    """A line after it got everything."""

    line: Line
    restarts: dict[str, tuple[int, int]]
    """Restarts of each role, before and after."""
    good: Any
    """The answer to a delivery beside the forged pages."""
    released: Any
    """The answer to an ordinary release of a record whose original is missing."""
    senders: Senders
    impostors: dict[str, list[poison.Message]]
    """Messages that are not from the sender that they name, by the code that they get."""


def restarts(line: Line) -> dict[str, int]:
    return {name: part["restarts"] for name, part in line.parts().items() if name in ROLES}


def forgeries(line: Line) -> tuple[Senders, dict[str, list[poison.Message]]]:
    """Three stations, one of them revoked, and messages that none of them sent."""
    senders = Senders(*(add_station(line, name) for name in ("lab", "hall", "thief")))
    made = impostors_of(senders, poison.capture("held", "held.vol-h:0001"))
    line.ask("station", "revoke", "thief")
    return senders, made


def add_station(line: Line, name: str) -> SigningKey:
    """The signing key of a new station."""
    return read_key(Path(line.ask("station", "add", name)["file"]))


def lose_original(line: Line) -> str:
    """Quarantine bytes and lose them in the store; returns the id of the record."""
    no_fact = (topic_of("BatchSubmitted").name, b"k", poison.NO_FACT, [])
    poison.send(line.kafka, poison.by_home(line.home, [no_fact]))
    rows: list[dict[str, Any]] = []

    def found() -> bool:
        rows[:] = line.ask("quarantine", "list", "--code", "message.undecodable")
        return bool(rows)

    wait_for(found, SECONDS, line.logs)
    kept = [path for path in (line.home / "receipts/records/sha256").rglob("*") if path.is_file()]
    (original,) = [path for path in kept if path.read_bytes() == poison.NO_FACT]
    original.unlink()
    return str(rows[0]["quarantine_id"])


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Poisoned]:
    folder = tmp_path_factory.mktemp("deliveries")
    pages.write_item(folder / "held" / "vol-h", 2, first=1)
    pages.write_item(folder / "good" / "vol-g", 2, first=11)
    line = Line(tmp_path_factory.mktemp("line"))
    try:
        line.up()
        held = ["station", "submit", folder / "held", "--batch-id", "held", "--not-before", LATER]
        line.ask(*held)
        line.wait_for_figures("held", seconds=SECONDS, registered=2)
        record = lose_original(line)
        senders, impostors = forgeries(line)
        before = restarts(line)
        poison.forge_next_row(line.dsn())
        poison.send(
            line.kafka,
            [
                *poison.by_home(line.home, poison.naming_others("held", "held.vol-h:0001")),
                *(one for forgeries in impostors.values() for one in forgeries),
                poison.huge_position(),
                *poison.in_the_log(),
                *poison.on_the_intake(),
                poison.package_with_a_bad_key(),
                *poison.rush_pages_with_a_bad_key(),
            ],
        )
        good = line.run(*submission(folder / "good", "good"), "--json")
        released = line.run("quarantine", "release", record, *ASKED, "--json")
        after = restarts(line)
        changes = {name: (before[name], after[name]) for name in ROLES}
        yield Poisoned(line, changes, good, released, senders, impostors)
    finally:
        line.down()


def test_no_role_ends(poisoned: Poisoned):
    now = restarts(poisoned.line)

    assert {name: (before, now[name]) for name, (before, _) in poisoned.restarts.items()} == {
        name: (before, before) for name, (before, _) in poisoned.restarts.items()
    }, poisoned.line.logs()


def test_a_good_batch_beside_the_forged_pages_is_done(poisoned: Poisoned):
    assert poisoned.good.code == 0, f"{poisoned.good}\n{poisoned.line.logs()}"
    assert poisoned.good.document["state"] == "settled"
    assert poisoned.good.document["seconds"] < SECONDS


def test_the_forged_pages_are_quarantined_at_the_first_attempt(poisoned: Poisoned):
    ask = ("quarantine", "list", "--code", "file.key-malformed")
    rows = lambda: poisoned.line.ask(*ask)  # noqa: E731
    wait_for(lambda: len(rows()) == poison.FORGED_PAGES, SECONDS, poisoned.line.logs)

    assert {row["attempts"] for row in rows()} == {1}
    assert "waits for" not in str(poisoned.line.ask("status")["roles"])


def test_a_batch_that_refused_messages_named_is_untouched_and_still_held(poisoned: Poisoned):
    figures = poisoned.line.figures("held")
    about = poisoned.line.ask("quarantine", "list", "--batch", "held")
    about += poisoned.line.ask("quarantine", "list", "--item", "held.vol-h")

    assert (figures["state"], figures["in_flight"], figures["quarantined"]) == ("held", 2, 0)
    assert about == []
    assert poisoned.line.ask("packages", "list", "--batch", "held") == []


def test_each_refused_message_has_a_record_with_its_code(poisoned: Poisoned):
    expected = {code: len(messages) for code, messages in poisoned.impostors.items()} | {
        "submission.event-id-wrong": 2,
        "receipt.reason-missing": 1,
        "capture.subject-missing": 1,
        "message.undecodable": 2,
    }
    counts: Counter[str] = Counter()

    def all_there() -> bool:
        counts.clear()
        counts.update(row["code"] for row in poisoned.line.ask("quarantine", "list"))
        return {code: counts[code] for code in expected} == expected

    wait_for(all_there, SECONDS, lambda: str(counts))


def test_a_message_of_an_impostor_cannot_be_released(poisoned: Poisoned):
    (row, *_) = poisoned.line.ask("quarantine", "list", "--code", "sender.unknown")

    answer = poisoned.line.run("quarantine", "release", row["quarantine_id"], *ASKED, "--json")

    assert (answer.code, answer.document["code"]) == (1, "quarantine.needs-correction")


def test_a_signed_message_is_taken_and_the_log_names_its_sender(poisoned: Poisoned):
    line, lab = poisoned.line, poisoned.senders.lab
    message = signed_by(lab, poison.capture("of-lab", "of-lab.vol:0001"))
    poison.send(line.kafka, [message, message])
    line.wait_for_figures("of-lab", seconds=SECONDS, state="uploading")

    def found() -> list[Any]:
        events = line.events("page", "of-lab.vol:0001")
        return [event for event in events if event["event_type"] == SIGNATURE]

    wait_for(lambda: len(found()) == 1, SECONDS, line.logs)
    (event,) = found()
    assert (event["outcome"], event["fact"]) == ("suc", "CaptureAccepted")
    assert {"station-lab"} <= {agent["name"] for agent in event["agents"]}
    assert lab.key_id in event["detail"]


def test_a_submission_of_a_command_names_the_station_of_this_home(poisoned: Poisoned):
    events = poisoned.line.wait_for_events("batch", "good", "BatchReceived")
    signatures = [event for event in events if event["event_type"] == SIGNATURE]

    (agents,) = [{agent["name"] for agent in event["agents"]} for event in signatures]
    assert "station" in agents


def test_a_release_whose_original_is_missing_is_refused_with_a_code(poisoned: Poisoned):
    assert poisoned.released.code == 1
    assert poisoned.released.document["code"] == "quarantine.original-missing"
    assert "backup" in poisoned.released.document["fix"]


def test_a_release_cannot_take_the_master_of_another_batch(poisoned: Poisoned):
    line = poisoned.line
    (row, *_) = line.ask("quarantine", "list", "--code", "file.key-malformed")
    master = next(path for path in (line.home / "masters/sha256").rglob("*") if path.is_file())
    stolen = FileRef(
        use="capture",
        key=master.relative_to(line.home).as_posix(),
        sha256=master.name,
        size_bytes=master.stat().st_size,
        media_type="image/tiff",
    )
    settings = Settings(home=line.home, pool_size=1, worker_id="t", kafka_brokers=line.servers())

    (decided,) = send_requests(
        settings, [poison.release_with(stolen, row["quarantine_id"])], SECONDS
    )

    assert decided is not None
    assert (decided.granted, decided.code) == (False, "file.not-staged")


def test_all_findings_are_sealed_and_the_audit_log_answers(poisoned: Poisoned):
    line = poisoned.line
    expected = {
        "log.foreign-record": len(poison.in_the_log()),
        "log.foreign-row": 1,
        "log.not-decodable": 4,
        "log.key-mismatch": 1,
        "log.too-large": 1,
    }
    counts: Counter[str] = Counter()

    def all_sealed() -> bool:
        counts.clear()
        counts.update(findings(line))
        return counts == expected

    wait_for(all_sealed, SECONDS, lambda: f"{counts}\n{line.logs()}")
    events = line.ask("audit", "batch", "good")
    assert events and all(event["detail"] != "forged" for event in events)


def findings(line: Line) -> list[str]:
    query = "SELECT code FROM audit.event WHERE event_type = 'log-anomaly'"
    with psycopg.connect(line.dsn("auditor_ro")) as connection:
        return [code for (code,) in connection.execute(query)]


def test_a_repository_refuses_the_package_with_a_bad_key_and_takes_the_next(
    poisoned: Poisoned, tmp_path: Path
):
    line = poisoned.line
    follow = ("packages", "follow", "--into", tmp_path / "in", "--limit", "2", "--timeout", "60")

    outcomes = line.ask(*follow, code=1)

    states = {one["package_id"]: one["state"] for one in outcomes}
    assert states == {"forged-vol.v1": "refused", "good.vol-g.v1": "accepted"}
    refused = next(one for one in outcomes if one["state"] == "refused")
    assert refused["reason"].startswith("package.key-malformed: ")


def test_the_line_says_that_it_works(poisoned: Poisoned):
    roles = {row["role"]: row for row in poisoned.line.ask("status")["roles"]}

    assert {roles[name]["state"] for name in ROLES} == {"ready"}
    assert not [row["waits_for"] for row in roles.values() if row["waits_for"]]
