"""Quarantine is not the end: an item goes on without a page, a batch with a corrected manifest."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra import standards
from tests.support import pages
from tests.support.delivery import hand_over_unchecked, submission
from tests.support.premis_judge import events, layout_of, premis_faults
from tests.support.running_line import Line
from tests.support.true_order import causes_of, effects_before_causes
from tests.support.whole_log import read_when_quiet

PREMIS = "data/metadata/premis.xml"
ASKED = ("--by", "p-4", "--reason", "as the curator says")
REASON = "Frau Muster of the reading room has asked for it"
NAME = b"Muster"
BASE64 = re.compile(rb"[A-Za-z0-9+/=]{40,}")


@pytest.fixture
def held(line: Line, tmp_path: Path) -> dict[str, str]:
    """Items whose second page is damaged, or is a stray file; record by item."""
    for number, name in enumerate(("vol-w", "vol-r", "vol-f", "vol-n")):
        pages.write_item(tmp_path / name, 2, first=85 + 2 * number)
        pages.damage(tmp_path / name / "f2.tif")
    (tmp_path / "vol-n" / "f2.tif").write_bytes(b"")
    line.run(*submission(tmp_path, "unlucky"))
    rows = line.ask("quarantine", "list", "--batch", "unlucky", "--state", "open")
    return {row["item_id"].rpartition(".")[2]: row["quarantine_id"] for row in rows}


def test_quarantined_pages_are_decided_in_every_way(
    line: Line, held: dict[str, str], tmp_path: Path
):
    stray = line.ask("quarantine", "withdraw", held["vol-n"], "--not-a-page", *ASKED)
    pages.write_page(tmp_path / "corrected" / "vol-f" / "f2.tif", 90)
    corrected = line.ask(
        *("quarantine", "release", "--batch", "unlucky", "--from", tmp_path / "corrected", *ASKED)
    )
    withdrawn = line.ask("quarantine", "withdraw", held["vol-w"], *ASKED)
    rejected = line.ask("quarantine", "reject", held["vol-r"], *ASKED)

    assert withdrawn["granted"] and rejected["granted"] and stray["granted"]
    assert corrected["subjects"] == [f"quarantine:{held['vol-f']}"]
    expected = {"registered": 8, "packaged": 6, "quarantined": 0, "cancelled": 2, "in_flight": 0}
    line.wait_for_figures("unlucky", seconds=60, **expected)
    packages = {one["item_id"]: one for one in line.ask("packages", "list", "--batch", "unlucky")}
    assert {name: one["completeness"] for name, one in packages.items()} == {
        "unlucky.vol-w": "incomplete",
        "unlucky.vol-f": "complete",
        "unlucky.vol-n": "complete",
    }
    lost = packages["unlucky.vol-w"]["package_id"]
    assert line.ask("packages", "show", lost)["missing_pages"] == 1
    published = len(line.ask("packages", "list"))
    followed = line.ask("packages", "follow", "--group", "curator", "--limit", published)
    assert {one["package_id"]: one["missing_pages"] for one in followed}[lost] == 1
    own = [one for one in followed if one["package_id"].startswith("unlucky.")]
    assert [one["package_id"] for one in own if one["completeness"] == "incomplete"] == [lost]
    assert "incomplete, missing: 1 page" in line.run("packages", "fetch", lost, tmp_path).stdout
    line.run("packages", "fetch", packages["unlucky.vol-f"]["package_id"], tmp_path / "fetched")
    history_of(tmp_path / "fetched" / "unlucky.vol-f.v1", "page.not-decodable", "decision")
    shown = line.ask("batch", "show", "unlucky")
    counted = {one["item_id"]: (one["missing"], one["not_pages"]) for one in shown["items"]}
    assert (counted["unlucky.vol-w"], counted["unlucky.vol-n"]) == ((1, 0), (0, 1))
    by_package = {one["item_id"]: one["completeness"] for one in shown["packages"]}
    assert by_package["unlucky.vol-w"] == "incomplete"
    states = {row["state"] for row in line.ask("quarantine", "list", "--batch", "unlucky")}
    assert states == {"withdrawn", "rejected", "released"}
    events = line.wait_for_events("batch", "unlucky", count=3)
    assert effects_before_causes(events, causes_of(line)) == []
    refused = line.ask("quarantine", "release", held["vol-r"], *ASKED, code=1)
    assert refused["code"] == "quarantine.not-open"


def history_of(bag: Path, code: str, *types: str) -> None:
    """The PREMIS of a bag of layout 2 has what happened before the item was complete."""
    assert premis_faults(bag, standards.fetch()) == []
    if layout_of(bag) == 1:
        return
    found = events(bag)
    assert ("quarantine", code) in found
    assert {"submission receipt", "registration", *types} <= {kind for kind, _ in found}
    assert found[-1] == ("information package creation", "success")


def test_a_corrected_manifest_takes_the_place_of_one_that_was_refused(line: Line, tmp_path: Path):
    pages.write_item(tmp_path / "vol-k", 1, first=89)
    (tmp_path / "vol-k" / "item.json").write_text('{"languages": ["xx-nonsense"]}')
    hand_over_unchecked(line, tmp_path, "corrected")
    (row,) = line.ask("quarantine", "list", "--batch", "corrected")
    (tmp_path / "vol-k" / "item.json").write_text('{"languages": ["eng"]}')

    answer = line.run(*submission(tmp_path, "corrected"), "--json")

    assert (row["code"], row["item_id"]) == ("language.unknown", None)
    assert answer.code == 0, answer
    (package,) = line.ask("packages", "list", "--batch", "corrected")
    assert (package["package_id"], package["completeness"]) == ("corrected.vol-k.v1", "complete")
    assert line.ask("quarantine", "show", row["quarantine_id"])["state"] == "superseded"
    line.run("packages", "fetch", package["package_id"], tmp_path / "fetched")
    history_of(tmp_path / "fetched" / "corrected.vol-k.v1", "language.unknown")


def test_a_delivery_that_replaces_a_packaged_item_is_its_next_version(line: Line, tmp_path: Path):
    for batch_id, count, first in (("versions-1", 1, 93), ("versions-2", 2, 94)):
        folder = tmp_path / batch_id
        pages.write_item(folder / "vol", count, first=first, item_id="ms-9", replaces="ms-9")
        checked = line.ask("station", "check", folder, "--batch-id", batch_id)
        assert [one for one in checked if one["code"] == "item.already-delivered"] == []
        assert line.ask(*submission(folder, batch_id))["state"] == "settled"

    packages = {one["package_id"]: one for one in line.ask("packages", "list", "--item", "ms-9")}
    assert {name: one["state"] for name, one in packages.items()} == {
        "ms-9.v1": "superseded",
        "ms-9.v2": "published",
    }
    assert [line.figures(name)["packaged"] for name in ("versions-1", "versions-2")] == [1, 2]
    (earlier,) = line.ask("batch", "show", "versions-1")["items"]
    assert (earlier["revision"], earlier["packaged"], earlier["package_id"]) == (1, 1, "ms-9.v1")
    line.ask("packages", "fetch", "ms-9.v2", tmp_path / "fetched")
    premis = (tmp_path / "fetched" / "ms-9.v2" / PREMIS).read_text("utf-8")
    assert "<relatedObjectIdentifierValue>ms-9.v1<" in premis
    events = line.wait_for_events("page", "ms-9:0001", "PageRecognized", 2)
    assert [one["event_type"] for one in events].count("transcription") == 2
    is_supplemented(line, tmp_path)
    _, report = read_when_quiet(line)
    assert report.faults() == []


def is_supplemented(line: Line, tmp_path: Path) -> None:
    """A delivery that supplements its own item adds its page to those of the latest version."""
    folder = tmp_path / "versions-3"
    pages.write_page(folder / "vol" / "f3.tif", 99)
    stated = {"item_id": "ms-9", "supplements": "ms-9", "part_of": "Ledgers"}
    (folder / "vol" / "item.json").write_text(json.dumps(stated))
    checked = line.ask("station", "check", folder, "--batch-id", "versions-3")
    assert [one["code"] for one in checked if one["severity"] in ("error", "fatal")] == []
    assert line.ask(*submission(folder, "versions-3"))["state"] == "settled"

    (package,) = line.ask("packages", "list", "--batch", "versions-3")
    assert (package["package_id"], package["completeness"]) == ("ms-9.v3", "complete")
    bag = Path(line.ask("packages", "fetch", "ms-9.v3", tmp_path / "third")["path"])
    read = [path.read_text() for path in sorted((bag / "data" / "text").glob("*.txt"))]
    assert [f"Page {number}" in text for number, text in zip((94, 95, 99), read, strict=True)] == [
        True
    ] * 3
    dc = (bag / "data" / "metadata" / "dc.xml").read_text()
    assert "<dc:title>vol</dc:title>" in dc
    premis = (bag / PREMIS).read_text("utf-8")
    assert "<relatedObjectIdentifierValue>ms-9.v2<" in premis
    assert "supplements" not in premis


def test_a_reason_is_shown_until_it_is_deleted_and_is_nowhere_else(line: Line, tmp_path: Path):
    pages.write_item(tmp_path / "in" / "vol-t", 2, first=95)
    pages.damage(tmp_path / "in" / "vol-t" / "f2.tif")
    line.run(*submission(tmp_path / "in", "texts"))
    (record,) = line.ask("quarantine", "list", "--batch", "texts")
    corrected = pages.write_page(tmp_path / "f2.tif", 96)
    words = ("--file", corrected, "--by", "p-4", "--reason", REASON)

    decision = line.ask("quarantine", "release", record["quarantine_id"], *words)
    line.wait_for_figures("texts", seconds=60, packaged=2, in_flight=0)
    raws, report = read_when_quiet(line)

    shown = line.run("audit", "item", "texts.vol-t").stdout
    event, (text,) = decided(line)
    reference = text["reference"]
    assert (decision["reason"], text["text"], text["written_by"]) == (REASON, REASON, "p-4")
    assert event["detail"] == f"release: {reference}"
    assert f"release: {REASON}" in " ".join(shown.split())
    assert report.faults() == []
    assert [raw.place for raw in raws if NAME in (raw.value or b"")] == []
    assert any(reference.encode() in (raw.value or b"") for raw in raws)
    kept = dict(files(line, "receipts", "audit", "packages", "staging", "log", "kafka"))
    assert [path for path, content in kept.items() if NAME in content] == []
    with_reference = {
        path.relative_to(line.home).parts[0]
        for path, content in kept.items()
        if reference.encode() in content
    }
    assert {"audit", "packages"} <= with_reference

    answer = line.ask("text", "delete", reference, "--by", "p-4", "--reason", "asked by the person")

    assert (answer["granted"], answer["deleted"]) == (True, [reference])
    same, (text,) = decided(line)
    assert same["detail"] == event["detail"]
    assert (text["text"], text["changed"]) == (None, False)
    shown = " ".join(line.run("audit", "item", "texts.vol-t").stdout.split())
    assert f"release: [text deleted on {text['deleted_at'][:10]}]" in shown
    with psycopg.connect(line.dsn(), autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    tables = files(line, "postgres/base")
    assert [path for path, content in tables if NAME in content] == []
    read_when_quiet(line)
    verified = line.ask("audit", "verify")
    assert (verified["ok"], verified["faults"]) == (True, [])
    again = line.ask("text", "delete", reference, *ASKED, code=1)
    assert again["decisions"][0]["code"] == "text.not-stored"


def decided(line: Line) -> tuple[dict[str, object], list[dict[str, str]]]:
    """The event of the decision about the item, and its texts."""
    events = line.ask("audit", "item", "texts.vol-t")
    (event,) = [one for one in events if one["fact"] == "ControlDecided"]
    return event, event["texts"]


def files(line: Line, *folders: str) -> Iterator[tuple[Path, bytes]]:
    """The files below these folders of the home, with the values of the messages in receipts."""
    for folder in folders:
        assert (line.home / folder).is_dir(), folder
        for path in (line.home / folder).rglob("*"):
            try:
                content = path.read_bytes() if path.is_file() else b""
            except FileNotFoundError:
                continue  # The line runs.
            values = BASE64.findall(content) if folder == "receipts" else []
            yield path, b"\n".join([content, *(decoded(one) for one in values)])


def decoded(text: bytes) -> bytes:
    """The bytes of a base64 text; nothing for another one."""
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""
