"""The IIIF files of a package, and chapters from the divisions of METS."""

import hashlib
import json
from pathlib import Path

from processors.package.contents import contents_of
from processors.package.item_record import read_item
from processors.package_v2.iiif_files import chapters_of, iiif_files
from processors.package_v2.iiif_manifest import Chapter
from processors.xml.parser import parse
from tests.support.package_builders import a_completed_item, memory_tools

METS = (
    b'<div xmlns="http://www.loc.gov/METS/" ID="LOG_0000" TYPE="monograph">'
    b'<div ID="LOG_0001" TYPE="chapter" LABEL="One"><div ID="LOG_0002" TYPE="illustration"/></div>'
    b'<div ID="LOG_0003" TYPE="chapter" ORDERLABEL="II"/></div>'
)


def test_divisions_are_chapters_with_their_pages() -> None:
    pages = {"LOG_0001": ("0001", "0002"), "LOG_0002": ("0002",)}

    assert chapters_of(parse(METS), pages) == (
        Chapter(
            "LOG_0001", "One", ("0001", "0002"), (Chapter("LOG_0002", "illustration", ("0002",)),)
        ),
        Chapter("LOG_0003", "II", ()),
    )


def test_the_files_have_the_bytes_that_their_digests_state(tmp_path: Path) -> None:
    tools = memory_tools(tmp_path)
    profile = {"institution": {"files": "https://repository.example/{item_id}", "name": "Library"}}
    item = read_item(a_completed_item(tools, layout=2, profile=profile), tools)

    files = iiif_files(item, contents_of(item), (), (), lambda _: (10, 20), tools)

    *texts, manifest = files
    assert [one.path for one in texts] == [
        f"data/iiif/annotations/{ref}.json" for ref in ("0001", "0002")
    ]
    assert isinstance(manifest.source, Path)
    content = manifest.source.read_bytes()
    assert (manifest.path, manifest.group) == ("data/iiif/manifest.json", "IIIF")
    assert manifest.sha256 == hashlib.sha256(content).hexdigest()
    assert manifest.size_bytes == len(content)
    document = json.loads(content)
    assert document["id"] == "https://repository.example/vol-1/iiif/manifest.json"
    assert document["requiredStatement"]["value"] == {"none": ["Library", "Library & Archive"]}


def test_without_an_address_of_the_files_there_is_no_manifest(tmp_path: Path) -> None:
    tools = memory_tools(tmp_path)
    item = read_item(a_completed_item(tools, layout=2), tools)

    assert iiif_files(item, contents_of(item), (), (), lambda _: (10, 20), tools) == []
