"""Random batches without any fault, in parts that faults can be planted into."""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from processors.manifest import body_digest
from processors.tools import Area, Tools
from schemas.models import BatchReceived
from streams.storage.memory import MemoryStorage
from tests.support.builders import a_head

Json = dict[str, Any]
RIGHTS = (
    {"uri": "http://rightsstatements.org/vocab/NoC-NC/1.0/", "access": "open"},
    {"uri": "https://creativecommons.org/publicdomain/mark/1.0/", "note": "as far as we know"},
    {"access": "restricted", "embargo_until": "2040-01-01", "holder": "heirs"},
    None,
)
KINDS = ("page", "page", "page", "cover", "foldout", "blank", "target")
MODS = (
    '<mods xmlns="http://www.loc.gov/mods/v3" version="3.8"><titleInfo><title>{title}</title>'
    '</titleInfo><identifier type="local">{name}</identifier></mods>'
)
DC = (
    '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title>'
    "<dc:identifier>{name}</dc:identifier></oai_dc:dc>"
)
PREMIS = (
    '<premis xmlns="http://www.loc.gov/premis/v3" version="3.0"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    '<object xsi:type="intellectualEntity"><objectIdentifier>'
    "<objectIdentifierType>local</objectIdentifierType>"
    "<objectIdentifierValue>{name}</objectIdentifierValue></objectIdentifier></object></premis>"
)
ALTO = (
    '<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Layout><Page ID="p"><PrintSpace>'
    '<TextBlock ID="b"><TextLine><String CONTENT="{name}"/></TextLine></TextBlock></PrintSpace>'
    "</Page></Layout></alto>"
)
METS = """<mets xmlns="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink"
  OBJID="{name}"><dmdSec ID="d"><mdWrap MDTYPE="MODS"><xmlData>{mods}</xmlData></mdWrap></dmdSec>
  <fileSec><fileGrp USE="MAX">{files}</fileGrp></fileSec>
  <structMap TYPE="PHYSICAL"><div TYPE="physSequence">{divs}</div></structMap></mets>"""
METS_FILE = (
    '<file ID="f{number}" {checksum}><FLocat LOCTYPE="URL"'
    ' xlink:href="http://images.example/{file}"/></file>'
)
METS_DIV = '<div TYPE="page" ORDER="{number}"><fptr FILEID="f{number}"/></div>'


@dataclass
class Batch:
    """A batch before it is sealed and staged; a fault changes any part of it."""

    body: Json
    random: Random
    contents: dict[str, bytes] = field(default_factory=dict)
    """Everything that will be staged, by digest."""
    file_count_off_by: int = 0
    digest: str | None = None
    """Stated in place of the true one."""
    announced: str | None = None
    announced_batch_id: str | None = None
    as_text: list[tuple[str, str]] = field(default_factory=list)
    """Replacements in the manifest's text."""
    as_bytes: bytes | None = None
    unstaged: bool = False
    _numbered: int = 0

    def listed(self, path: str, content: bytes) -> Json:
        """A file of the manifest, which will be staged."""
        digest = sha256(content).hexdigest()
        self.contents[digest] = content
        return {"path": path, "sha256": digest, "size_bytes": len(content)}

    def fresh(self) -> str:
        """A word that was not used before."""
        self._numbered += 1
        return f"n{self._numbered:05d}"

    def staged(self, folder: Path, profiles: Path, standards: Path | None) -> tuple[Any, Tools]:
        """The fact that announces the batch, and tools whose store has its files."""
        body = {**self.body}
        if "file_count" in body:
            body["file_count"] = files_listed(body) + self.file_count_off_by
        digest = self.digest or body_digest(body)
        text = json.dumps({**body, "checksums": {"manifest_sha256": digest}})
        for old, new in self.as_text:
            text = text.replace(old, new)
        tools = Tools(MemoryStorage(folder), folder, profiles=profiles, standards=standards)
        for content in self.contents.values():
            tools.storage.keep(content, area=Area.STAGING, use="capture", media_type="")
        manifest = text.encode() if self.as_bytes is None else self.as_bytes
        area = Area.PACKAGES if self.unstaged else Area.STAGING
        received = tools.storage.keep(manifest, area=area, use="manifest", media_type="")
        batch_id = self.announced_batch_id or body["batch_id"]
        fact = BatchReceived(
            head=a_head(batch_id=batch_id, item_id=None, page_id=None),
            manifest_sha256=self.announced or digest,
            files=(received,),
        )
        return fact, tools


def files_listed(body: Json) -> int:
    """What file_count must say."""
    places = (place for item in body["items"] for place in _places(item))
    return sum(isinstance(place, dict) for place in places)


def _places(item: Json) -> Iterator[Any]:
    for record in item.get("metadata", ()):
        yield record.get("file")
    for page in item["pages"]:
        yield page.get("file")
        yield page.get("text")


