"""A delivery that supplements its own item becomes a delivery of the earlier pages and its own."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from processors.manifest import check_manifest
from processors.rules.codes import is_error
from processors.rules.manifest_view import View
from processors.tools import Area
from streams.clients.station import submission, supplement
from streams.clients.station.folder import Delivery, SubmissionOptions, read_folder
from streams.clients.station.line_queries import EarlierVersion
from streams.clients.station.supplement import with_earlier_pages
from streams.settings import NotUp, Settings
from streams.storage.memory import MemoryStorage
from tests.support.deliveries import a_png

DESCRIBED = {"item_id": "ms-9", "title": "The ledger", "languages": ["lat"], "part_of": None}


class Line:
    """What the station asks a line about."""

    def __init__(self, version: EarlierVersion | None) -> None:
        self.version = version

    def latest_version(self, item_id: str) -> EarlierVersion | None:
        assert item_id == "ms-9"
        return self.version


@pytest.fixture
def store(tmp_path: Path) -> MemoryStorage:
    return MemoryStorage(tmp_path / "store")


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch, store: MemoryStorage) -> Line:
    asked = Line(a_version(store, [a_page(store, 1), a_page(store, 2)]))

    @contextmanager
    def queries(_: Settings) -> Iterator[Line]:
        yield asked

    monkeypatch.setattr(supplement, "line_queries", queries)
    monkeypatch.setattr(supplement, "open_storage", lambda _: store)
    return asked


def kept(store: MemoryStorage, name: str, content: bytes) -> dict[str, Any]:
    file = store.keep(content, area=Area.STAGING, use="capture", media_type="image/png")
    return {"path": name, "vendor_checksums": [], **file.model_dump(exclude={"use"})}


def a_page(store: MemoryStorage, number: int, **changes: Any) -> dict[str, Any]:
    page = {
        "ref": f"{number:04d}",
        "sequence": number,
        "kind": "page",
        "layout": "single",
        "labels": [f"{number}r"],
        "languages": ["lat"],
        "script": None,
        "capture": "e-1",
        "text": None,
        "withdrawn": False,
        "file": kept(store, f"old/{number}.png", a_png(number)),
    }
    return page | changes


def a_version(store: MemoryStorage, pages: list[dict[str, Any]], **changes: Any) -> EarlierVersion:
    record = kept(store, "old/made-by-station.dc.xml", b"<dc/>")
    records = [{"role": "descriptive", "schema": "DublinCore", "version": None, "file": record}]
    document = json.dumps({"item": DESCRIBED, "records": records}).encode()
    page_list = store.keep(document, area=Area.RECORDS, use="page-list", media_type="text/json")
    reference = page_list.model_dump(exclude={"use"})
    fields = {"revision": 1, "state": "packaged", "page_list": reference, "pages": pages}
    return EarlierVersion(**{**fields, **changes})


def delivered(folder: Path, *names: str, table: str = "", **stated: Any) -> Delivery:
    folder.mkdir()
    for number, name in enumerate(names, 50):
        (folder / name).write_bytes(a_png(number))
    fields = {"item_id": "ms-9", "supplements": "ms-9", **stated}
    (folder / "item.json").write_text(json.dumps(fields))
    if table:
        (folder / "pages.csv").write_text(table)
    return read_folder(folder, SubmissionOptions("b-2"))


def merged(delivery: Delivery) -> dict[str, Any]:
    made = with_earlier_pages(delivery, Settings.load({}))
    _, found = check_manifest(View(made.manifest))
    assert [one for one in found if is_error(one)] == []
    (item,) = made.manifest["items"]
    return dict(item)


def places(item: dict[str, Any]) -> list[tuple[int, str | None, str | None]]:
    return [(p["sequence"], p["ref"], p["file"] and p["file"]["path"]) for p in item["pages"]]


def test_new_pages_follow_the_earlier_ones(line: Line, tmp_path: Path):
    delivery = delivered(tmp_path / "d", "a.png", "b.png", part_of="Ledgers")

    item = merged(delivery)

    assert places(item) == [
        (1, "0001", "old/1.png"),
        (2, "0002", "old/2.png"),
        (3, None, "a.png"),
        (4, None, "b.png"),
    ]
    assert (item["title"], item["languages"], item["part_of"]) == ("The ledger", ["lat"], "Ledgers")
    assert (item["replaces"], item["supplements"]) == ("ms-9.v1", "ms-9")
    assert [page["labels"] for page in item["pages"]] == [["1r"], ["2r"], [], []]
    assert [record["file"]["path"] for record in item["metadata"]] == ["old/made-by-station.dc.xml"]


def test_files_of_the_earlier_version_come_from_the_store(line: Line, tmp_path: Path):
    delivery = delivered(tmp_path / "d", "a.png")

    merged(delivery)

    content = {file.name: file.content for file in delivery.files}["old/1.png"]
    assert not isinstance(content, bytes)
    assert content.path.read_bytes() == a_png(1)
    listed = {file.name: file.sha256 for file in delivery.files}
    assert listed["old/1.png"] == hashlib.sha256(a_png(1)).hexdigest()


def test_a_page_of_pages_csv_takes_the_place_of_a_missing_one(
    line: Line, store: MemoryStorage, tmp_path: Path
):
    lost = [a_page(store, 2, kind="missing", file=None), a_page(store, 3, withdrawn=True)]
    line.version = a_version(store, [a_page(store, 1), *lost])

    item = merged(delivered(tmp_path / "d", "a.png", table="file,sequence\na.png,2\n"))

    assert places(item) == [(1, "0001", "old/1.png"), (2, "0002", "a.png"), (3, "0003", None)]
    assert [page["kind"] for page in item["pages"]] == ["page", "page", "missing"]


@pytest.mark.parametrize("state", ["registered", "running", "held", "completed"])
def test_an_item_that_has_not_ended_is_left_to_the_line(
    line: Line, store: MemoryStorage, tmp_path: Path, state: str
):
    line.version = a_version(store, [a_page(store, 1)], state=state)

    item = merged(delivered(tmp_path / "d", "a.png"))

    assert (places(item), item.get("replaces")) == ([(1, None, "a.png")], None)


def test_an_unknown_item_is_a_first_delivery(line: Line, tmp_path: Path):
    line.version = None

    assert len(merged(delivered(tmp_path / "d", "a.png"))["pages"]) == 1


def test_without_the_line_the_delivery_is_as_it_was_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    def away(_: Settings) -> None:
        raise NotUp("no line")

    monkeypatch.setattr(supplement, "line_queries", away)

    assert len(merged(delivered(tmp_path / "d", "a.png"))["pages"]) == 1


@pytest.mark.parametrize("reason", [NotUp("no line"), psycopg.OperationalError("no database")])
def test_a_submission_without_the_line_is_not_published_as_the_line_would_refuse_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, reason: Exception
):
    def away(_: Settings) -> None:
        raise reason

    monkeypatch.setattr(supplement, "line_queries", away)
    delivered(tmp_path / "d", "a.png")
    published: list[str] = []

    with pytest.raises(NotUp, match="the pages of ms-9, to which this delivery adds pages"):
        submission.submit(
            tmp_path / "d",
            SubmissionOptions("b-2"),
            Settings.load({}),
            publish=lambda topic, key, value: published.append(key),
        )
    assert published == []


@pytest.mark.parametrize("other", [{"supplements": "ms-8"}, {"replaces": "ms-9"}])
def test_other_relations_are_left_as_they_are(line: Line, tmp_path: Path, other: dict[str, str]):
    line.version = None
    delivery = delivered(tmp_path / "d", "a.png", **other)
    before = json.dumps(delivery.manifest)

    assert json.dumps(with_earlier_pages(delivery, Settings.load({})).manifest) == before
