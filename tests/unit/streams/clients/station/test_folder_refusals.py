"""An invalid folder is refused with the location; checksum lists are verified."""

import os
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import pytest

from streams.clients.station.folder import Delivery, SubmissionOptions, read_folder
from tests.support.deliveries import METS, MODS, a_folder, a_png


def read(folder: Path, **options: Any) -> Delivery:
    return read_folder(folder, SubmissionOptions("b-1", **options))


def codes(delivery: Delivery) -> list[tuple[str, str]]:
    return [(one.code, one.where) for one in delivery.diagnostics]


def refused(made: Delivery, code: str) -> str:
    """Where it was refused."""
    assert not made.may_be_published
    return next(one.where for one in made.diagnostics if one.code == code)


def test_links_are_refused(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "d", {"1.png": a_png()})
    (folder / "2.png").symlink_to(folder / "1.png")

    assert refused(read(folder), "folder.link") == "2.png"


def test_a_linked_folder_is_refused_and_not_entered(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "d", {"vol/1.png": a_png()})
    (folder / "round").symlink_to(folder)

    assert refused(read(folder), "folder.link") == "round"


def test_pipes_are_refused_and_not_opened(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "d", {"1.png": a_png()})
    os.mkfifo(folder / "2.png")

    assert refused(read(folder), "folder.special-file") == "2.png"


def test_deeper_nesting_is_refused_with_the_fix(tmp_path: Path) -> None:
    made = read(a_folder(tmp_path / "d", {"box/vol/1.png": a_png(), "box/vol/2.png": a_png(2)}))

    assert refused(made, "folder.nested-too-deep") == "box/vol"
    assert "or submit box on its own" in made.diagnostics[0].fix


def test_images_beside_folders_of_images_are_refused(tmp_path: Path) -> None:
    made = read(a_folder(tmp_path / "d", {"1.png": a_png(), "vol/1.png": a_png(2)}))

    assert refused(made, "folder.images-beside-items") == "."


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    assert refused(read(a_folder(tmp_path / "d", {"notes.txt": "x"})), "folder.nothing-readable")
    assert refused(read(a_folder(tmp_path / "e", {})), "folder.nothing-readable")


def test_a_folder_without_images_is_reported_and_the_others_are_accepted(tmp_path: Path) -> None:
    made = read(
        a_folder(tmp_path / "d", {"vol/1.png": a_png(), "vol/m.xml": MODS, "notes/a.txt": "x"})
    )

    assert codes(made) == [("folder.without-images", "notes"), ("file.left-out", "notes/a.txt")]
    assert [item["title"] for item in made.manifest["items"]] == ["Psalter"]


def test_a_record_next_to_several_items_belongs_to_none(tmp_path: Path) -> None:
    files = {
        "a/1.png": a_png(1),
        "a/m.xml": MODS,
        "b/1.png": a_png(2),
        "b/m.xml": MODS,
        "all.xml": METS,
    }

    assert codes(read(a_folder(tmp_path / "d", files))) == [("record.of-no-item", "all.xml")]


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "d", {"1.png": a_png()})
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.png")).write_bytes(a_png(2))

    assert refused(read(folder), "folder.name-not-utf8")


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
@pytest.mark.parametrize("style", ["{0}  {1}", "{0} *{1}", "{0}  ./{1}"])
def test_a_delivered_checksum_list_is_verified(tmp_path: Path, algorithm: str, style: str) -> None:
    digest = {"sha256": sha256, "md5": md5}[algorithm](a_png(1)).hexdigest()
    line = style.format(digest, "a b.png")
    files = {"a b.png": a_png(1), "m.xml": MODS, f"checksums.{algorithm}": line + "\r\n"}
    folder = a_folder(tmp_path / "d", files)

    assert codes(read(folder)) == [("checksum.file-unlisted", "m.xml")]

    (folder / "a b.png").write_bytes(a_png(2))

    assert refused(read(folder), "checksum.mismatch") == "a b.png"


def test_a_checksum_list_of_the_whole_delivery_covers_its_items(tmp_path: Path) -> None:
    lines = f"{sha256(a_png(1)).hexdigest()}  v\\1.png\n{'0' * 64}  v/2.png\n"
    files = {"v/1.png": a_png(1), "checksums.sha256": lines}

    assert refused(read(a_folder(tmp_path / "d", files)), "checksum.file-missing") == "v/2.png"


def test_an_invalid_checksum_list_prevents_publishing(tmp_path: Path) -> None:
    files = {"1.png": a_png(1), "checksums.md5": "no digest here\n"}

    assert refused(read(a_folder(tmp_path / "d", files)), "checksum.list-unreadable")


@pytest.mark.parametrize("row", ['1.png,"a"b', '1.png,"never closed'])
def test_invalid_quotes_in_pages_csv_are_reported(tmp_path: Path, row: str) -> None:
    made = read(a_folder(tmp_path / "d", {"1.png": a_png(), "pages.csv": f"file,labels\n{row}\n"}))

    assert refused(made, "pages-csv.unreadable") == "pages.csv"


def test_a_folder_whose_own_name_is_not_utf8_is_refused(tmp_path: Path) -> None:
    made = read(a_folder(tmp_path / os.fsdecode(b"caf\xe9"), {"1.png": a_png()}))

    assert refused(made, "folder.name-not-utf8") == "caf\\udce9"
