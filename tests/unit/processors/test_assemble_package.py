"""A completed item becomes one complete package, the same for the same facts, or is refused."""

import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from infra import standards
from processors.assemble_package import assemble_package
from processors.outcome import Rejected, StorageError
from processors.tools import Tools
from processors.xml.parser import parse
from processors.xml.validate import validate
from schemas import models
from streams.storage.memory import MemoryStorage
from tests.support.package_builders import (
    a_completed_item,
    a_page_entry,
    facts_of,
    files_of,
    memory_tools,
    published,
    tar_of,
)
from tests.support.package_documents import MODS, submitted_mets
from tests.support.package_facts import worker_of


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def test_a_package_contains_every_file_of_its_item_and_counts_pages_without_targets(
    tools: Tools,
) -> None:
    package = published(a_completed_item(tools), tools)

    names = [name for name in files_of(package, tools) if name.startswith("data/")]
    images = [
        f"data/access/vol-1_000{n}.{suffix}"
        for n in (1, 2, 4)
        for suffix in ("jpg", "thumbnail.jpg", "tif")
    ]
    texts = [
        f"data/text/vol-1_000{n}.{suffix}"
        for n in (1, 2)
        for suffix in ("hocr", "tsv", "txt", "xml")
    ]
    assert names == [
        *images,
        *(f"data/download/vol-1_000{n}.pdf" for n in (1, 2)),
        *(f"data/master/vol-1_000{n}.tif" for n in (1, 2, 4)),
        *(f"data/metadata/{name}.xml" for name in ("dc", "mets", "mods", "premis")),
        *texts,
    ]
    assert package.counts == models.PackageCounts(
        pages=2, masters=3, texts=2, derivatives=9, files=26, missing=1
    )
    assert (package.package_id, package.item_id, package.revision) == ("vol-1.v1", "vol-1", 1)
    assert package.rights.holder == "Library & Archive"


def test_the_same_item_gives_the_same_bytes_in_any_home_locale_and_time_zone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = memory_tools(tmp_path / "here"), memory_tools(tmp_path / "elsewhere" / "deep")
    first = published(a_completed_item(here), here)

    monkeypatch.setenv("TZ", "Pacific/Auckland")
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    second = published(a_completed_item(there), there)

    assert tar_of(first, here) == tar_of(second, there)
    assert first == second


def test_another_run_gives_the_same_content_digest_but_another_tar(tools: Tools) -> None:
    first = published(a_completed_item(tools), tools)
    again = published(a_completed_item(tools, run="another run", revision=2), tools)

    assert first.content_digest == again.content_digest
    assert first.sha256 != again.sha256


def test_the_content_digest_covers_sorted_lines_of_path_and_digest(tools: Tools) -> None:
    package = published(a_completed_item(tools), tools)

    files = files_of(package, tools)
    lines = b"".join(
        name.encode() + b"\0" + hashlib.sha256(files[name]).hexdigest().encode() + b"\n"
        for name in sorted(files, key=str.encode)
        if name.startswith("data/") and name != "data/metadata/premis.xml"
    )
    assert package.content_digest == hashlib.sha256(lines).hexdigest()


def test_the_content_part_does_not_depend_on_the_run(tools: Tools) -> None:
    item = a_completed_item(tools)
    package = published(item, tools)

    ids = {fact.head.event_id for fact in facts_of(item, tools)} | {  # type: ignore[attr-defined]
        "vol-1.v1", str(tools.scratch), worker_of("run-1"),
    }  # fmt: skip
    for name, content in files_of(package, tools).items():
        if name.startswith("data/") and not name.endswith("premis.xml"):
            assert b"2026" not in content, name
            assert not [each for each in ids if each.encode() in content], name


def test_an_independent_validator_accepts_the_bag(tools: Tools, tmp_path: Path) -> None:
    package = published(a_completed_item(tools), tools)

    with tarfile.open(fileobj=io.BytesIO(tar_of(package, tools))) as archive:
        archive.extractall(tmp_path / "out", filter="data")
    validation = subprocess.run(
        [sys.executable, "-m", "bagit", "--validate", str(tmp_path / "out" / "vol-1.v1")],
        capture_output=True,
        text=True,
    )
    assert validation.returncode == 0, validation.stderr
    assert validation.stderr.strip().endswith("is valid")


@pytest.mark.parametrize("name", ["mets", "premis", "mods", "dc"])
@pytest.mark.parametrize("description", [{}, {"title": None, "rights": None, "identifiers": []}])
def test_all_metadata_is_valid_against_its_schema(
    tools: Tools, name: str, description: dict[str, object]
) -> None:
    pages = (a_page_entry(1, embedded="From the camera"), a_page_entry(2))
    records = (
        ("MODS", "vol-1/ein Bändchen.xml", MODS),
        ("PREMIS", "vol-1/premis.xml", b"<a/>"),
        ("METS", "vol-1/mets.xml", submitted_mets(("scan 0002.tif", "Two"))),
    )
    item = a_completed_item(tools, pages, () if description else records, **description)

    files = files_of(published(item, tools), tools)

    root = parse(files[f"data/metadata/{name}.xml"])
    assert validate(root, standards.fetch()) == []


