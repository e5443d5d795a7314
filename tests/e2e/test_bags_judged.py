"""All real page sets through the whole line: a judge that knows nothing of it finds no fault."""

import json
import shutil
from pathlib import Path
from typing import Any

from lxml import etree

from infra import standards
from tests.support import pages
from tests.support.bag_judge import bag_faults
from tests.support.corpora import corpus
from tests.support.judge import judge
from tests.support.premis_judge import premis_faults
from tests.support.real_prints import FRAKTUR, PLAY, Fetched, through_the_line
from tests.support.running_line import Line

USES = ("access", "thumbnail", "pyramid")
"""Reading images of the profile as-delivered."""
LIBRARY = """extends = "as-delivered"
[institution]
name = "City Library"
contact_email = "digi@library.example"
[package]
bag = "aptrust"
"""
METS = {"m": "http://www.loc.gov/METS/", "x": "http://www.w3.org/1999/xlink"}


def judged(
    line: Line,
    folder: Path,
    batch_id: str,
    into: Path,
    language: str = "eng",
    profile: str = "as-delivered",
) -> tuple[Path, dict[str, Any]]:
    """Submit a folder of one item; the bag that it must become without any fault, and its item."""
    package = through_the_line(line, folder, batch_id, language, into, profile)
    return package.bag, item_without_faults(line, package, batch_id)


def item_without_faults(line: Line, package: Fetched, batch_id: str) -> dict[str, Any]:
    """The item of a batch, in whose package the judge must not find any fault."""
    manifest = _manifest(line, batch_id)
    faults = judge(package.bag, manifest, standards.fetch(), USES)
    assert faults == [], "\n".join(map(str, faults[:20]))
    refused = premis_faults(package.bag, standards.fetch())
    assert refused == [], "\n".join(refused[:20])
    return dict(manifest["items"][0])


def _manifest(line: Line, batch_id: str) -> dict[str, Any]:
    """The manifest as the station stored it."""
    for path in sorted((line.home / "staging" / "sha256").glob("*/*")):
        with path.open("rb") as file:
            if file.read(1) != b"{":
                continue
        try:
            document = json.loads(path.read_bytes())
        except ValueError:
            continue
        if document.get("batch_id") == batch_id and "items" in document:
            return dict(document)
    raise AssertionError(f"no manifest of {batch_id} in {line.home}/staging")


def test_twenty_pages_of_a_french_play(line: Line, play: Fetched) -> None:
    item = item_without_faults(line, play, PLAY)

    assert len(item["pages"]) == 20


def test_two_pages_of_fraktur_delivered_as_a_bag(line: Line, fraktur: Fetched) -> None:
    item = item_without_faults(line, fraktur, FRAKTUR)

    assert len(item["pages"]) == 2


def test_bitonal_and_grey_pages_one_of_them_upside_down(line: Line, tmp_path: Path) -> None:
    _, item = judged(line, corpus("tesseract"), "judged-tesseract", tmp_path)

    assert len(item["pages"]) == 4


def test_nine_small_tiffs_of_every_sound_kind(line: Line, tmp_path: Path) -> None:
    folder = tmp_path / "checkit"
    folder.mkdir()
    for path in corpus("checkit-tiff", "tiffs_should_pass").rglob("*.tif*"):
        shutil.copy(path, folder)

    _, item = judged(line, folder, "judged-checkit", tmp_path / "out")

    assert len(item["pages"]) == 9


def test_an_item_with_all_kinds_of_pages_and_fields_of_an_institution_that_uses_aptrust(
    line: Line, tmp_path: Path
) -> None:
    profiles = line.home / "profiles"
    profiles.mkdir(exist_ok=True)
    (profiles / "library.toml").write_text(LIBRARY)
    folder = tmp_path / "vol"
    pages.write_item(
        folder,
        5,
        first=40,
        title="A title & more",
        identifiers=[{"type": "shelfmark", "value": "Ms. <4>"}],
        part_of="Collected works",
        rights={"uri": "http://rightsstatements.org/vocab/NoC-NC/1.0/", "access": "open"},
    )
    (folder / "dc.xml").unlink()
    (folder / "pages.csv").write_text(
        "file,sequence,kind,labels,layout\n"
        "f1.tif,1,cover,,\nf2.tif,5,page,1v|2r,spread\nf3.tif,2,page,i,\n"
        "f4.tif,3,page,1r,\nf5.tif,4,target,,\n"
    )

    bag, _ = judged(line, folder, "judged-kinds", tmp_path / "out", profile="library")

    mets = etree.parse(str(bag / "data/metadata/mets.xml"))
    divs = mets.findall(".//m:structMap[@TYPE='PHYSICAL']/m:div/m:div", METS)
    assert [(div.get("TYPE"), div.get("ORDERLABEL"), div.get("LABEL")) for div in divs] == [
        ("cover", None, None),
        ("page", "i", None),
        ("page", "1r", None),
        ("target", None, None),
        ("page", "1v 2r", "spread"),
    ]
    rights = mets.find(".//{http://dfg-viewer.de/}rights")
    assert [one.text for one in rights] == [
        "City Library",
        "mailto:digi@library.example",
        "http://rightsstatements.org/vocab/NoC-NC/1.0/",
    ]
    assert bag_faults(bag, "aptrust-like") == []
    assert "Title: A title & more\n" in (bag / "aptrust-info.txt").read_text()


def test_an_item_that_came_with_its_mets_keeps_order_labels_and_chapters(
    line: Line, tmp_path: Path
) -> None:
    delivered = corpus("mets-vd18", "SBB_PPN1000056597.xml")
    folder = tmp_path / "PPN1000056597"
    for number in range(1, 6):
        pages.write_page(folder / f"{number:08d}.tif", 60 + number)
    shutil.copy(delivered, folder / "mets.xml")
    (folder / "item.json").write_text(json.dumps({"languages": ["ger"]}))

    bag, _ = judged(line, folder, "judged-mets", tmp_path / "out", "ger")

    assert (bag / "data/metadata/submitted/mets.xml").read_bytes() == delivered.read_bytes()
    mets = etree.parse(str(bag / "data/metadata/mets.xml"))
    chapters = mets.findall(".//m:structMap[@TYPE='LOGICAL']//m:div", METS)
    assert len(chapters) == 4
    links = mets.xpath("//m:smLink[starts-with(@x:to, 'PAGE_')]", namespaces=METS)
    assert {link.get(f"{{{METS['x']}}}to") for link in links} == {
        f"PAGE_{n:04d}" for n in range(1, 6)
    }