def a_batch(seed: int, items: int = 2, structured: int = 0) -> Batch:
    """A sound batch; the last `structured` items come with a METS."""
    random = Random(seed)
    made = Batch({}, random)
    made.body = {
        "batch_id": "b-1",
        "scanner_profile": "as-delivered",
        "file_count": 0,
        "metadata_schema": "MODS",
        "project": random.choice([None, "psalters"]),
        "priority": random.choice(["rush", "normal", "night"]),
        "not_before": random.choice([None, "2031-01-01T18:00:00+01:00"]),
        "operator": random.choice([None, "o-17"]),
        "items": [an_item(made, number) for number in range(items)],
    }
    made.body["items"] += [a_structured_item(made, items + n) for n in range(structured)]
    return made


def an_item(made: Batch, number: int) -> Json:
    """An item with two to six pages and one to three records."""
    random, name = made.random, f"vol-{number}"
    item: Json = {
        "item_id": name,
        "identifiers": [{"type": "shelfmark", "value": f"Ms. fol. {name}"}],
        "title": f"Psalter {number}",
        "languages": random.choice([["eng"], ["lat", "fra"], None]),
        "script": random.choice([None, "Latn"]),
        "rights": deepcopy(random.choice(RIGHTS)),
        "part_of": random.choice([None, "Collected works"]),
        "metadata": [a_record(made, name, "MODS", MODS)],
    }
    if random.random() < 0.4:
        item["metadata"].append(a_record(made, name, "DublinCore", DC))
    if random.random() < 0.4:
        item["metadata"].append(a_record(made, name, "PREMIS", PREMIS, role="preservation"))
    item["pages"] = [a_page(made, name, n) for n in range(1, random.randint(2, 6) + 1)]
    return item


def a_structured_item(made: Batch, number: int) -> Json:
    """An item whose only record is a METS of its pages, with digests of some."""
    item = an_item(made, number)
    item["metadata"] = [mets_of(made, item)]
    return item


MORE = (
    '<file ID="MORE" MIMETYPE="application/pdf"><FLocat LOCTYPE="URL" xlink:href="{file}"/></file>'
)


def mets_of(made: Batch, item: Json, **changes: Any) -> Json:
    """The METS of an item's pages; `pages` gives others, `checksum` another digest, `more` the
    name of one more file, which belongs to no page."""
    name, pages = item["item_id"], changes.get("pages", item["pages"])
    files = [page["file"] for page in pages if page.get("file")]
    text = METS.format(
        name=f"Ms. fol. {name}",
        mods=changes.get("mods", MODS.format(title=name, name=made.fresh())),
        files="".join(
            METS_FILE.format(
                number=number,
                file=file["path"].split("/")[-1],
                checksum=f'CHECKSUMTYPE="SHA-256" CHECKSUM="{changes.get("checksum", file["sha256"])}"'
                if number == 1
                else "",
            )
            for number, file in enumerate(files, 1)
        ),
        divs="".join(METS_DIV.format(number=n) for n, _ in enumerate(files, 1)),
    )
    if more := changes.get("more"):
        text = text.replace("</fileGrp>", MORE.format(file=more) + "</fileGrp>")
    listed = made.listed(f"{name}/{made.fresh()}.xml", text.encode())
    return {"role": "structural", "schema": "METS", "file": listed}


def a_record(
    made: Batch, of: str, schema: str, text: str, role: str = "descriptive", **words: str
) -> Json:
    """A record of an item, with content of its own."""
    fills = {"title": f"Psalter {made.fresh()}", "name": f"Ms. fol. {of}", **words}
    content = text.format(**fills).encode() + f"<!-- {made.fresh()} -->".encode()
    file = made.listed(f"{of}/{made.fresh()}.xml", content)
    return {"role": role, "schema": schema, "version": None, "file": file}


def a_page(made: Batch, name: str, number: int) -> Json:
    """A page of some kind, now and then with labels, digests of others and its text."""
    random = made.random
    file = made.listed(f"{name}/{number:04d}.tif", f"{name} {number}".encode())
    if random.random() < 0.3:
        content = made.contents[file["sha256"]]
        file["vendor_checksums"] = [f"sha256:{sha256(content).hexdigest()}", f"md5:{'a' * 32}"]
    layout = random.choice(["single", "single", "spread"])
    labels = [f"{number}v", f"{number + 1}r"] if layout == "spread" else [str(number)]
    page: Json = {
        "ref": f"{number:04d}",
        "sequence": number,
        "kind": random.choice(KINDS),
        "layout": layout,
        "labels": random.choice([[], labels]),
        "languages": random.choice([None, ["deu"]]),
        "file": file,
    }
    if random.random() < 0.3:
        page["text"] = a_text(made, name, ALTO)
    return page


def a_text(made: Batch, name: str, text: str) -> Json:
    """ALTO of a page, with content of its own."""
    content = text.format(name=made.fresh()).encode() + f"<!-- {made.fresh()} -->".encode()
    return made.listed(f"{name}/{made.fresh()}.alto.xml", content)
