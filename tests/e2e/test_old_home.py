"""A home that version 0.1.0 made goes on under this version: nothing is lost, and nothing changes."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from infra.kafka_access import Brokers
from tests.support import pages, permissions
from tests.support.delivery import submission
from tests.support.old_program import VERSION, old_line
from tests.support.reader import PREMIS, Raw, decoded, read_all, read_line
from tests.support.running_line import Line, wait_for
from tests.support.signing import SIGNERS, signed
from tests.support.varied_material import ASKED, FailingTesseract, Material, answers
from tests.support.whole_log import read_when_quiet

DONE, DEFERRED, HELD, UNREAD = "old-done", "old-deferred", "old-held", "old-unread"
DEFERRALS = "digitization.work.deferred.v1"
OLD_NAMES = {"COPYSTAND_SILENCE_SECONDS": "45", "COPYSTAND_STALLED_SECONDS": "120"}
"""Variables that version 0.1.0 read; this version has other names for them."""


@dataclass(frozen=True)
class Upgraded:
    """A home under this version, and what it held and answered under the old one."""

    line: Line
    material: Material
    before: dict[str, Any]
    messages: list[Raw]
    printed: str
    """What the first `up` of this version printed for a person."""


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    scratch = tmp_path_factory.mktemp("old-home")
    tool, home = FailingTesseract(scratch / "bin"), scratch / "home"
    # Deferred work comes back after some seconds: under the new version.
    old = old_line(home, scratch / "source", PATH=tool.install(), COPYSTAND_RETRY_SCALE="4")
    try:
        old.up()
        before = worked(Material(old, scratch / "deliveries"), tool)
        messages = read_line(old.kafka)
        leave_unread(Material(old, scratch / "deliveries"))
    finally:
        old.down()
    tool.fail(0)
    new = Line(home, **OLD_NAMES)
    try:
        started = new.run("up", "--json")
        assert started.code == 0, f"{started}\n{new.logs()}"
        material = Material(new, scratch / "deliveries")
        yield Upgraded(new, material, before, messages, started.stderr)
    finally:
        new.down()


def worked(material: Material, tool: FailingTesseract) -> dict[str, Any]:
    """Work of the old version, some of it unfinished; returns what it answered about the rest."""
    line = material.line
    line.ask("person", "add", "Ada Example")
    pages.write_item(material.folder / DONE / "vol-a", 1, first=1)
    for name, first in (("vol-f", 2), ("vol-o", 3)):
        item = pages.write_item(material.folder / DONE / name, 1, first=first)
        pages.damage(item / "f1.tif")
    assert len(material.deliver(DONE, "--operator", "o-17")["quarantined"]) == 2
    line.ask("packages", "receive", f"{DONE}.vol-a.v1", "--accepted")
    pages.write_item(material.folder / HELD / "vol-h", 1, first=4)
    line.ask(*without_waiting(material, HELD), "--not-before", "2126-01-01T00:00+00:00")
    material.wait_until(HELD, registered=1)
    read_when_quiet(line)
    known = answers(line)
    pages.write_item(material.folder / DEFERRED / "vol-d", 1, first=5)
    tool.fail(1000)
    line.ask(*without_waiting(material, DEFERRED))
    wait_for(lambda: read_all(line.kafka, [DEFERRALS]) != [], 30, line.logs)
    return known


def leave_unread(material: Material) -> None:
    """A submission that no router of the old version reads before it ends."""
    pages.write_item(material.folder / UNREAD / "vol-u", 1, first=7)
    os.kill(int(material.line.parts()["router"]["pid"]), signal.SIGSTOP)
    material.line.ask(*without_waiting(material, UNREAD))


def without_waiting(material: Material, batch_id: str) -> list[str | Path]:
    """The arguments that hand a batch over and return at once."""
    return [word for word in submission(material.folder / batch_id, batch_id) if word != "--wait"]


def test_batches_packages_quarantine_people_and_audit_log_answer_as_before(upgraded: Upgraded):
    now = answers(upgraded.line, but=(DEFERRED, UNREAD))

    assert {row["batch_id"] for row in now["batches"]} == {DONE, HELD}
    assert len(now["quarantine"]) == 2
    assert len(now["packages"]) == 1
    # The answers say more than before.
    (row,) = now["packages"]
    assert (row.pop("completeness"), row.pop("missing_pages")) == ("complete", 0)
    (person,) = now["persons"]
    assert (person.pop("state"), person.pop("senders")) == ("named", None)
    events = [event for history in now["audit"].values() for event in history]
    assert {event.pop("differs") for event in events} == {None}
    for event in events:
        assert event.pop("texts") == []  # this version sealed the words themselves
        named = dict.fromkeys([*event.pop("sources"), *event.pop("results")])
        assert list(named) == event["objects"]
    # A decision is now before the admission that follows from it.
    for answer in (now, upgraded.before):
        for history in answer["audit"].values():
            history.sort(key=lambda event: event["seq"])
    assert now == upgraded.before


def test_its_kafka_requires_a_login_from_now_on_and_the_start_says_so(upgraded: Upgraded):
    line, request = upgraded.line, "digitization.control.requested.v1"

    forged = permissions.write(Brokers(line.servers()), {request: b"forged"}, 3000)
    again = line.run("up", "--json")

    assert upgraded.printed.count("now requires a login") == 1
    assert "now requires a login" not in again.stderr
    assert set(forged.values()) <= {"_MSG_TIMED_OUT", "_TRANSPORT"}
    assert permissions.write(line.kafka_as("station"), {request: b"forged"}) == {
        request: permissions.REFUSED
    }


def test_a_submission_that_nobody_had_read_needs_no_signature(upgraded: Upgraded):
    upgraded.material.wait_until(UNREAD, packaged=1)

    events = upgraded.line.wait_for_events("batch", UNREAD)
    assert "digital signature validation" not in {event["event_type"] for event in events}


def test_from_now_on_a_message_without_a_signature_is_refused(upgraded: Upgraded):
    line = upgraded.line
    assert upgraded.printed.count("now sign their messages") == 1
    unsigned = [raw for raw in upgraded.messages if raw.topic in SIGNERS]

    again = Producer({**line.kafka.client})
    for raw in unsigned:
        again.produce(raw.topic, raw.value, raw.key, raw.partition, headers=list(raw.headers))
    assert again.flush(30) == 0

    refused = lambda: line.ask("quarantine", "list", "--code", "sender.signature-missing")  # noqa: E731
    wait_for(lambda: len(refused()) == len(unsigned), 40, lambda: str(refused()))
    assert {(row["batch_id"], row["page_id"]) for row in refused()} == {(None, None)}


def test_work_that_was_deferred_goes_on(upgraded: Upgraded):
    upgraded.material.wait_until(DEFERRED, packaged=1)

    events = upgraded.line.wait_for_events("page", f"{DEFERRED}.vol-d:0001", "PageRecognized")
    kinds = [event["event_type"] for event in events]
    assert kinds.index("deferral") < kinds.index("transcription")


def test_an_open_record_is_released_with_a_file_and_its_page_packaged(upgraded: Upgraded):
    material, line = upgraded.material, upgraded.line
    replacement = pages.write_page(material.folder / "again" / "f1.tif", 2)

    record = material.record(DONE, "vol-f")
    line.ask("quarantine", "release", record, "--file", replacement, *ASKED)

    material.wait_until(DONE, packaged=2, quarantined=1)
    assert line.ask("packages", "show", f"{DONE}.vol-f.v1")["state"] == "published"
    assert line.ask("quarantine", "show", material.record(DONE, "vol-o"))["state"] == "open"


def test_a_batch_that_was_held_is_cancelled_and_a_new_one_packaged(upgraded: Upgraded):
    material = upgraded.material
    pages.write_item(material.folder / "new" / "vol-n", 1, first=6)

    upgraded.line.ask("batch", "cancel", HELD, *ASKED)

    assert material.deliver("new")["state"] == "settled"
    material.wait_until(HELD, state="cancelled", cancelled=1)


def test_the_persons_of_its_log_are_known_when_the_first_person_is_registered(upgraded: Upgraded):
    line, folder = upgraded.line, upgraded.material.folder / DONE
    before = line.ask("status")["persons"]

    line.ask("person", "add", "--id", "p-4", "Grace Example")

    named = {
        name: line.run("station", "check", folder, "--operator", name, "--json").document
        for name in ("o-17", "p-1", "o-99")
    }
    codes = {name: {one["code"] for one in found} for name, found in named.items()}
    refused = {name for name, found in codes.items() if "person.unknown" in found}
    assert (before, refused) == (0, {"o-99"})


def test_what_the_old_version_was_sent_changes_nothing_when_it_comes_again(upgraded: Upgraded):
    line = upgraded.line
    _, before = read_when_quiet(line)
    known = listed(line)

    again = Producer({**line.kafka.client, "enable.idempotence": True})
    for raw in upgraded.messages:
        if raw.topic != PREMIS:
            headers = [*raw.headers, *signed(line.home, raw.topic, raw.key, raw.value)]
            again.produce(raw.topic, raw.value, raw.key, raw.partition, headers=headers)
    assert again.flush(30) == 0
    lags = lambda: {row["lag"] for row in line.ask("status")["roles"]} - {None}  # noqa: E731
    wait_for(lambda: lags() == {0}, 40, lambda: str(line.ask("status")["roles"]))

    _, after = read_when_quiet(line)
    assert (after.owed, after.sealed, after.faults()) == (before.owed, before.sealed, [])
    assert listed(line) == known


def listed(line: Line) -> list[Any]:
    """What the line lists of batches, packages and quarantine records."""
    batches = line.ask("status")["batches"]
    return [batches, line.ask("packages", "list"), line.ask("quarantine", "list")]


def test_the_log_of_both_versions_is_what_their_facts_owe(upgraded: Upgraded):
    raws, report = read_when_quiet(upgraded.line)
    log = [raw for raw in raws if raw.topic == PREMIS]
    old = [raw for raw in upgraded.messages if raw.topic == PREMIS]
    versions = [decoded(raw).body["head"]["producer"]["version"].split("+")[0] for raw in log]

    assert report.faults() == []
    assert log[: len(old)] == old
    assert set(versions[: len(old)]) == {VERSION}
    assert versions[-1] != VERSION
