"""Two homes side by side: the same delivery gives the same content, and neither touches the other."""

from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

from infra.topics import admin
from streams.transparency_log.export import newest_checkpoint
from streams.transparency_log.log_keys import read_public_keys
from streams.transparency_log.note import parse_verifier_key
from tests.support import pages
from tests.support.reader import PREMIS
from tests.support.running_line import Line, wait_for
from tests.support.whole_log import read_when_quiet

BATCH = "twice-1"


def submitted(line: Line, folder: Path) -> list[dict[str, str]]:
    """The packages that a line made of a folder."""
    line.ask("station", "submit", folder, "--batch-id", BATCH, "--wait", "--timeout", "60")
    rows: list[dict[str, str]] = line.ask("packages", "list", "--batch", BATCH)
    return rows


def test_the_same_delivery_in_two_homes_gives_the_same_content_and_ids(
    line: Line, second_line: Line, tmp_path: Path
):
    pages.write_item(tmp_path / "vol-1", 2, first=71)
    pages.write_item(tmp_path / "vol-2", 1, first=73)

    here, there = submitted(line, tmp_path), submitted(second_line, tmp_path)

    told = [{(row["package_id"], row["content_digest"]) for row in rows} for rows in (here, there)]
    assert len(told[0]) == 2
    assert told[0] == told[1]
    for one in (line, second_line):
        read_when_quiet(one)
    page = f"{BATCH}.vol-1:0001"
    events = [one.ask("audit", "page", page) for one in (line, second_line)]
    # Branches end in any order, so it is the set that is the same.
    assert len({len(told) for told in events}) == 1
    assert {e["event_id"] for e in events[0]} == {e["event_id"] for e in events[1]}


def test_a_page_that_was_released_with_a_corrected_file_gives_the_content_of_one_that_never_failed(
    line: Line, second_line: Line, tmp_path: Path
):
    good, bad = tmp_path / "good", tmp_path / "bad"
    for folder in (good, bad):
        pages.write_item(folder / "vol-m", 2, first=77)
    pages.damage(bad / "vol-m" / "f2.tif")
    words = ("--batch-id", "mended", "--wait", "--timeout", "60")
    second_line.ask("station", "submit", good, *words)
    (name,) = line.ask("station", "submit", bad, *words, code=1)["quarantined"]
    mended = good / "vol-m" / "f2.tif"

    decision = line.ask(
        *("quarantine", "release", name, "--file", mended),
        *("--by", "p-4", "--reason", "scanned again"),
    )

    assert (decision["granted"], decision["code"]) == (True, None)
    line.wait_for_figures("mended", seconds=60, packaged=2)
    (here,), (there,) = (
        one.ask("packages", "list", "--batch", "mended") for one in (line, second_line)
    )
    assert here["content_digest"] == there["content_digest"]
    assert here["sha256"] != there["sha256"]
    assert line.ask("quarantine", "show", name)["state"] == "released"
    told = [one["event_type"] for one in line.wait_for_events("page", "mended.vol-m:0002")]
    assert "decision" in told and told.count("admission") == 2


def test_neither_home_touches_the_other(line: Line, second_line: Line, tmp_path: Path):
    pages.write_item(tmp_path / "vol-3", 1, first=74)
    before = {name: part["pid"] for name, part in line.parts().items()}
    known = line.ask("status")["batches"]

    second_line.ask(
        "station", "submit", tmp_path, "--batch-id", "elsewhere", "--wait", "--timeout", "60"
    )
    second_line.ask("down")

    assert set(line.ports().values()).isdisjoint(second_line.ports().values())
    assert {name: part["pid"] for name, part in line.parts().items()} == before
    assert line.ask("status")["batches"] == known
    assert line.run("packages", "show", "elsewhere.vol-3.v1").code == 1
    assert second_line.run("status").code == 3


@pytest.mark.long
def test_the_second_home_repairs_a_topic_that_lost_records_and_its_tables_and_replaces_its_key(
    second_line: Line, tmp_path: Path
):
    """The last test of this line: afterwards, its events are on another topic."""
    line = second_line
    line.up()
    line.wait_until_all_parts_are_ready()
    line.ask("person", "add", "--id", "p-4")  # others who use this line may register persons
    submit_a_page(line, tmp_path, "before-repair")
    line.ask("audit", "export", "--all", tmp_path / "export")
    delete_records(line, before=7)
    assert line.ask("audit", "verify", code=1)["why"].startswith("topic: ")

    restored = line.ask("audit", "restore-topic", "--by", "p-4", "--timeout", "90")

    assert (restored["topic"], restored["restored"]) == (f"{PREMIS}.g2", True)
    made = [line.ask("audit", "rebuild", "--from", one) for one in ("topic", "log")]
    assert made[0]["events"] > restored["events"]
    assert made[1]["dump"] == made[0]["dump"] or made[1]["events"] > made[0]["events"]
    assert not line.ask("audit", "restore-topic", "--by", "p-4")["restored"]
    rotated = line.ask("audit", "rotate-key", "--by", "p-4", "--timeout", "90")
    line.down()
    line.up()  # the permissions are for the topic in use, also from now on
    line.wait_until_all_parts_are_ready()
    submit_a_page(line, tmp_path, "after-repair")
    wait_for(lambda: line.run("audit", "page", "after-repair.vol-z:0001").code == 0, 30, line.logs)
    assert line.ask("audit", "verify")["ok"]
    log = line.home / "audit" / "log"
    assert read_public_keys(log)[-1].key == parse_verifier_key(rotated["key"])
    assert newest_checkpoint(log).topic == f"{PREMIS}.g2"
    old_key = str(read_public_keys(log)[0].key)
    seen = line.ask("audit", "witness", log, "--state", tmp_path / "witness", "--key", old_key)
    assert seen["size"] > restored["events"]


def submit_a_page(line: Line, folder: Path, batch_id: str) -> None:
    pages.write_item(folder / batch_id / "vol-z", 1, first=75)
    words = ("--batch-id", batch_id, "--wait", "--timeout", "90")
    line.ask("station", "submit", folder / batch_id, *words)


def delete_records(line: Line, before: int) -> None:
    """What an administrator of Kafka can do to the sealed records."""
    client = admin(line.kafka)
    policy = ConfigEntry(
        "cleanup.policy", "compact,delete", incremental_operation=AlterConfigOpType.SET
    )
    resource = ConfigResource(ConfigResource.Type.TOPIC, PREMIS, incremental_configs=[policy])
    for future in client.incremental_alter_configs([resource]).values():
        future.result(30)
    for future in client.delete_records([TopicPartition(PREMIS, 0, before)]).values():
        future.result(30)
