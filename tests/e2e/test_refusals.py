"""What the line refuses or sets aside, what it says then, and with which code commands end."""

from collections import Counter
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from tests.support import pages
from tests.support.delivery import (
    BATCH,
    INTAKE,
    NO_EVENT,
    NO_FACT,
    SOUND,
    SUBMITTED,
    Delivered,
    hand_over_unchecked,
    submission,
)
from tests.support.external_clients import named_in_bytes
from tests.support.log_check import check
from tests.support.reader import read_line
from tests.support.running_line import Line, wait_for
from tests.support.signing import signed
from tests.support.whole_log import read_when_quiet

LANE = "digitization.work.redone.derivatives.v1"


def test_a_manifest_with_three_faults_is_refused_with_all_three(
    line: Line, delivered: Delivered, tmp_path: Path
):
    pages.write_item(tmp_path / "vol-x", 1, first=31, languages=["xyz"])
    pages.write_item(tmp_path / "vol-y", 1, first=32, script="Zzxx")
    pages.write_item(tmp_path / "vol-z", 1, first=33, rights={"access": "perhaps"})
    codes = {"language.unknown", "language.script-unknown", "rights.access-unknown"}

    told = line.ask(*submission(tmp_path, "faulty-1"), code=1)
    assert (told["state"], told["quarantined"]) == ("refused", [])
    assert codes <= {one["code"] for one in told["diagnostics"]}
    assert line.figures("faulty-1") == {}

    hand_over_unchecked(line, tmp_path, "faulty-1")

    (row,) = line.ask("quarantine", "list", "--batch", "faulty-1")
    row = line.ask("quarantine", "show", row["quarantine_id"])
    assert (row["code"], row["batch_id"], row["page_id"]) == ("manifest.faulty", "faulty-1", None)
    assert all(code in str(row) for code in codes)
    assert line.figures("faulty-1")["state"] == "quarantined"
    assert line.figures("faulty-1")["registered"] == 0
    for code in codes:
        assert code in line.run("explain", code).stdout


def test_the_same_batch_id_with_another_manifest_is_quarantined(
    line: Line, delivered: Delivered, tmp_path: Path
):
    pages.write_item(tmp_path / "vol-other", 1, first=41)
    figures = line.figures(BATCH)

    told = line.ask(*submission(tmp_path, BATCH), code=1)
    assert told["state"] == "refused"
    assert "batch.id-taken" in {one["code"] for one in told["diagnostics"]}
    known = len(line.ask("quarantine", "list", "--batch", BATCH))

    hand_over_unchecked(line, tmp_path, BATCH, records=known + 1)

    codes = {row["code"] for row in line.ask("quarantine", "list", "--batch", BATCH)}
    assert "batch.id-taken" in codes
    assert line.figures(BATCH) == figures


def test_a_known_item_of_another_batch_is_set_aside(
    line: Line, delivered: Delivered, tmp_path: Path
):
    pages.write_item(tmp_path / "vol-again", 1, first=51, item_id=SOUND.upper())

    told = line.ask(*submission(tmp_path, "again-1"), code=1)

    (quarantine_id,) = told["quarantined"]
    assert line.ask("quarantine", "show", quarantine_id)["code"] == "item.already-delivered"
    figures = line.figures("again-1")
    assert (figures["registered"], figures["quarantined"], figures["in_flight"]) == (1, 1, 0)


def test_a_clean_delivery_ends_with_0_and_one_cut_short_by_the_clock_with_4(
    line: Line, tmp_path: Path
):
    for number in range(2):
        pages.write_item(tmp_path / f"batch-{number}" / "vol", 1, first=61 + number)

    hurried = line.run(
        *("station", "submit", tmp_path / "batch-0", "--batch-id", "clean-0"),
        *("--wait", "--timeout", "0.01", "--json"),
    )
    calm = line.run(*submission(tmp_path / "batch-1", "clean-1"), "--json")

    assert (hurried.code, calm.code) == (4, 0), f"{hurried} {calm}"
    assert (calm.document["state"], calm.document["quarantined"]) == ("settled", [])
    line.wait_for_figures("clean-0", seconds=30, packaged=1)


def test_wrong_usage_ends_with_2_and_a_line_that_is_not_there_with_3(
    line: Line, delivered: Delivered, tmp_path: Path
):
    named = line.run(*submission(delivered.folder, "b-9"), "--operator", "Hans")
    malformed = line.run("station", "submit", delivered.folder, "--batch-id", "no spaces")
    elsewhere = Line(tmp_path / "nothing")

    assert (named.code, malformed.code) == (2, 2)
    assert "person.not-a-pseudonym" in named.stderr
    for command in (
        ("status",),
        ("packages", "list"),
        ("quarantine", "list"),
        ("audit", "item", "x"),
    ):
        answer = elsewhere.run(*command)
        assert answer.code == 3, f"{command}: {answer}"
        assert "copystand up" in answer.stderr