def test_a_corrupt_master_is_found_while_it_is_copied(tools: Tools) -> None:
    item = a_completed_item(tools)
    storage = tools.storage
    assert isinstance(storage, MemoryStorage)
    key = next(key for key in storage.objects if key.startswith("masters/"))
    storage.objects[key] = b"M" + storage.objects[key][1:]

    outcome = assemble_package(item, tools)

    assert isinstance(outcome, Rejected)
    assert outcome.code == "package.fixity-mismatch"
    assert outcome.where == "data/master/vol-1_0001.tif"


@pytest.mark.parametrize("area", ["masters/", "receipts/records/"])
def test_a_missing_object_is_a_storage_error(tools: Tools, area: str) -> None:
    item = a_completed_item(tools)
    storage = tools.storage
    assert isinstance(storage, MemoryStorage)
    del storage.objects[next(key for key in storage.objects if key.startswith(area))]

    with pytest.raises(StorageError):
        assemble_package(item, tools)


def test_a_corrupt_item_record_is_a_storage_error(tools: Tools) -> None:
    item = a_completed_item(tools)
    storage = tools.storage
    assert isinstance(storage, MemoryStorage)
    storage.objects[item.files[0].key] += b" "

    with pytest.raises(StorageError):
        assemble_package(item, tools)


def test_a_store_that_writes_other_bytes_is_detected(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = a_completed_item(tools)
    storage = tools.storage
    assert isinstance(storage, MemoryStorage)
    keep = storage.keep

    def keep_another(source: Path | bytes, **about: str) -> models.FileRef:
        assert isinstance(source, Path)
        return keep(source.read_bytes().replace(b"hocr 0002", b"hocr 0003"), **about)  # type: ignore[arg-type]

    monkeypatch.setattr(storage, "keep", keep_another)

    with pytest.raises(StorageError, match="was written as"):
        assemble_package(item, tools)


def test_a_record_without_the_master_of_a_page_is_refused(tools: Tools) -> None:
    item = a_completed_item(tools)
    other = a_completed_item(tools, pages=(a_page_entry(1), a_page_entry(7)))

    outcome = assemble_package(
        item.model_copy(update={"files": (item.files[0], other.files[1])}), tools
    )

    assert isinstance(outcome, Rejected)
    assert (outcome.code, "0007" in outcome.found) == ("package.record-incomplete", True)


def test_a_withdrawn_page_has_no_file_and_the_package_is_marked_incomplete(
    tools: Tools,
) -> None:
    item = a_completed_item(tools, pages=(a_page_entry(1),), withdrawn=("0007",))
    other = a_completed_item(tools, pages=(a_page_entry(1), a_page_entry(7)))

    package = published(item.model_copy(update={"files": (item.files[0], other.files[1])}), tools)

    files = files_of(package, tools)
    mets = parse(files["data/metadata/mets.xml"])
    (page,) = mets.xpath("//*[@ID='PAGE_0007']")
    assert (page.get("TYPE"), len(page)) == ("missing", 0)
    assert mets[0].get("RECORDSTATUS") == "incomplete"
    assert b"Completeness: incomplete; 1 pages are missing: 0007" in files["bag-info.txt"]
    assert (package.counts.pages, package.counts.missing) == (1, 1)


def test_a_file_that_is_no_page_is_not_in_the_package_which_is_complete(tools: Tools) -> None:
    item = a_completed_item(
        tools, pages=(a_page_entry(1),), withdrawn=("0007",), not_pages=("0007",)
    )
    other = a_completed_item(tools, pages=(a_page_entry(1), a_page_entry(7)))

    package = published(item.model_copy(update={"files": (item.files[0], other.files[1])}), tools)

    files = files_of(package, tools)
    mets = parse(files["data/metadata/mets.xml"])
    assert mets.xpath("//*[@ID='PAGE_0007']") == []
    assert mets[0].get("RECORDSTATUS") is None
    assert b"Completeness" not in files["bag-info.txt"]
    assert (package.counts.pages, package.counts.missing) == (1, 0)


def test_two_pages_with_the_same_bytes_are_two_files(tools: Tools) -> None:
    pages = (a_page_entry(1), a_page_entry(2, looks_like="0001"))

    package = published(a_completed_item(tools, pages=pages), tools)

    files = files_of(package, tools)
    assert files["data/master/vol-1_0001.tif"] == files["data/master/vol-1_0002.tif"]
    assert validate(parse(files["data/metadata/premis.xml"]), standards.fetch()) == []
