"""Corrected files are matched to quarantined pages by name, and never by guess."""

import unicodedata
from pathlib import Path

from streams.cli.corrected_files import corrected_files, records_of_one_file
from tests.support.multi_image import write_scan


def matched(folder: Path, files: list[str], delivered: dict[str, str]) -> dict[str, str]:
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    found = corrected_files(folder, delivered)
    return {name: path.relative_to(folder).as_posix() for name, path in found.items()}


def test_a_file_of_the_same_name_is_matched(tmp_path: Path):
    files = ["0002.tif", "extra.tif"]

    assert matched(tmp_path, files, {"q1": "vol-1/0002.tif", "q2": "vol-1/0003.tif"}) == {
        "q1": "0002.tif"
    }


def test_the_path_tells_pages_of_one_name_apart(tmp_path: Path):
    files = ["vol-1/0002.tif", "vol-2/0002.tif"]

    assert matched(tmp_path, files, {"q1": "vol-1/0002.tif", "q2": "vol-2/0002.tif"}) == {
        "q1": "vol-1/0002.tif",
        "q2": "vol-2/0002.tif",
    }


def test_an_ambiguous_name_is_not_matched(tmp_path: Path):
    assert matched(tmp_path, ["0002.tif"], {"q1": "a/0002.tif", "q2": "b/0002.tif"}) == {}
    assert matched(tmp_path, ["x/1.tif", "y/1.tif"], {"q1": "a/1.tif"}) == {}


def test_another_suffix_case_or_unicode_form_is_matched(tmp_path: Path):
    delivered = {"q1": "f1.jpg", "q2": "F2.TIF", "q3": unicodedata.normalize("NFD", "é3.tif")}
    files = ["f1.tif", "f2.tif", unicodedata.normalize("NFC", "é3.tif")]

    assert matched(tmp_path, files, delivered) == dict(zip(delivered, files, strict=True))


def test_hidden_files_and_links_are_not_taken(tmp_path: Path):
    (tmp_path / "f2.tif").symlink_to("elsewhere")

    assert matched(tmp_path, [".f1.tif", ".git/f3.tif"], {"q1": "f1.tif", "q2": "f2.tif"}) == {}


def test_one_file_corrects_all_pages_that_are_its_images(tmp_path: Path):
    write_scan(tmp_path / "scan.tif", 3)
    delivered = {"q1": "v/scan.tif", "q2": "v/scan.tif", "q3": "v/0001.tif"}

    found = corrected_files(tmp_path, delivered, [["q1", "q2"]])

    assert found == dict.fromkeys(("q1", "q2"), tmp_path / "scan.tif")


def test_a_file_with_one_image_corrects_only_one_page(tmp_path: Path):
    write_scan(tmp_path / "scan.tif", 1)

    assert corrected_files(tmp_path, {"q1": "scan.tif", "q2": "scan.tif"}, [["q1", "q2"]]) == {}
    assert corrected_files(tmp_path, {"q1": "scan.tif"}) == {"q1": tmp_path / "scan.tif"}


def test_records_are_of_one_file_if_their_pages_are_its_images():
    rows = [
        {"quarantine_id": name, "path": path, "item_of_image": item}
        for name, path, item in (
            ("q2", "scan.tif", "vol-1"),
            ("q1", "scan.tif", "vol-1"),
            ("q3", "scan.tif", "vol-2"),
            ("q4", "0001.tif", None),
            ("q5", "0001.tif", None),
        )
    ]

    assert records_of_one_file(rows) == [["q1", "q2"]]
