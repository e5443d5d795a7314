"""The manifest of a folder: its files in order, and a diagnostic for each file left out."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from processors.manifest import check_manifest
from processors.rules.manifest_view import View
from streams.clients.station.folder import Delivery, SubmissionOptions, read_folder
from tests.support.deliveries import ALTO, CORPORA, METS, MODS, a_folder, a_png

OPTIONS = SubmissionOptions("b-1")
needs_corpora = pytest.mark.skipif(not CORPORA.is_dir(), reason=f"{CORPORA} is not here")


def read(folder: Path, **options: Any) -> Delivery:
    return read_folder(folder, SubmissionOptions("b-1", **options))


def codes(delivery: Delivery) -> list[tuple[str, str]]:
    return [(one.code, one.where) for one in delivery.diagnostics]


def paths(delivery: Delivery, item: int = 0) -> list[str]:
    pages = delivery.manifest["items"][item]["pages"]
    return [page["file"]["path"] for page in pages if page["file"]]


def is_accepted(delivery: Delivery) -> bool:
    return delivery.may_be_published and check_manifest(View(delivery.manifest))[0] is not None


def test_a_folder_of_images_is_one_item(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "ms-88", {"1.png": a_png(1), "2.png": a_png(2), "mods.xml": MODS})

    made = read(folder)

    [item] = made.manifest["items"]
    assert item["item_id"] == "b-1.ms-88"
    assert item["identifiers"] == [{"type": "folder", "value": "ms-88"}]
    assert paths(made) == ["1.png", "2.png"]
    assert [page["sequence"] for page in item["pages"]] == [1, 2]
    assert item["pages"][0]["file"]["sha256"] == sha256(a_png(1)).hexdigest()
    assert item["metadata"][0]["file"]["path"] == "mods.xml"
    assert (made.manifest["metadata_schema"], made.manifest["file_count"]) == ("MODS", 3)
    assert made.diagnostics == []
    assert is_accepted(made)


def test_sub_folders_are_items_in_natural_order(tmp_path: Path) -> None:
    names = ("vol 10", "vol 2", "vol 1")
    folder = a_folder(tmp_path / "d", {f"{name}/a.png": a_png(n) for n, name in enumerate(names)})

    made = read(folder)

    items = made.manifest["items"]
    assert [item["title"] for item in items] == ["vol 1", "vol 2", "vol 10"]
    assert items[0]["item_id"].startswith("b-1.vol-1-")
    assert items[0]["identifiers"][0]["value"] == "vol 1"
    assert is_accepted(made)


def test_pages_are_in_natural_order_whatever_their_extension(tmp_path: Path) -> None:
    names = ["x_f10.tif.jpeg", "x_f2.tif.jpeg", "x_f1.png", "X_f3.PNG", "x_f02b.png"]
    folder = a_folder(tmp_path / "d", {name: a_png(n) for n, name in enumerate(names)})

    assert paths(read(folder)) == [
        "x_f1.png",
        "x_f2.tif.jpeg",
        "x_f02b.png",
        "X_f3.PNG",
        "x_f10.tif.jpeg",
    ]


def test_images_are_identified_by_content(tmp_path: Path) -> None:
    files = {"a.txt": a_png(1), "b.doc": "no image", "c": b"GIF89a\1\0\1\0\0\0\0;"}
    made = read(a_folder(tmp_path / "d", files))

    assert paths(made) == ["a.txt", "c"]
    assert ("file.left-out", "b.doc") in codes(made)
    assert next(one.found for one in made.diagnostics if one.where == "b.doc") == (
        "identified as plain text"
    )


def test_system_files_are_skipped_without_a_diagnostic(tmp_path: Path) -> None:
    debris = {".DS_Store": "x", "Thumbs.db": "x", "desktop.ini": "x", ".git/a/b/c": "x"}
    made = read(a_folder(tmp_path / "d", {"1.png": a_png(), "m.xml": MODS, **debris}))

    assert made.diagnostics == []
    assert made.page_count == 1


def test_an_item_without_a_record_gets_one_that_names_the_station(tmp_path: Path) -> None:
    made = read(a_folder(tmp_path / "A & B", {"1.png": a_png()}))

    record = made.manifest["items"][0]["metadata"][0]
    source = next(one for one in made.files if one.use == "record")
    assert isinstance(source.content, bytes)
    root = ElementTree.fromstring(source.content)
    texts = [element.text or "" for element in root]
    assert root.tag == "{http://www.openarchives.org/OAI/2.0/oai_dc/}dc"
    assert texts[0] == "A & B"
    assert any("made by copystand station" in text for text in texts)
    assert (record["schema"], record["file"]["path"]) == ("DublinCore", "made-by-station.dc.xml")
    assert codes(made) == [("record.made-by-station", "made-by-station.dc.xml")]
    assert made.manifest["file_count"] == 2
    assert is_accepted(made)


def test_records_are_identified_by_their_root_element(tmp_path: Path) -> None:
    premis = b'<premis xmlns="http://www.loc.gov/premis/v3" version="3.0"/>'
    dc = b'<?xml version="1.0"?><oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/"/>'
    files = {
        "1.png": a_png(),
        "a": METS,
        "b.xml": MODS,
        "c.xml": premis,
        "d.txt": dc,
        "1.xml": ALTO,
    }
    made = read(a_folder(tmp_path / "d", files))

    records = made.manifest["items"][0]["metadata"]
    assert [(one["schema"], one["role"], one["version"]) for one in records] == [
        ("METS", "structural", None),
        ("MODS", "descriptive", "3.8"),
        ("PREMIS", "preservation", "3.0"),
        ("DublinCore", "descriptive", None),
    ]
    assert made.manifest["items"][0]["pages"][0]["text"]["path"] == "1.xml"
    assert made.diagnostics == []


def test_item_json_sets_any_field_of_the_item(tmp_path: Path) -> None:
    fields = {
        "item_id": "ms-88",
        "title": "Psalter",
        "languages": ["lat"],
        "rights": {"access": "open"},
    }
    made = read(a_folder(tmp_path / "d", {"1.png": a_png(), "item.json": json.dumps(fields)}))

    item = made.manifest["items"][0]
    assert {name: item[name] for name in fields} == fields
    assert codes(made) == [("record.made-by-station", "made-by-station.dc.xml")]
    assert is_accepted(made)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{", "item-json.unreadable"),
        ("[]", "item-json.unreadable"),
        ('{"pages": []}', "item-json.field-refused"),
    ],
)
def test_an_invalid_item_json_prevents_publishing(tmp_path: Path, content: str, code: str) -> None:
    made = read(a_folder(tmp_path / "d", {"1.png": a_png(), "m.xml": MODS, "item.json": content}))

    assert codes(made) == [(code, "item.json")]
    assert not made.may_be_published


def test_pages_csv_orders_and_describes_pages(tmp_path: Path) -> None:
    table = "\ufefffile;sequence;kind;labels;languages\r\nb.png;1;cover;;\r\na.png;2;;1v|2r;lat fra\r\n;3;missing;2v;\r\n"
    made = read(
        a_folder(
            tmp_path / "d",
            {"a.png": a_png(1), "b.png": a_png(2), "m.xml": MODS, "pages.csv": table},
        )
    )

    pages = made.manifest["items"][0]["pages"]
    assert [(page["sequence"], page["kind"]) for page in pages] == [
        (1, "cover"),
        (2, "page"),
        (3, "missing"),
    ]
    assert (pages[1]["labels"], pages[1]["languages"]) == (["1v", "2r"], ["lat", "fra"])
    assert pages[2]["file"] is None
    assert made.diagnostics == []
    assert is_accepted(made)


def test_differences_between_pages_csv_and_folder_are_reported(tmp_path: Path) -> None:
    table = "file,sequence\n1.png,1\n9.png,2\n"
    made = read(
        a_folder(
            tmp_path / "d",
            {"1.png": a_png(1), "2.png": a_png(2), "m.xml": MODS, "pages.csv": table},
        )
    )

    assert codes(made) == [
        ("pages-csv.file-missing", "pages.csv, line 3"),
        ("pages-csv.file-unlisted", "2.png"),
    ]
    assert made.may_be_published
    faults = [(one.code, one.where) for one in check_manifest(View(made.manifest))[1]]
    assert faults == [("page.file-missing", "items[0].pages[1].file")]


def test_the_batch_language_is_the_default_of_its_items(tmp_path: Path) -> None:
    made = read(a_folder(tmp_path / "d", {"1.png": a_png()}), language="fra")

    assert made.manifest["items"][0]["languages"] == ["fra"]


def test_the_same_folder_gives_the_same_manifest(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "d", {"a/1.png": a_png(1), "b/1.png": a_png(2)})
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}

    first, second = read(folder), read(folder)

    assert first.manifest == second.manifest
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@needs_corpora
def test_the_gallica_folder_has_its_pages_in_order() -> None:
    made = read(CORPORA / "gallicorpora-18e" / "bpt6k1281160s", language="fra")

    assert [path.split("_f")[1].split(".")[0] for path in paths(made)] == [
        str(number) for number in range(11, 31)
    ]
    pages = made.manifest["items"][0]["pages"]
    assert [page["text"]["path"].split(".")[0] for page in pages] == [
        path.split(".")[0] for path in paths(made)
    ]
    assert codes(made) == [("record.made-by-station", "made-by-station.dc.xml")]
    assert is_accepted(made)


@needs_corpora
def test_the_kant_bag_has_one_item_of_two_pages() -> None:
    made = read(CORPORA / "kant-1784", language="deu")

    [item] = made.manifest["items"]
    assert item["item_id"] == "b-1.kant-1784"
    assert paths(made) == ["data/OCR-D-IMG/INPUT_0017.tif", "data/OCR-D-IMG/INPUT_0020.tif"]
    assert [record["schema"] for record in item["metadata"]] == ["METS", "BagInfo"]
    assert {code for code, _ in codes(made)} == {
        "folder.without-images",
        "file.left-out",
        "record.not-checked",
    }
    assert is_accepted(made)
