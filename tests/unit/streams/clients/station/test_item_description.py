"""Titles, identifiers and languages of items: from item.json, else from records, else the folder."""

import json
from pathlib import Path
from typing import Any

import pytest

from streams.clients.station.folder import Delivery, SubmissionOptions, read_folder
from tests.support.corpora import corpus
from tests.support.deliveries import METS, a_folder, a_png

MODS = """<mods xmlns="http://www.loc.gov/mods/v3"><titleInfo><title>Gäste</title></titleInfo>
<language><languageTerm type="code">ger</languageTerm></language>
<identifier type="ppn">77</identifier></mods>"""


def delivered(folder: Path, files: dict[str, bytes | str], language: str | None = None) -> Delivery:
    images: dict[str, bytes | str] = {"1.png": a_png(1), "2.png": a_png(2)}
    made = a_folder(folder / "box-7", images | files)
    return read_folder(made, SubmissionOptions("b-1", language=language))


def item_of(delivery: Delivery) -> dict[str, Any]:
    [item] = delivery.manifest["items"]
    assert isinstance(item, dict)
    return item


def stated(delivery: Delivery) -> tuple[Any, Any, Any]:
    item = item_of(delivery)
    return item["title"], [one["value"] for one in item["identifiers"]], item["languages"]


def codes(delivery: Delivery) -> list[str]:
    return [one.code for one in delivery.diagnostics]


def test_an_item_without_record_has_its_folders_name_and_no_language(tmp_path: Path):
    assert stated(delivered(tmp_path, {})) == ("box-7", ["box-7"], None)


def test_a_record_wins_over_the_folder_and_the_language_of_the_batch(tmp_path: Path):
    made = delivered(tmp_path, {"mods.xml": MODS}, language="fra")

    assert stated(made) == ("Gäste", ["77"], ["ger"])


def test_item_json_wins_over_a_record(tmp_path: Path):
    fields = {"title": "Own", "languages": ["lat"], "identifiers": [{"type": "x", "value": "1"}]}

    made = delivered(tmp_path, {"mods.xml": MODS, "item.json": json.dumps(fields)})

    assert stated(made) == ("Own", ["1"], ["lat"])


def test_null_in_item_json_states_nothing(tmp_path: Path):
    null = json.dumps({"languages": None, "title": None})

    assert stated(delivered(tmp_path, {"item.json": null}, "fra")) == ("box-7", ["box-7"], ["fra"])
    made = delivered(tmp_path, {"item.json": null, "mods.xml": MODS}, "fra")
    assert stated(made) == ("Gäste", ["77"], ["ger"])


def test_what_one_record_lacks_comes_from_the_next(tmp_path: Path):
    dc = '<dc xmlns="http://purl.org/dc/elements/1.1/"><title>Other</title><language>fr</language></dc>'
    mods = MODS.replace("<language>", "<note>").replace("</language>", "</note>")

    assert stated(delivered(tmp_path, {"a.xml": dc, "b.xml": mods})) == ("Gäste", ["77"], ["fra"])


def test_the_minimal_record_says_that_the_language_is_undetermined(tmp_path: Path):
    made = delivered(tmp_path, {})

    [content] = [file.content for file in made.files if isinstance(file.content, bytes)]
    assert b"<dc:language>und</dc:language>" in content


@pytest.mark.parametrize(
    ("case", "title", "schema"),
    [
        ("22a-marcxml", "MARC ledger", "MARCXML"),
        ("22b-ead", "EAD ledger", "EAD"),
        ("22c-mods-without-namespace", "The ledger", "MODS"),
        ("22d-oai-wrapped-dc", "Wrapped ledger", "OAI-PMH"),
        ("22e-metadata-csv", "CSV ledger", "CSV"),
        ("27-bag-info-lost", "27-bag-info-lost", "BagInfo"),
    ],
)
def test_every_reported_record_is_listed_unchanged_and_read(case: str, title: str, schema: str):
    made = read_folder(corpus("reported", case), SubmissionOptions("b-1"))

    item = item_of(made)
    assert (item["title"], item["metadata"][0]["schema"]) == (title, schema)
    assert "file.left-out" not in codes(made)


