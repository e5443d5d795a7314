"""A file that must be a page keeps its place, whatever its bytes are."""

import unicodedata
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import pytest

from processors.manifest import check_manifest
from processors.rules.manifest_view import View
from streams.clients.station.folder import Delivery, SubmissionOptions, read_folder
from tests.support.deliveries import ALTO, MODS, a_folder, a_png

PNG_GONE = a_png(2)[20:]


def read(folder: Path) -> Delivery:
    return read_folder(folder, SubmissionOptions("b-1"))


def paths(made: Delivery) -> list[str]:
    return [page["file"]["path"] for page in made.manifest["items"][0]["pages"]]


def not_packaged(made: Delivery) -> dict[str, tuple[str | None, str]]:
    return {
        one["path"]: (one["code"], one["sha256"]) for one in made.manifest.get("not_packaged", ())
    }


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 5000, b"<html><body>404</body></html>", PNG_GONE, b"%PDF-1.4\n"]
)
def test_a_page_file_that_is_no_image_keeps_its_place(tmp_path: Path, content: bytes):
    files = {"0001.png": a_png(1), "0002.png": content, "0003.png": a_png(3)}
    made = read(a_folder(tmp_path / "d", files))

    assert paths(made) == ["0001.png", "0002.png", "0003.png"]
    assert made.manifest["items"][0]["pages"][1]["file"]["size_bytes"] == len(content)
    assert not_packaged(made) == {}


@pytest.mark.parametrize("suffix", ["tif", "TIFF", "jpg", "jp2", "dng.png", "cr2", "webp"])
def test_a_folder_of_damaged_images_alone_is_an_item(tmp_path: Path, suffix: str):
    made = read(a_folder(tmp_path / "d", {f"vol/1.{suffix}": b"\0" * 99}))

    assert paths(made) == [f"vol/1.{suffix}"]
    assert made.may_be_published


def test_a_file_that_is_named_like_its_neighbours_is_a_page(tmp_path: Path):
    files = {"scan1": a_png(1), "scan2": b"", "scan10": a_png(3), "notes": "text", "5.x": "text"}
    made = read(a_folder(tmp_path / "d", files))

    assert paths(made) == ["scan1", "scan2", "scan10"]
    assert set(not_packaged(made)) == {"notes", "5.x"}


def test_a_file_that_a_checksum_list_of_images_names_is_a_page(tmp_path: Path):
    files: dict[str, bytes] = {"a.png": a_png(1), "recto": b"\0\1\2", "list": b"\0\1\2"}
    lines = [f"{sha256(files[name]).hexdigest()}  {name}" for name in ("a.png", "recto")]
    made = read(a_folder(tmp_path / "d", {**files, "checksums.sha256": "\n".join(lines)}))

    assert paths(made) == ["a.png", "recto"]
    assert set(not_packaged(made)) == {"checksums.sha256", "list"}


def test_a_file_that_pages_csv_names_is_a_page(tmp_path: Path):
    files: dict[str, Any] = {
        "a.png": a_png(1),
        "recto": "<html>",
        "pages.csv": "file\nrecto\na.png",
    }
    made = read(a_folder(tmp_path / "d", files))

    assert paths(made) == ["recto", "a.png"]


def test_a_file_that_a_mets_names_as_a_page_is_one(tmp_path: Path):
    mets = (
        '<mets xmlns="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink">'
        '<fileSec><fileGrp><file ID="a"><FLocat LOCTYPE="URL" xlink:href="leaf"/></file>'
        '<file ID="b"><FLocat LOCTYPE="URL" xlink:href="leaf.xml"/></file>'
        '</fileGrp></fileSec><structMap TYPE="PHYSICAL"><div><div TYPE="page">'
        '<fptr FILEID="a"/><fptr FILEID="b"/></div></div></structMap></mets>'
    )
    files: dict[str, Any] = {"x.png": a_png(1), "leaf": b"", "leaf.xml": ALTO, "mets.xml": mets}
    made = read(a_folder(tmp_path / "d", files))

    assert sorted(paths(made)) == ["leaf", "x.png"]


