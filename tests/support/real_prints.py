"""Real prints through a line: the packages of two items of the corpora, and their ALTO."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree

from tests.support.corpora import corpus
from tests.support.running_line import Line

PLAY, FRAKTUR = "gallica-1", "kant-1"
"""The batches of both items."""


@dataclass(frozen=True)
class Fetched:
    """A package of the line, and the bag that it was unpacked to."""

    bag: Path
    content_digest: str


def through_the_line(
    line: Line,
    folder: Path,
    batch_id: str,
    language: str,
    into: Path,
    profile: str = "as-delivered",
) -> Fetched:
    """Submit a folder of one item, and fetch the package that it must become."""
    told = line.ask(
        *("station", "submit", folder, "--batch-id", batch_id, "--language", language),
        *("--profile", profile, "--wait", "--timeout", "180"),
    )
    assert (told["state"], told["quarantined"]) == ("settled", []), told
    (row,) = line.ask("packages", "list", "--batch", batch_id)
    bag = Path(line.ask("packages", "fetch", row["package_id"], into)["path"])
    checked = subprocess.run([sys.executable, "-m", "bagit", "--validate", "--quiet", str(bag)])
    assert checked.returncode == 0
    return Fetched(bag, row["content_digest"])


def a_french_play(line: Line, scratch: Path) -> Fetched:
    """The package of twenty pages of a French play, without the ALTO beside them."""
    folder = scratch / "bpt6k1281160s"
    images = corpus("gallicorpora-18e", folder.name)
    shutil.copytree(images, folder, ignore=shutil.ignore_patterns("*.xml"))
    return through_the_line(line, folder, PLAY, "fra", scratch)


def a_bag_of_fraktur(line: Line, scratch: Path) -> Fetched:
    """The package of two pages of Fraktur, which are delivered as a bag."""
    delivery = scratch / "kant-1784"
    shutil.copytree(corpus("kant-1784"), delivery)
    (delivery / "item.json").write_text(json.dumps({"languages": ["ger"], "script": "Latf"}))
    # Its ALTO is what the recognised text is compared with.
    (delivery / "pages.csv").write_text("file,text\nINPUT_0017.tif,\nINPUT_0020.tif,\n")
    return through_the_line(line, delivery, FRAKTUR, "ger", scratch / "out")


def assert_valid_alto(documents: Iterable[bytes]) -> None:
    """Each document is valid by the schema of ALTO 4.4 in the corpora."""
    schema = alto_schema(corpus("xsd"))
    for document in documents:
        schema.assertValid(etree.fromstring(document))


def alto_schema(folder: Path) -> etree.XMLSchema:
    """The schema of ALTO 4.4, with what it imports, from a folder."""

    class Local(etree.Resolver):
        def resolve(self, url: str, pubid: str, context: Any) -> Any:
            name = url.rsplit("/", 1)[-1]
            return self.resolve_filename(str(folder / name), context)

    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Local())
    return etree.XMLSchema(etree.parse(str(folder / "alto-4-4.xsd"), parser))