def test_what_is_not_known_ends_with_1(line: Line, delivered: Delivered):
    for command in (
        ("packages", "show", "nothing.v1"),
        ("quarantine", "show", "nothing"),
        ("audit", "page", "nothing:0001"),
    ):
        assert line.run(*command).code == 1, command
    assert line.run("explain", "no.such-code").code == 2


def test_bytes_of_strangers_that_are_no_fact_are_set_aside_and_the_line_goes_on(
    line: Line, delivered: Delivered, tmp_path: Path
):
    stranger = Producer({**line.kafka.client})
    headers = signed(line.home, SUBMITTED, b"who knows", NO_FACT)
    for _ in range(2):
        stranger.produce(SUBMITTED, NO_FACT, key=b"who knows", headers=headers)
    assert stranger.flush(20) == 0

    wait_for(lambda: len(undecodable(line)) == 2, 30, lambda: f"{undecodable(line)}\n{line.logs()}")
    _, report = read_when_quiet(line)
    assert report.faults() == []


def undecodable(line: Line) -> list[dict[str, Any]]:
    """The records of what no role could read."""
    return [r for r in line.ask("quarantine", "list") if r["code"] == "message.undecodable"]


def quarantined(line: Line) -> Counter[str]:
    """How many records there are of each code."""
    return Counter(row["code"] for row in line.ask("quarantine", "list"))


def test_names_of_headers_that_are_no_text_stop_nobody(
    line: Line, delivered: Delivered, tmp_path: Path
):
    before, (_, log) = quarantined(line), read_when_quiet(line)
    restarts = {name: part["restarts"] for name, part in line.parts().items()}
    doors = (SUBMITTED, LANE)  # the router's and the worker's
    for topic in (*doors, INTAKE):
        named_in_bytes(line.kafka, topic, b"who knows", NO_FACT, b"\xff\xfe", b"step")

    def told() -> tuple[Counter[str], int]:
        return quarantined(line) - before, len(check(read_line(line.kafka)).findings)

    codes = Counter(["sender.signature-missing", "message.undecodable"])
    wanted = (codes, len(log.findings) + 1)
    wait_for(lambda: told() == wanted, 30, lambda: f"{told()}\n{line.logs()}")
    pages.write_item(tmp_path / "vol", 1, first=71)
    assert line.ask(*submission(tmp_path, "behind-them"))["state"] == "settled"
    assert {name: part["restarts"] for name, part in line.parts().items()} == restarts
    _, report = read_when_quiet(line)
    assert report.faults() == []


def test_what_the_sealer_cannot_seal_is_told_in_the_log_and_counted_apart(
    line: Line, delivered: Delivered
):
    _, before = read_when_quiet(line)
    stranger = Producer({**line.kafka.client})
    stranger.produce(INTAKE, NO_EVENT, key=b"x")
    assert stranger.flush(20) == 0

    def findings() -> int:
        return len(check(read_line(line.kafka)).findings)

    wait_for(lambda: findings() == len(before.findings) + 1, 20, lambda: f"{findings()} findings")
    _, report = read_when_quiet(line)
    assert report.faults() == []


def test_from_the_first_registered_person_on_a_batch_names_persons_who_are_registered(
    line: Line, delivered: Delivered, tmp_path: Path
):
    pages.write_item(tmp_path / "one" / "vol-p", 1, first=91)
    by_91 = ("--operator", "o-91")
    line.ask("person", "add", "--id", "p-4", "Grace Hopper")

    at_the_door = line.ask(*submission(tmp_path / "one", "persons-1"), *by_91, code=1)
    hand_over_unchecked(line, tmp_path / "one", "persons-1", operator="o-91")
    (record,) = line.ask("quarantine", "list", "--batch", "persons-1")
    asked = line.run("batch", "cancel", "persons-1", "--by", "o-18", "--reason", "test")
    maintenance = [
        line.run(*command, "--by", "o-18")
        for command in (
            ("audit", "rotate-key"),
            ("audit", "restore-topic"),
            ("fixity", "restore", "0" * 64, "--reason", "test"),
        )
    ]
    line.ask("person", "add", "--id", "o-91", "--by", "p-4")
    line.ask("quarantine", "release", record["quarantine_id"], "--by", "p-4", "--reason", "known")
    line.wait_for_figures("persons-1", seconds=60, packaged=1)
    line.ask("person", "retire", "o-91", "--by", "p-4", "--reason", "has left")
    retired = line.ask(*submission(tmp_path / "one", "persons-2"), *by_91, code=1)

    assert "person.unknown" in {one["code"] for one in at_the_door["diagnostics"]}
    assert (record["code"], record["state"]) == ("person.unknown", "open")
    assert "copystand person add --id o-91" in record["fix"]
    for refused in (asked, *maintenance):
        assert (refused.code, "person.unknown" in refused.stderr) == (1, True), refused
    assert "person.retired" in {one["code"] for one in retired["diagnostics"]}
    listed = {one["pseudonym"]: one["state"] for one in line.ask("person", "list")}
    assert (listed["p-4"], listed["o-91"]) == ("registered", "retired")
    assert line.ask("status")["persons"] == 2
    _, report = read_when_quiet(line)
    assert report.faults() == []