def test_every_file_that_is_in_no_item_is_listed_with_its_digest(tmp_path: Path):
    files: dict[str, Any] = {
        "vol-1/1.png": a_png(1),
        "vol-2/1.png": a_png(2),
        "vol-1/notes.txt": "notes",
        "vol-1/item.json": '{"title": "One"}',
        "extras/a.doc": "text",
        "mods.xml": MODS,
        ".DS_Store": "x",
    }
    made = read(a_folder(tmp_path / "d", files))

    codes = {
        "vol-1/notes.txt": "file.left-out",
        "vol-1/item.json": None,
        "extras/a.doc": "file.left-out",
        "mods.xml": "record.of-no-item",
    }
    digest = {name: sha256(_bytes(files[name])).hexdigest() for name in codes}
    assert not_packaged(made) == {name: (code, digest[name]) for name, code in codes.items()}
    assert made.skipped == 1


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def test_item_json_excludes_files_that_are_no_pages(tmp_path: Path):
    files: dict[str, Any] = {
        "1.png": a_png(1),
        "empty.tif": b"",
        "item.json": '{"exclude": ["empty.tif", "gone.tif"]}',
    }
    made = read(a_folder(tmp_path / "d", files))

    assert paths(made) == ["1.png"]
    assert "exclude" not in made.manifest["items"][0]
    assert not_packaged(made)["empty.tif"][0] == "file.excluded"
    found = [(one.code, one.found) for one in made.diagnostics]
    assert ("item-json.exclude-unknown", "gone.tif") in found


@pytest.mark.parametrize("choices", ['{"exclude": "a.tif"}', '{"exclude": [1]}', '{"forms": 1}'])
def test_a_wrong_choice_in_item_json_is_refused(tmp_path: Path, choices: str):
    made = read(a_folder(tmp_path / "d", {"1.png": a_png(1), "item.json": choices}))

    assert "item-json.choice-wrong" in [one.code for one in made.diagnostics]
    assert not made.may_be_published


@pytest.mark.parametrize("inside", [".git", "a/.cache/deep"])
def test_links_in_hidden_folders_are_skipped_and_counted(tmp_path: Path, inside: str):
    folder = a_folder(tmp_path / "d", {"a/1.png": a_png(1), f"{inside}/x": "x"})
    (folder / inside / "link").symlink_to("nowhere")

    made = read(folder)

    assert "folder.link" not in [one.code for one in made.diagnostics]
    assert made.skipped == 2


@pytest.mark.parametrize(
    "stem",
    ["a b", " f", "f ", "p\u200c1", "क्\u200dष", "第\u3000頁", unicodedata.normalize("NFD", "é")],
)
def test_names_with_spaces_joiners_and_accents_are_pages_in_every_file(tmp_path: Path, stem: str):
    name, other = f"{stem}1.png", unicodedata.normalize("NFC", f"{stem}2.png")
    table = f"file,text\n{unicodedata.normalize('NFC', name)},{stem}.xml\n{other},\n"
    files: dict[str, Any] = {
        name: a_png(1),
        f"{stem}2.png": a_png(2),
        f"{stem}.xml": ALTO,
        "stray 1.tif": b"",
        "pages.csv": table,
        "item.json": '{"exclude": ["stray 1.tif"]}',
        "checksums.md5": f"{md5(a_png(1)).hexdigest()}  {unicodedata.normalize('NFC', name)}\n",
    }
    made = read(a_folder(tmp_path / "d", files))

    manifest, _ = check_manifest(View(made.manifest))
    assert manifest is not None
    assert paths(made) == [name, f"{stem}2.png"]
    assert made.manifest["items"][0]["pages"][0]["text"]["path"] == f"{stem}.xml"
    assert made.manifest["items"][0]["pages"][0]["file"]["vendor_checksums"]


def test_a_name_that_turns_the_direction_of_text_is_refused(tmp_path: Path):
    made = read(a_folder(tmp_path / "d", {"fdp.\u202e1.png": a_png(1)}))

    assert check_manifest(View(made.manifest))[0] is None


@pytest.mark.parametrize(
    ("name", "is_page"),
    [
        ("ms_002.pdf", True),
        ("ms_004.PDF", True),
        ("ms_000.pdf", True),
        ("ms_001.pdf", False),
        ("ms_005.pdf", False),
        ("ms.pdf", False),
        ("ms_1849.pdf", False),
        ("other_002.pdf", False),
    ],
)
def test_a_pdf_in_the_place_of_a_page_is_that_page(tmp_path: Path, name: str, is_page: bool):
    files = {"ms_001.png": a_png(1), "ms_003.png": a_png(3), name: b"%PDF-1.4\n"}

    made = read(a_folder(tmp_path / "d", files))

    assert (name in paths(made)) == is_page
    assert (name in not_packaged(made)) == (not is_page)