def test_a_bag_gives_its_external_identifier_and_its_tag_files(tmp_path: Path):
    bag: dict[str, bytes | str] = {
        "bagit.txt": "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "manifest-md5.txt": "",
        "bag-info.txt": "external-identifier: Best. 17\n  Nr. 4\nContact-Name: N.\n",
        "metadata.xml": MODS.replace("ppn", "x").replace("<identifier", "<note")
        .replace("</identifier>", "</note>"),
        "data/1.png": a_png(1),
    }  # fmt: skip

    made = read_folder(a_folder(tmp_path / "bag", bag), SubmissionOptions("b-1"))

    assert stated(made) == ("Gäste", ["Best. 17 Nr. 4"], ["ger"])
    assert [one["schema"] for one in item_of(made)["metadata"]] == ["BagInfo", "MODS"]


@pytest.mark.parametrize(
    ("table", "title"),
    [
        ("filename,dc.title\nobjects/1.png,A\nobjects/2.png,A\n", "A"),
        ("filename,dc.title\nobjects/1.png,A\nobjects/2.png,B\n", "box-7"),
        ("filename,dc.title\nobjects/,Whole\nobjects/2.png,B\n", "Whole"),
        ("filename;title\nbox-7;Whole\nbox-7/1.png;B\n", "Whole"),
        ("\ufefftitle\tcreator\nA\tN.\n", "A"),
        ("", "box-7"),
    ],
)
def test_a_table_gives_what_it_states_about_the_whole_item(tmp_path: Path, table: str, title: str):
    made = delivered(tmp_path, {"metadata.csv": table})

    assert item_of(made)["title"] == title
    assert item_of(made)["metadata"][0]["schema"] == "CSV"


def test_a_table_that_is_not_utf8_is_read_as_windows_writes_it(tmp_path: Path):
    assert (
        item_of(delivered(tmp_path, {"m.csv": "title\nGäste\n".encode("cp1252")}))["title"]
        == "Gäste"
    )


@pytest.mark.parametrize("encoding", ["gb18030", "shift_jis"])
def test_records_in_east_asian_encodings_are_records(tmp_path: Path, encoding: str):
    record = f'<?xml version="1.0" encoding="{encoding}"?>' + MODS.replace("Gäste", "日本")

    made = delivered(tmp_path, {"mods.xml": record.encode(encoding)})

    assert (item_of(made)["title"], item_of(made)["metadata"][0]["schema"]) == ("日本", "MODS")


def test_what_a_record_states_and_is_not_taken_over_is_reported(tmp_path: Path):
    odd = MODS.replace("ger", "German").replace("Gäste", "G" * 2001)

    made = delivered(tmp_path, {"mods.xml": odd})

    assert codes(made) == ["record.language-unknown", "record.text-too-long"]
    assert item_of(made)["title"] == "G" * 1999 + "…"


def test_a_document_with_a_doctype_is_stored_if_it_is_not_checked(tmp_path: Path):
    made = delivered(tmp_path, {"ead.xml": '<!DOCTYPE ead SYSTEM "ead.dtd"><ead><x/></ead>'})

    assert item_of(made)["metadata"][0]["schema"] == "EAD"
    assert stated(made) == ("box-7", ["box-7"], None)


def test_the_description_of_a_bag_with_several_items_belongs_to_none(tmp_path: Path):
    bag: dict[str, bytes | str] = {
        "bagit.txt": "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "manifest-md5.txt": "",
        "bag-info.txt": "Contact-Name: N.\n",
        "data/a/1.png": a_png(1),
        "data/b/1.png": a_png(2),
    }

    made = read_folder(a_folder(tmp_path / "bag", bag), SubmissionOptions("b-1"))

    found = [(one.code, one.where) for one in made.diagnostics if one.code.startswith("record.of")]
    assert found == [("record.of-no-item", "bag-info.txt")]


@pytest.mark.parametrize(
    ("name", "content"),
    [("mods.xml", MODS), ("t.csv", b"title\nPsalter\n"), ("mets.xml", METS)],
)
@pytest.mark.parametrize("reading", [1, 2])
def test_a_record_that_cannot_be_read_for_a_moment_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, reading: int
):
    folder = a_folder(tmp_path / "ms-1", {"1.png": a_png(1), name: content})
    read, count = Path.read_bytes, [0]

    def fails_once(path: Path) -> bytes:
        if path.name == name:
            count[0] += 1
            if count[0] == reading:
                raise OSError(5, "Input/output error")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", fails_once)
    delivery = read_folder(folder, SubmissionOptions("b-1"))

    found = [(one.code, one.where) for one in delivery.diagnostics if one.severity == "fatal"]
    assert found == ([("file.unreadable", name)] if count[0] >= reading else [])
    assert count[0] >= 1
