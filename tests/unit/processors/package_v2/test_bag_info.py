"""Bags of layout 2 have what their bag profile asks: judged by bagit-profile and bagit."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import bagit
import pytest

from processors import profile
from processors.tools import Tools
from tests.support.bag_judge import PROFILES, bag_faults
from tests.support.package_builders import (
    a_completed_item,
    files_of,
    memory_tools,
    published,
    tar_of,
)

LIBRARY = """
[institution]
name = "City Library"
address = "1 Main Street"
contact_name = "Digitisation"
contact_email = "digi@library.example"
"""


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def _resolved(folder: Path, text: str) -> dict[str, Any]:
    (folder / "mine.toml").write_text(f'extends = "book-colour"\n{text}')
    return profile.resolve("mine", folder)


def _bag(tools: Tools, folder: Path, text: str, **item: Any) -> Path:
    """An item with this profile, packaged and unpacked."""
    completed = a_completed_item(tools, layout=2, profile=_resolved(folder, text), **item)
    package = published(completed, tools)
    with tarfile.open(fileobj=io.BytesIO(tar_of(package, tools))) as archive:
        archive.extractall(folder / "bag", filter="data")
    return folder / "bag" / package.package_id


def _info(bag: Path, name: str = "bag-info.txt") -> dict[str, str]:
    lines = (bag / name).read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines)


def test_bag_info_states_institution_group_software_and_layout(
    tools: Tools, tmp_path: Path
) -> None:
    bag = _bag(tools, tmp_path, LIBRARY)

    info = _info(bag)
    files = [path for path in (bag / "data").rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    assert info.pop("Payload-Oxum") == f"{size}.{len(files)}"
    assert info == {
        "Source-Organization": "City Library",
        "Organization-Address": "1 Main Street",
        "Contact-Name": "Digitisation",
        "Contact-Email": "digi@library.example",
        "External-Description": "Psalter & Hymns",
        "Bagging-Date": info["Bagging-Date"],
        "External-Identifier": "vol-1.v1",
        "Bag-Group-Identifier": "b-1",
        "Internal-Sender-Identifier": "vol-1",
        "Bag-Software-Agent": "copystand 1",
        "Package-Layout": "2",
        "Completeness": "incomplete; 1 pages are missing: 0003",
    }


def test_a_bag_has_manifests_of_sha256_and_sha512_that_agree_with_its_files(
    tools: Tools, tmp_path: Path
) -> None:
    bag = _bag(tools, tmp_path, LIBRARY)

    bagit.Bag(str(bag)).validate()
    manifests = {path.name for path in bag.glob("*manifest-*.txt")}
    assert manifests == {
        f"{kind}-{name}.txt"
        for kind in ("manifest", "tagmanifest")
        for name in ("sha256", "sha512")
    }
    for line in (bag / "manifest-sha512.txt").read_text().splitlines():
        digest, path = line.split("  ", 1)
        assert hashlib.sha512((bag / path).read_bytes()).hexdigest() == digest, path


def test_the_content_digest_does_not_depend_on_the_manifests(tools: Tools, tmp_path: Path) -> None:
    with_sha512 = a_completed_item(tools, layout=2, profile=_resolved(tmp_path, ""))
    without = a_completed_item(tools, layout=2)

    first, second = published(with_sha512, tools), published(without, tools)

    assert "manifest-sha512.txt" in files_of(first, tools)
    assert "manifest-sha512.txt" not in files_of(second, tools)
    assert first.content_digest == second.content_digest


def test_manifests_that_need_the_payload_follow_it(tools: Tools, tmp_path: Path) -> None:
    item = a_completed_item(tools, layout=2, profile=_resolved(tmp_path, ""))

    names = list(files_of(published(item, tools), tools))

    assert names[:3] == ["bagit.txt", "bag-info.txt", "manifest-sha256.txt"]
    assert names[-3:] == ["manifest-sha512.txt", "tagmanifest-sha256.txt", "tagmanifest-sha512.txt"]


def test_a_bag_for_aptrust_has_its_manifests_and_its_tag_file(tools: Tools, tmp_path: Path) -> None:
    bag = _bag(tools, tmp_path, f'{LIBRARY}[package]\nbag = "aptrust"\n')

    assert bag_faults(bag, "aptrust-like") == []
    assert _info(bag, "aptrust-info.txt") == {
        "Title": "Psalter & Hymns",
        "Access": "Institution",
        "Storage-Option": "Standard",
    }


def test_a_profile_changes_the_fields_of_a_tag_file(tools: Tools, tmp_path: Path) -> None:
    text = (
        '[package]\nbag = "aptrust"\n[package.tag_files."aptrust-info.txt"]\nAccess = "Consortia"\n'
    )

    bag = _bag(tools, tmp_path, LIBRARY + text)

    assert _info(bag, "aptrust-info.txt")["Access"] == "Consortia"
    assert _info(bag, "aptrust-info.txt")["Storage-Option"] == "Standard"


def test_a_bagit_profile_in_json_is_met(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "bags").mkdir()
    (tmp_path / "bags" / "archive.json").write_bytes((PROFILES / "archive.json").read_bytes())
    text = '[package]\nbag = "archive"\n[package.info]\nRetention = "{item_id} for ever"\n'

    bag = _bag(tools, tmp_path, LIBRARY + text)

    assert bag_faults(bag, "archive") == []
    assert _info(bag)["Retention"] == "vol-1 for ever"
    assert _info(bag)["Storage"] == "cold"


def test_the_judge_finds_what_a_bag_lacks(tools: Tools, tmp_path: Path) -> None:
    bag = _bag(tools, tmp_path, '[package]\nbag = "copystand"\n')

    found = bag_faults(bag, "archive")

    assert any("Required 'BagIt-Profile-Identifier'" in one for one in found), found
    assert any("tag manifest type(s) '['sha512']'" in one for one in found), found


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"Manifests-Allowed": ["md5"]}, "does not allow sha256"),
        ({"Manifests-Required": ["sha3"]}, "requires sha3"),
        ({"Accept-BagIt-Version": ["0.97"]}, "bags have version 1.0"),
        ({"Tag-Files-Required": ["dpn-info.txt"]}, "dpn-info.txt must be stated"),
        ({"Bag-Info": {"Shelf": {"required": True}}}, "Shelf must be stated"),
        (
            {"Bag-Info": {"Retention": {"required": True, "values": ["1", "2"]}}},
            "Retention must be one of 1, 2",
        ),
    ],
)
def test_a_bagit_profile_that_cannot_be_met_is_malformed(
    tmp_path: Path, change: dict[str, Any], found: str
) -> None:
    document = json.loads((PROFILES / "archive.json").read_text())
    (tmp_path / "bags").mkdir()
    (tmp_path / "bags" / "archive.json").write_text(json.dumps(document | change))

    with pytest.raises(profile.InvalidProfile, match=found) as wrong:
        _resolved(tmp_path, LIBRARY + '[package]\nbag = "archive"\n[package.info]\nRetention = "x"')
    assert wrong.value.code == "profile.malformed"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[package]\nbag = "nowhere"', "no bag profile has the name"),
        ('[package]\nbag = "../archive"', "no bag profile has the name"),
        ('[package]\nbag = "aptrust"', "Source-Organization must be stated"),
        ('[package.tag_files."../x-info.txt"]\nA = "b"', "tag_files"),
        ('[package.info]\nA = "b\\nC: d"', "info"),
    ],
)
def test_a_bag_profile_that_is_not_complete_is_malformed(
    tmp_path: Path, text: str, found: str
) -> None:
    with pytest.raises(profile.InvalidProfile, match=found):
        _resolved(tmp_path, text)
