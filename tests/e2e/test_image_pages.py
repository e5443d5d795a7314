"""A TIFF file with several images is as many pages: checked, corrected, packaged, and replaced."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import pyvips
from lxml import etree

from infra import standards
from tests.e2e.test_bags_judged import USES, _manifest
from tests.support.delivery import submission
from tests.support.judge import judge
from tests.support.multi_image import damage, page_sizes, write_one, write_scan
from tests.support.running_line import Line

BATCH, ITEM = "images", "fax-9"
PROFILE = 'extends = "as-delivered"\nmore_images = "pages"\n'
GREEK = "Το βιβλίο αυτό είναι η ιστορία μιας παλιάς βιβλιοθήκης που βρισκόταν κοντά στη θάλασσα. "
LIDO = """<lido:lido xmlns:lido="http://www.lido-schema.org">
<lido:lidoRecID lido:type="local">O-1</lido:lidoRecID>
<lido:descriptiveMetadata xml:lang="de"><lido:objectIdentificationWrap><lido:titleWrap>
<lido:titleSet><lido:appellationValue>Faxe und ein Zettel</lido:appellationValue></lido:titleSet>
</lido:titleWrap></lido:objectIdentificationWrap></lido:descriptiveMetadata></lido:lido>
"""
ASKED = ("--by", "p-4", "--reason", "as the curator says")
NS = {"m": "http://www.loc.gov/METS/"}


@pytest.fixture
def profile(line: Line) -> tuple[str, str]:
    """The option for a profile by which each image is a page."""
    folder = line.home / "profiles"
    folder.mkdir(exist_ok=True)
    (folder / "each-image.toml").write_text(PROFILE)
    return ("--profile", "each-image")


def a_delivery(folder: Path, damaged: int, **fields: Any) -> Path:
    """Five images and a reduced copy in one file, one of them damaged; and a page in Greek, whose
    language is not stated, by itself."""
    damage(write_scan(folder / "scan.tif"), damaged)
    text = pyvips.Image.text(GREEK * 5, width=1500, dpi=300, font="DejaVu Serif 9")
    greek = (255 - text).cast("uchar")
    greek = greek.embed(90, 90, 1700, text.height + 180, extend="background", background=255)
    greek.tiffsave(str(folder / "zettel.tif"), compression="lzw", xres=300 / 25.4, yres=300 / 25.4)
    (folder / "pages.csv").write_text("file,languages\nscan.tif,\nzettel.tif,und\n")
    (folder / "lido.xml").write_text(LIDO)
    stated = {"item_id": ITEM, "languages": ["eng"], **fields}
    (folder / "item.json").write_text(json.dumps(stated))
    return folder


@pytest.mark.timeout(400)
def test_each_image_of_a_file_is_a_page(line: Line, profile: tuple[str, str], tmp_path: Path):
    folder = a_delivery(tmp_path / "first", damaged=4)

    is_seen_by_check(line, folder, profile)
    told = line.run(*submission(folder, BATCH, *profile, "--json")).document
    (record,) = line.ask("quarantine", "list", "--batch", BATCH)
    corrected = write_one(tmp_path / "corrected.tif", 4)
    line.ask("quarantine", "release", record["quarantine_id"], "--file", corrected, *ASKED)
    line.wait_for_figures(BATCH, seconds=90, registered=6, packaged=6, quarantined=0)

    assert (told["pages"], len(told["quarantined"])) == (6, 1)
    assert (record["code"], record["page_id"]) == ("page.not-decodable", f"{ITEM}:0004")
    bag = fetched(line, BATCH, tmp_path / "v1")
    shows_each_image(bag)
    manifest = _manifest(line, BATCH)
    released = manifest["items"][0]["pages"][3]
    content = corrected.read_bytes()
    released["file"] |= {"sha256": digest_of(content), "size_bytes": len(content)}
    del released["image"]
    assert judge(bag, manifest, standards.fetch(), USES) == []
    keeps_lido(bag)
    log_names_each_image(line)
    is_replaced(line, profile, tmp_path)


def is_seen_by_check(line: Line, folder: Path, profile: tuple[str, str]) -> None:
    """`station check` names the damaged image, and counts the pages."""
    findings = line.ask("station", "check", folder, *profile, code=1)
    errors = [(row["code"], row["where"]) for row in findings if row["severity"] == "error"]
    assert errors == [("page.not-decodable", "scan.tif, image 4")]
    printed = line.run("station", "check", folder, *profile).stdout
    assert "6 pages, scan.tif … zettel.tif" in printed
    assert "5 pages of 1 file with several images" in printed
    plain = line.ask("station", "check", folder)
    assert "page.more-images" in {row["code"] for row in plain}


def fetched(line: Line, batch_id: str, into: Path) -> Path:
    """The bag of the package of a batch."""
    (row,) = line.ask("packages", "list", "--batch", batch_id)
    return Path(line.ask("packages", "fetch", row["package_id"], into)["path"])


def digest_of(content: bytes) -> str:
    """The SHA-256 of some bytes."""
    return sha256(content).hexdigest()


def shows_each_image(bag: Path) -> None:
    """Each page has the size and the text of its image; the file of four pages is there once."""
    for number, size in enumerate(page_sizes(), 1):
        name = f"{ITEM}_{number:04d}"
        for image in (f"access/{name}.tif", f"access/{name}.jpg"):
            shown = pyvips.Image.new_from_file(str(bag / "data" / image))
            assert (shown.width, shown.height) == size
        assert f"Page {number}" in (bag / "data" / "text" / f"{name}.txt").read_text()
    masters = sorted(path.name for path in (bag / "data" / "master").iterdir())
    assert [name.removeprefix(ITEM)[:6] for name in masters] == [
        "_0004.",
        "_0006.",
        masters[2][5:11],
    ]
    assert masters[2].startswith(f"{ITEM}__")


def keeps_lido(bag: Path) -> None:
    """The record is in the package as delivered, and its title is that of the item."""
    metadata = bag / "data" / "metadata"
    assert (metadata / "submitted" / "lido.xml").read_text() == LIDO
    assert "Faxe und ein Zettel" in (metadata / "dc.xml").read_text()


def log_names_each_image(line: Line) -> None:
    """The validation of each page names its image, and the Greek page asks for its script."""
    events = line.wait_for_events("item", ITEM)
    asking = [event["page_id"] for event in events if event["code"] == "page.script-unstated"]
    assert asking == [f"{ITEM}:0006"]
    details = (event["detail"] for event in events)
    images = {text.split(":")[0] for text in details if text.startswith("Image ")}
    assert images == {f"Image {number} of the file" for number in (1, 2, 3, 5)}


def is_replaced(line: Line, profile: tuple[str, str], tmp_path: Path) -> None:
    """A later delivery is the next version; without a withdrawn page, the file has the others."""
    again = a_delivery(tmp_path / "second", damaged=2, replaces=ITEM)
    line.run(*submission(again, f"{BATCH}-2", *profile))
    (record,) = line.ask("quarantine", "list", "--batch", f"{BATCH}-2")
    line.ask("quarantine", "withdraw", record["quarantine_id"], *ASKED)
    line.wait_for_figures(f"{BATCH}-2", seconds=90, packaged=6, quarantined=0)

    bag = fetched(line, f"{BATCH}-2", tmp_path / "v2")

    assert bag.name == f"{ITEM}.v2"
    mets = etree.parse(str(bag / "data" / "metadata" / "mets.xml"))
    images = [one.get("OWNERID") for one in mets.iterfind(".//m:stream", NS)]
    assert images == [f"image {number}" for number in (1, 3, 4, 5)]
    assert len(list((bag / "data" / "master").iterdir())) == 2
    assert mets.find(".//m:div[@ID='PAGE_0002']", NS).get("TYPE") == "missing"
