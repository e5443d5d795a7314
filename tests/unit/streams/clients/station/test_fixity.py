"""BagIt bags (RFC 8493) are verified before anything is published."""

from hashlib import md5, sha512
from pathlib import Path

import pytest

from processors.rules.codes import is_error
from streams.clients.station.fixity import bag_of, digest_all
from streams.clients.station.folder import SubmissionOptions, read_folder
from streams.clients.station.scan import scan, silent
from tests.support.deliveries import CORPORA, MODS, a_folder, a_png

SUITE = CORPORA / "bagit"
BAGIT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


def bags(kind: str) -> list[Path]:
    return sorted(path.parent for path in SUITE.glob(f"v*/{kind}/*/bagit.txt"))


def faults(bag: Path) -> list[str]:
    files = {one.name: one for one in scan(bag).files}
    stated = bag_of("", files)
    _, found = digest_all((), stated, files, silent)
    return [one.code for one in (*stated.diagnostics, *found) if is_error(one)]


@pytest.mark.skipif(not SUITE.is_dir(), reason=f"{SUITE} is not here")
@pytest.mark.parametrize("bag", bags("valid"), ids=lambda bag: f"{bag.parts[-3]}-{bag.name}")
def test_every_valid_bag_of_the_conformance_suite_is_accepted(bag: Path) -> None:
    assert faults(bag) == []


@pytest.mark.skipif(not SUITE.is_dir(), reason=f"{SUITE} is not here")
@pytest.mark.parametrize("bag", bags("invalid"), ids=lambda bag: f"{bag.parts[-3]}-{bag.name}")
def test_every_invalid_bag_of_the_conformance_suite_is_refused(bag: Path) -> None:
    assert faults(bag) != []


def a_bag(at: Path) -> Path:
    payload = {"data/1.png": a_png(1), "data/2.png": a_png(2), "data/mods.xml": MODS}
    lines = "".join(f"{sha512(content).hexdigest()}  {name}\n" for name, content in payload.items())
    return a_folder(at, {"bagit.txt": BAGIT, "manifest-sha512.txt": lines, **payload})


def test_a_bag_is_one_delivery_without_its_tag_files(tmp_path: Path) -> None:
    made = read_folder(a_bag(tmp_path / "ms-88"), SubmissionOptions("b-1"))

    assert [item["item_id"] for item in made.manifest["items"]] == ["b-1.ms-88"]
    assert made.diagnostics == []
    assert made.page_count == 2


@pytest.mark.parametrize(
    ("version", "listed_twice", "found"),
    [
        ("0.97", False, []),
        ("0.97", True, ["bag.file-unlisted"]),
        ("1.0", False, ["bag.file-unlisted", "bag.file-unlisted"]),
    ],
)
def test_before_version_1_each_file_is_in_one_of_the_manifests(
    tmp_path: Path, version: str, listed_twice: bool, found: list[str]
) -> None:
    first, second = a_png(1), a_png(2)
    other = ("data/1.png", first) if listed_twice else ("data/2.png", second)
    bag = a_folder(
        tmp_path / "bag",
        {
            "bagit.txt": BAGIT.replace("1.0", version),
            "manifest-sha512.txt": f"{sha512(first).hexdigest()}  data/1.png\n",
            "manifest-md5.txt": f"{md5(other[1]).hexdigest()}  {other[0]}\n",
            "data/1.png": first,
            "data/2.png": second,
        },
    )

    assert faults(bag) == found


def test_bags_in_a_folder_are_items(tmp_path: Path) -> None:
    a_bag(tmp_path / "d" / "ms-1")
    a_bag(tmp_path / "d" / "ms-2")

    made = read_folder(tmp_path / "d", SubmissionOptions("b-1"))

    assert [item["item_id"] for item in made.manifest["items"]] == ["b-1.ms-1", "b-1.ms-2"]
    assert made.manifest["items"][0]["pages"][0]["file"]["path"] == "ms-1/data/1.png"
    assert made.diagnostics == []


def test_an_item_json_next_to_the_payload_of_a_bag_is_read(tmp_path: Path) -> None:
    for bag in (a_bag(tmp_path / "alone"), a_bag(tmp_path / "many" / "ms-1")):
        (bag / "item.json").write_text('{"title": "Psalter", "script": "Latf"}')

    alone = read_folder(tmp_path / "alone", SubmissionOptions("b-1"))
    many = read_folder(tmp_path / "many", SubmissionOptions("b-1"))

    for made in (alone, many):
        [item] = made.manifest["items"]
        assert (item["title"], item["script"]) == ("Psalter", "Latf")
        assert made.diagnostics == []


def test_a_damaged_bag_publishes_nothing(tmp_path: Path) -> None:
    bag = a_bag(tmp_path / "ms-88")
    (bag / "data" / "2.png").write_bytes(a_png(3))
    (bag / "data" / "3.png").write_bytes(a_png(4))
    (bag / "data" / "1.png").unlink()

    made = read_folder(bag, SubmissionOptions("b-1"))

    assert not made.may_be_published
    assert [(one.code, one.where) for one in made.diagnostics] == [
        ("bag.incomplete", "data/1.png"),
        ("bag.file-unlisted", "data/3.png"),
        ("checksum.mismatch", "data/2.png"),
    ]
