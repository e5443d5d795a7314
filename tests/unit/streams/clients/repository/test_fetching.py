"""A package is fetched completely and verified, or not at all."""

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from processors import profile
from processors.package import bag
from processors.tools import Tools
from streams.clients.repository.fetching import fetch, verify, verify_fetched
from streams.clients.repository.unpacking import PackageRefused
from streams.storage.memory import MemoryStorage
from tests.support.package_builders import a_completed_item, memory_tools, published

TOP = "vol-1.v1"


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path / "home")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "repository"


def _row(tools: Tools) -> dict[str, Any]:
    """The row of an assembled package."""
    return published(a_completed_item(tools), tools).model_dump(
        include={"package_id", "key", "sha256", "size_bytes", "content_digest"}
    )


def _planted(tools: Tools, *entries: tuple[tarfile.TarInfo, bytes]) -> dict[str, Any]:
    """A row of a package whose tar was not assembled by the line."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for entry, content in entries:
            entry.size = len(content) if entry.isreg() else 0
            archive.addfile(entry, io.BytesIO(content))
    value = out.getvalue()
    digest = hashlib.sha256(value).hexdigest()
    assert isinstance(tools.storage, MemoryStorage)
    key = f"packages/sha256/{digest[:2]}/{digest}"
    tools.storage.objects[key] = value
    return {
        "package_id": TOP,
        "key": key,
        "sha256": digest,
        "size_bytes": len(value),
        "content_digest": bag.content_digest({}),
    }


def _entry(name: str, kind: bytes = tarfile.REGTYPE, to: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, to
    return entry


def test_unpacks_the_bag_into_a_folder_of_its_own(tools: Tools, target: Path) -> None:
    read: list[int] = []

    row = _row(tools)
    path = fetch(row, tools.storage, target, read.append)

    assert path == target / TOP
    assert (path / "data/text/vol-1_0001.txt").read_bytes() == b"text 0001"
    assert [each.name for each in target.iterdir()] == [TOP]
    assert sum(read) > row["size_bytes"]


@pytest.mark.parametrize("bag_name", ["copystand", "aptrust"])
def test_a_package_of_layout_2_with_further_manifests_is_verified_and_unpacked(
    tools: Tools, target: Path, tmp_path: Path, bag_name: str
) -> None:
    text = f'extends = "book-colour"\n[institution]\nname = "L"\n[package]\nbag = "{bag_name}"\n'
    (tmp_path / "mine.toml").write_text(text)
    resolved = profile.resolve("mine", tmp_path)
    package = published(a_completed_item(tools, layout=2, profile=resolved), tools)
    row = package.model_dump(
        include={"package_id", "key", "sha256", "size_bytes", "content_digest"}
    )

    verify(row, tools.storage)
    path = fetch(row, tools.storage, target)

    verify_fetched(row, path)
    (path / "bag-info.txt").write_text("Source-Organization: another\n")
    with pytest.raises(PackageRefused, match=r"bag-info\.txt has the SHA-256"):
        verify_fetched(row, path)


def test_a_file_beside_the_manifests_is_found_in_a_bag_of_layout_2(
    tools: Tools, target: Path
) -> None:
    package = published(a_completed_item(tools, layout=2), tools)
    row = package.model_dump(
        include={"package_id", "key", "sha256", "size_bytes", "content_digest"}
    )
    path = fetch(row, tools.storage, target)

    (path / "tagmanifest-sha999.txt").write_text("x")

    with pytest.raises(PackageRefused, match="in no manifest"):
        verify_fetched(row, path)


def test_a_tar_that_was_changed_in_the_store_is_refused(tools: Tools, target: Path) -> None:
    row = _row(tools)
    assert isinstance(tools.storage, MemoryStorage)
    changed = tools.storage.objects[row["key"]].replace(b"hocr 0001", b"hocr 9999")
    tools.storage.objects[row["key"]] = changed

    with pytest.raises(PackageRefused, match=r"package\.differs"):
        fetch(row, tools.storage, target)
    assert not target.exists() or not list(target.iterdir())


def test_a_bag_that_disagrees_with_its_manifest_is_refused(tools: Tools, target: Path) -> None:
    tags = bag.tag_files({"data/a.txt": hashlib.sha256(b"a").hexdigest()}, {})
    entries = [(_entry(f"{TOP}/{name}"), content) for name, content in tags.items()]

    row = _planted(tools, *entries, (_entry(f"{TOP}/data/a.txt"), b"b"))

    with pytest.raises(PackageRefused, match=r"data/a\.txt has the SHA-256"):
        fetch(row, tools.storage, target)
    assert list(target.iterdir()) == []


def test_an_existing_package_is_not_overwritten(tools: Tools, target: Path) -> None:
    row = _row(tools)
    fetch(row, tools.storage, target)

    with pytest.raises(PackageRefused, match=r"package\.already-there"):
        fetch(row, tools.storage, target)


def test_a_package_missing_from_the_store_is_refused(tools: Tools, target: Path) -> None:
    row = _row(tools)
    assert isinstance(tools.storage, MemoryStorage)
    tools.storage.objects.clear()

    with pytest.raises(PackageRefused, match=r"package\.not-in-store"):
        fetch(row, tools.storage, target)


@pytest.mark.parametrize(
    "entry",
    [
        _entry(f"{TOP}/../escaped"),
        _entry("../escaped"),
        _entry("/tmp/escaped"),
        _entry("other/data/a"),
        _entry(TOP),
        _entry(f"{TOP}/data//a"),
        _entry(f"{TOP}/data/./a"),
        _entry(f"{TOP}/data\\..\\a"),
        _entry(f"{TOP}/data/a\nb"),
        _entry(f"{TOP}/data/{'x' * 300}"),
        _entry(f"{TOP}/data/link", tarfile.SYMTYPE, "/etc/passwd"),
        _entry(f"{TOP}/data/link", tarfile.LNKTYPE, f"{TOP}/bagit.txt"),
        _entry(f"{TOP}/data/folder", tarfile.DIRTYPE),
        _entry(f"{TOP}/data/pipe", tarfile.FIFOTYPE),
        _entry(f"{TOP}/data/disk", tarfile.BLKTYPE),
    ],
    ids=lambda entry: f"{entry.name[-20:]!r}-{entry.type.decode()}",
)
def test_a_hostile_member_is_refused_and_leaves_nothing(
    tools: Tools, target: Path, entry: tarfile.TarInfo
) -> None:
    row = _planted(tools, (_entry(f"{TOP}/bagit.txt"), bag.BAGIT), (entry, b"x"))

    with pytest.raises(PackageRefused, match=r"package\.unsafe-name"):
        fetch(row, tools.storage, target)
    assert list(target.iterdir()) == []
    assert not (target.parent / "escaped").exists()


def test_two_members_that_differ_only_in_case_are_refused(tools: Tools, target: Path) -> None:
    row = _planted(tools, (_entry(f"{TOP}/data/a"), b"x"), (_entry(f"{TOP}/data/A"), b"y"))

    with pytest.raises(PackageRefused, match="its name occurs twice, ignoring case"):
        fetch(row, tools.storage, target)


@pytest.mark.parametrize("key", ["../../etc/passwd", "masters/sha256/aa/" + "a" * 64, ""])
def test_a_key_of_another_place_is_refused_and_nothing_is_read(
    tools: Tools, target: Path, key: str
) -> None:
    row = _row(tools) | {"key": key}

    with pytest.raises(PackageRefused) as refused:
        fetch(row, tools.storage, target)

    assert refused.value.code == "package.key-malformed"
    assert not target.exists()
