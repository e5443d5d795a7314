"""The images of a file are pages if the profile or pages.csv says so."""

from pathlib import Path
from typing import Any

import pytest

from processors.manifest import check_manifest
from processors.rules.codes import is_error
from processors.rules.manifest_view import View
from streams.clients.station.folder import Delivery, SubmissionOptions, read_folder
from tests.support import pages
from tests.support.multi_image import write_scan

EACH = 'extends = "as-delivered"\nmore_images = "pages"\n'


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    folder = tmp_path / "profiles"
    folder.mkdir()
    (folder / "each-image.toml").write_text(EACH)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_scan(tmp_path / "vol" / "scan.tif", 3)
    pages.write_page(tmp_path / "vol" / "a.tif", 9)
    return tmp_path / "vol"


def read(folder: Path, profiles: Path, profile: str = "each-image") -> Delivery:
    return read_folder(folder, SubmissionOptions("b-1", profile=profile), profiles=profiles)


def listed(delivery: Delivery, *names: str) -> list[tuple[Any, ...]]:
    """Sequence, file and image of each page, and further fields."""
    (item,) = delivery.manifest["items"]
    return [
        (page["sequence"], page["file"]["path"], page.get("image"), *map(page.get, names))
        for page in item["pages"]
    ]


def errors(delivery: Delivery, profiles: Path) -> list[str]:
    _, found = check_manifest(View(delivery.manifest, profiles))
    return [one.code for one in found if is_error(one)]


def test_each_image_is_a_page_in_its_order(folder: Path, profiles: Path):
    delivery = read(folder, profiles)

    assert listed(delivery) == [
        (1, "a.tif", None),
        (2, "scan.tif", 1),
        (3, "scan.tif", 2),
        (4, "scan.tif", 3),
    ]
    assert errors(delivery, profiles) == []
    assert [file.name for file in delivery.files if file.use == "capture"] == ["a.tif", "scan.tif"]
    assert delivery.manifest["file_count"] == 3


def test_other_profiles_make_one_page_of_a_file(folder: Path, profiles: Path):
    delivery = read(folder, profiles, "as-delivered")

    assert listed(delivery) == [(1, "a.tif", None), (2, "scan.tif", None)]
    assert "image" not in delivery.manifest["items"][0]["pages"][1]


def test_a_row_of_pages_csv_applies_to_all_images(folder: Path, profiles: Path):
    (folder / "pages.csv").write_text(
        "file,sequence,ref,kind,labels\na.tif,2,,,9\nscan.tif,1,s,insert,i|ii|iii\n"
    )

    delivery = read(folder, profiles)

    assert listed(delivery, "ref", "kind", "labels") == [
        (1, "scan.tif", 1, "s.1", "insert", ["i"]),
        (2, "scan.tif", 2, "s.2", "insert", ["ii"]),
        (3, "scan.tif", 3, "s.3", "insert", ["iii"]),
        (4, "a.tif", None, None, "page", ["9"]),
    ]
    assert errors(delivery, profiles) == []


def test_labels_of_a_file_are_those_of_its_first_image(folder: Path, profiles: Path):
    (folder / "pages.csv").write_text("file,labels\nscan.tif,Fax 7\na.tif,\n")

    assert [row[-1] for row in listed(read(folder, profiles), "labels")] == [["Fax 7"], [], [], []]


@pytest.mark.parametrize("profile", ["each-image", "as-delivered"])
def test_pages_csv_may_name_images_and_the_others_follow(
    folder: Path, profiles: Path, profile: str
):
    (folder / "t2.xml").write_text('<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"/>')
    (folder / "pages.csv").write_text(
        "file,image,labels,text\nscan.tif,3,last,\na.tif,,,\nscan.tif,2,second,t2.xml\n"
    )

    delivery = read(folder, profiles, profile)

    assert listed(delivery, "labels") == [
        (1, "scan.tif", 3, ["last"]),
        (2, "a.tif", None, []),
        (3, "scan.tif", 2, ["second"]),
        (4, "scan.tif", 1, []),
    ]
    assert delivery.manifest["items"][0]["pages"][2]["text"]["path"] == "t2.xml"
    unlisted = [one.where for one in delivery.diagnostics if one.code == "pages-csv.file-unlisted"]
    assert unlisted == ["scan.tif, image 1"]


def test_the_alto_of_a_file_with_several_images_is_no_page_text(folder: Path, profiles: Path):
    (folder / "scan.xml").write_text('<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"/>')

    delivery = read(folder, profiles)

    assert all("text" not in page for page in delivery.manifest["items"][0]["pages"])
    left = [row["path"] for row in delivery.manifest["not_packaged"]]
    assert left == ["scan.xml"]


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (1, "file.path-duplicate"),
        (0, "manifest.field-out-of-range"),
        ("2", "manifest.field-wrong-type"),
    ],
)
def test_a_manifest_with_a_wrong_image_is_refused(
    folder: Path, profiles: Path, image: object, code: str
):
    delivery = read(folder, profiles)
    delivery.manifest["items"][0]["pages"][2]["image"] = image

    assert code in errors(delivery, profiles)


def test_a_digest_that_differs_among_the_images_of_a_file_is_refused(folder: Path, profiles: Path):
    delivery = read(folder, profiles)
    delivery.manifest["items"][0]["pages"][3]["file"] = {
        "path": "scan.tif", "sha256": "ab" * 32, "size_bytes": 7
    }  # fmt: skip

    assert "file.path-duplicate" in errors(delivery, profiles)
