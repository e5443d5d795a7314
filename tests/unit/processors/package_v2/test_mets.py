"""METS and MODS of three books are what is written out by hand in tests/data/books.

There, digest and size of a file are `sha256` and `size`, and the wrapped MODS is `MODS`: the test
puts in what it computes from the files of the package."""

import hashlib
import posixpath
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from infra import standards
from processors.package_v2.mets import PROFILE
from processors.package_v2.mets_names import GROUPS
from processors.tools import Tools
from processors.xml.parser import parse
from processors.xml.validate import validate
from tests.support.package_builders import (
    a_completed_item,
    a_page_entry,
    files_of,
    memory_tools,
    published,
)

BOOKS = Path(__file__).parents[3] / "data" / "books"
METADATA = "data/metadata"
HREF = "{http://www.w3.org/1999/xlink}href"
LIBRARY = {
    "name": "City Library",
    "identifier": "DE-1",
    "contact_email": "digi@library.example",
    "site": "https://library.example/",
    "logo": "https://library.example/logo.png",
    "presentation": "https://library.example/items/{item_id}",
    "reference": "https://library.example/cat/{item_id}",
    "files": "https://library.example/files/{item_id}",
}
NO_RIGHTS = {"uri": None, "access": None, "embargo_until": None, "holder": None, "note": None}
ITEMS: dict[str, dict[str, Any]] = {
    "plain": {
        "pages": (
            a_page_entry(1, layout="spread", labels=["1v", "2r"]),
            a_page_entry(2, kind="missing", file=None),
        ),
        "title": "Psalter",
        "languages": ["lat"],
        "script": None,
        "part_of": "Treasures",
        "identifiers": [{"type": "shelfmark", "value": "Ms. 88"}],
        "rights": NO_RIGHTS,
    },
    "chapters": {
        "pages": tuple(a_page_entry(number, kind="target") for number in (1, 2)),
        "records": (("METS", "vol-1/mets.xml", (BOOKS / "chapters.delivered.xml").read_bytes()),),
        "title": "Volume 2",
        "rights": NO_RIGHTS,
    },
    "part": {
        "pages": (a_page_entry(1, kind="target", embedded="Letter"),),
        "profile": {"institution": LIBRARY},
        "title": "Letters, part 3",
        "languages": [],
        "script": None,
        "identifiers": [],
        "part_of": "https://library.example/works/7",
        "rights": {
            "uri": "https://creativecommons.org/licenses/by/4.0/",
            "access": "reading room",
            "embargo_until": "2030-01-01",
            "holder": "Heirs of the author",
            "note": "Gift of 1921",
        },
    },
}


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def _packaged(book: str, tools: Tools) -> dict[str, bytes]:
    return files_of(published(a_completed_item(tools, layout=2, **ITEMS[book]), tools), tools)


def _canonical(document: bytes) -> list[str]:
    """Lines that are equal if documents mean the same: prefixes and white space do not matter."""
    text = etree.canonicalize(document.decode(), strip_text=True, rewrite_prefixes=True)
    return text.replace(">", ">\n").splitlines()


def _expected(book: str, files: dict[str, bytes]) -> bytes:
    """The METS as written by hand, with digests and sizes of the files in the package."""
    root = etree.fromstring((BOOKS / f"{book}.mets.xml").read_bytes())
    for one in root.iter():
        if one.get("CHECKSUM") == "sha256":
            link = one if one.get(HREF) else one[0]
            path = posixpath.normpath(posixpath.join(METADATA, link.get(HREF, "")))
            one.set("CHECKSUM", hashlib.sha256(files[path]).hexdigest())
            one.set("SIZE", str(len(files[path])))
        if one.text == "MODS":
            one.text = None
            one.append(etree.fromstring((BOOKS / f"{book}.mods.xml").read_bytes()))
    return etree.tostring(root)


@pytest.mark.parametrize("book", ITEMS)
def test_the_mets_and_mods_of_a_book_are_those_written_by_hand(book: str, tools: Tools) -> None:
    files = _packaged(book, tools)

    mods = (BOOKS / f"{book}.mods.xml").read_bytes()
    assert _canonical(files[f"{METADATA}/mods.xml"]) == _canonical(mods)
    assert _canonical(files[f"{METADATA}/mets.xml"]) == _canonical(_expected(book, files))


@pytest.mark.parametrize("book", ITEMS)
def test_the_documents_of_a_book_are_valid(book: str, tools: Tools) -> None:
    files = _packaged(book, tools)

    for name in ("mets", "mods", "dc", "premis"):
        assert validate(parse(files[f"{METADATA}/{name}.xml"]), standards.fetch()) == [], name


def test_an_item_of_layout_2_has_equal_metadata_in_every_run(tools: Tools) -> None:
    first = published(a_completed_item(tools, layout=2, **ITEMS["part"]), tools)
    again = published(a_completed_item(tools, layout=2, run="other", **ITEMS["part"]), tools)

    assert first.content_digest == again.content_digest


def test_the_profile_that_a_mets_names_is_in_the_documentation() -> None:
    profile = etree.parse(str(BOOKS.parents[2] / "docs" / "mets-profile.xml"))

    assert profile.findtext("{http://www.loc.gov/METS_Profile/v2}URI") == PROFILE
    text = etree.tostring(profile, encoding="unicode")
    assert [group for group in GROUPS if group not in text] == []
