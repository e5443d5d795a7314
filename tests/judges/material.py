"""Packages for the judges: all page sets of the corpora, and delivered METS with pages made for them."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lxml import etree

from tests.support import pages
from tests.support.corpora import corpus
from tests.support.running_line import Line

PROFILE = """extends = "as-delivered"
ocr = { enabled = %s }

[institution]
name = "City Library"
identifier = "DE-1"
contact_email = "digi@library.example"
site = "https://library.example/"
logo = "https://library.example/logo.png"
license = "https://creativecommons.org/publicdomain/mark/1.0/"
presentation = "https://library.example/items/{item_id}"
reference = "https://library.example/catalogue/{item_id}"
"""
NS = {"m": "http://www.loc.gov/METS/", "x": "http://www.w3.org/1999/xlink"}
SECONDS = "1800"


@dataclass(frozen=True)
class Judged:
    """A bag to judge, and the METS that was delivered with it."""

    name: str
    bag: Path
    delivered: Path | None


def packages(line: Line, folder: Path, only: list[str]) -> Iterator[Judged]:
    """The package of each set of material, or of those that are named."""
    profiles = line.home / "profiles"
    profiles.mkdir(exist_ok=True)
    (profiles / "judged.toml").write_text(PROFILE % "true")
    (profiles / "judged-unread.toml").write_text(PROFILE % "false")
    for name, write, delivered in _sets():
        if only and name not in only:
            continue
        write(folder / name / name)
        profile = "judged-unread" if delivered else "judged"
        told = line.ask(
            *("station", "submit", folder / name / name, "--batch-id", name, "--profile", profile),
            *("--wait", "--timeout", SECONDS),
        )
        assert told["state"] == "settled", told
        for row in line.ask("packages", "list", "--batch", name):
            bag = line.ask("packages", "fetch", row["package_id"], folder / "bags")["path"]
            yield Judged(name, Path(bag), delivered)


def _sets() -> Iterator[tuple[str, Callable[[Path], object], Path | None]]:
    """Name, what writes the folder of the set, and the METS that is delivered."""
    yield "demo", lambda folder: pages.write_item(folder, 3, title="A & B"), None
    yield "kant", lambda folder: shutil.copytree(corpus("kant-1784"), folder), None
    yield "tesseract", lambda folder: shutil.copytree(corpus("tesseract"), folder), None
    yield "play", _play, None
    for mets in sorted(corpus("mets-vd18").glob("*.xml")):
        if _page_names(mets):
            yield mets.stem, _with_pages(mets), mets


def _play(folder: Path) -> None:
    images = corpus("gallicorpora-18e", "bpt6k1281160s")
    shutil.copytree(images, folder, ignore=shutil.ignore_patterns("*.xml"))


def _with_pages(mets: Path) -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        for number, name in enumerate(_page_names(mets), 1):
            pages.write_page(folder / name, number)
        shutil.copy(mets, folder / "mets.xml")
        (folder / "item.json").write_text(json.dumps({"languages": ["ger"]}))

    return write


def _page_names(mets: Path) -> list[str]:
    """A file name for each page in the physical structure, by the first file that it names."""
    root = etree.parse(str(mets)).getroot()
    addresses = {
        file.get("ID"): file.find("m:FLocat", NS).get(f"{{{NS['x']}}}href")
        for file in root.iterfind(".//m:file", NS)
    }
    names = []
    for page in root.iterfind(".//m:structMap[@TYPE='PHYSICAL']//m:div[@TYPE='page']", NS):
        first = next(page.iterfind("m:fptr", NS), None)
        path = urlsplit(addresses.get(first.get("FILEID")) or "").path if first is not None else ""
        names.append(f"{Path(unquote(path)).stem}.tif")
    return names if len(set(names)) == len(names) else []
