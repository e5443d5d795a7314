"""Judges a package by itself: reads a bag, its manifest and the schemas, imports nothing of the line."""

import hashlib
import json
import posixpath
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import bagit
from lxml import etree
from PIL import Image

try:
    from tests.support import text_judge
except ImportError:
    # As a program, it has the modules beside it.
    import text_judge  # type: ignore[import-not-found, no-redef]

METS, PREMIS = "http://www.loc.gov/METS/", "http://www.loc.gov/premis/v3"
MODS, MIX = "http://www.loc.gov/mods/v3", "http://www.loc.gov/mix/v20"
DC, OAI_DC = "http://purl.org/dc/elements/1.1/", "http://www.openarchives.org/OAI/2.0/oai_dc/"
ALTO, XLINK = "http://www.loc.gov/standards/alto/ns-v4#", "http://www.w3.org/1999/xlink"
NS = {"m": METS, "p": PREMIS, "mods": MODS, "mix": MIX, "dc": DC, "oai_dc": OAI_DC, "a": ALTO}
HREF, TITLE, FROM, TO = (f"{{{XLINK}}}{name}" for name in ("href", "title", "from", "to"))
XS = "{http://www.w3.org/2001/XMLSchema}"
METADATA = "data/metadata"
OWN_FILES = (f"{METADATA}/mets.xml", f"{METADATA}/premis.xml")
DERIVED = {"data/access", "data/text", "data/download"}
NOT_READ = ("target", "blank", "missing")
SUBMITTED_AS = {"MODS": "mods.xml", "DublinCore": "dc.xml", "DC": "dc.xml"}
TEXTS = ("alto", "text")
MADE_BY_STATION = "made-by-station"
PORTAL = "http://dfg-viewer.de/"
DELIVERED = "SUB_"
"""IDs of sections that were taken over from a delivered METS, which are not ours to judge."""
ALSO_ONE_EACH = (
    "MASTER",
    "DEFAULT",
    "THUMBS",
    "FULLTEXT",
    "HOCR",
    "TXT",
    "TSV",
    "PYRAMID",
    "TARGET",
)
GROUP_OF_USE = {
    **{"master": "MASTER", "access": "DEFAULT", "thumbnail": "THUMBS", "alto": "FULLTEXT"},
    **{"hocr": "HOCR", "text": "TXT", "tsv": "TSV", "pyramid": "PYRAMID", "pdf": "DOWNLOAD"},
}


class Fault(NamedTuple):
    """One thing that is wrong with a package."""

    rule: str
    where: str
    found: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.where}: {self.found}"


class Seen(NamedTuple):
    """A file as it lies in the bag."""

    size: int
    sha256: str


class Package:
    """A bag, read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = {
            path.relative_to(folder).as_posix(): _seen(path)
            for path in sorted((folder / "data").rglob("*"))
            if path.is_file()
        }
        self.mets = self.xml(OWN_FILES[0])
        self.premis = self.xml(OWN_FILES[1])
        self.by_id: dict[str, etree._Element] = {
            file.get("ID"): file for file in self.mets.iterfind(".//m:file", NS)
        }
        info = (folder / "bag-info.txt").read_text("utf-8")
        self.layout = 2 if "\nPackage-Layout: 2\n" in info else 1
        self.file = "file:" if self.layout == 1 else f"{folder.name}/"
        """What is before the path of a file in its PREMIS identifier."""
        physical = self.mets.find("m:structMap[@TYPE='PHYSICAL']/m:div", NS)
        self.pages = list(physical.iterfind("m:div", NS)) if physical is not None else []
        self.of_item = list(physical.iterfind("m:fptr", NS)) if physical is not None else []
        info = (folder / "bag-info.txt").read_text("utf-8").splitlines()
        stated = [line.partition(": ")[2] for line in info if line.startswith("Package-Layout: ")]
        self.layout = int(stated[0]) if stated else 1

    def xml(self, path: str) -> etree._Element:
        """Root of a document of the bag; without network, entities or DTD."""
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        return etree.parse(str(self.folder / path), parser).getroot()

    def of_page(self, div: etree._Element) -> list[etree._Element]:
        """The METS files that a page points at."""
        ids = [pointer.get("FILEID") for pointer in div.iterfind("m:fptr", NS)]
        return [self.by_id[one] for one in ids if one in self.by_id]


def _seen(path: Path) -> Seen:
    with path.open("rb") as file:
        return Seen(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def path_of(element: etree._Element) -> str:
    """Path from the bag's root of what a METS file or mdRef names."""
    link = element if element.get(HREF) else element.find("m:FLocat", NS)
    href = "" if link is None else link.get(HREF) or ""
    return posixpath.normpath(posixpath.join(METADATA, href))


def judge(
    bag: Path, manifest: dict[str, Any], xsds: Path, uses: tuple[str, ...] = ("access", "thumbnail")
) -> list[Fault]:
    """Every fault of a package; `uses` are the reading images that its profile asks for."""
    try:
        package = Package(bag)
    except (OSError, etree.XMLSyntaxError) as wrong:
        return [Fault("package.unreadable", str(bag), str(wrong))]
    item = _item(manifest, package.mets.get("OBJID"))
    if item is None:
        return [Fault("package.item", str(bag), f"no item {package.mets.get('OBJID')!r}")]
    faults = [*_bag(package), *_schemas(package, item, xsds), *_files(package, item)]
    faults += [*_ids(package), *_images(package, item)]
    faults += [*_structure(package, item), *_pages(package, item, uses)]
    if package.layout == 2:
        faults += [*_groups(package), *_logical(package), *_technical(package)]
        faults += [*_texts(package), *_pdf(package)]
    return [*faults, *_history(package), *_records(package, item)]


def _item(manifest: dict[str, Any], item_id: str | None) -> dict[str, Any] | None:
    return next((one for one in manifest["items"] if one["item_id"] == item_id), None)


def _ordered(item: dict[str, Any]) -> list[dict[str, Any]]:
    """Pages as they must stand, each with the ref that it has or gets."""
    pages = [
        {**page, "ref": page.get("ref") or f"{page['sequence']:04d}"} for page in item["pages"]
    ]
    return sorted(pages, key=lambda page: (page["sequence"], page["ref"]))


def _bag(package: Package) -> Iterator[Fault]:
    """The bag by the Library of Congress's own program, and its manifest against the files."""
    try:
        bagit.Bag(str(package.folder)).validate()
    except bagit.BagError as wrong:
        yield Fault("bag.invalid", package.folder.name, str(wrong))
    listed = {}
    for line in (package.folder / "manifest-sha256.txt").read_text("utf-8").splitlines():
        digest, _, path = line.partition("  ")
        listed[path] = digest
    for path in sorted({*listed, *package.files}):
        seen = package.files.get(path)
        if listed.get(path) != (seen and seen.sha256):
            yield Fault("bag.digest", path, f"manifest {listed.get(path)}, file {seen}")


class _Offline(etree.Resolver):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def resolve(self, url: str, public_id: str, context: Any) -> Any:
        return self.resolve_filename(str(self._folder / url.rsplit("/", 1)[-1]), context)


@cache
def schema_for(namespace: str, folder: Path) -> etree.XMLSchema | None:
    """The schema in the folder whose target this namespace is."""
    parser = etree.XMLParser(no_network=True, load_dtd=False)
    parser.resolvers.add(_Offline(folder))
    for path in sorted(folder.glob("*.xsd"), reverse=True):
        tree = etree.parse(str(path), parser)
        if tree.getroot().get("targetNamespace") == namespace:
            return etree.XMLSchema(tree)
    return None


def _schemas(package: Package, item: dict[str, Any], xsds: Path) -> Iterator[Fault]:
    """Each document and each wrapped record by its own schema; text that was delivered may be of a
    version that has none here."""
    delivered = {page["text"]["sha256"] for page in item["pages"] if page.get("text")}
    not_ours = (f"{METADATA}/mods.xml", "mets.xml#DMD_MODS")
    not_ours = not_ours if _mods_of_delivered_mets(package) else ()
    roots = [(path, package.xml(path)) for path in package.files if _is_ours(path)]
    for data in package.mets.iterfind(".//m:xmlData", NS):
        section = data.getparent().getparent().get("ID") or ""
        if section.startswith(DELIVERED):
            continue
        roots += [(f"mets.xml#{section}", etree.fromstring(etree.tostring(one))) for one in data]
    for where, root in roots:
        namespace = etree.QName(root).namespace or ""
        if namespace == PORTAL or where in not_ours:
            continue
        # Simple Dublin Core has no schema for its wrapper: each of its elements is judged alone.
        for one in root if namespace == OAI_DC else [root]:
            schema = schema_for(etree.QName(one).namespace or "", xsds)
            seen = package.files.get(where)
            if schema is None:
                if seen is None or seen.sha256 not in delivered:
                    yield Fault("schema.none", where, str(one.tag))
            elif not schema.validate(etree.fromstring(etree.tostring(one))):
                yield Fault("schema.invalid", where, str(schema.error_log[0]))
        if namespace == OAI_DC and not len(root):
            yield Fault("schema.invalid", where, "a record without any element")


def _is_ours(path: str) -> bool:
    folder = posixpath.dirname(path)
    return path.endswith(".xml") and folder in (METADATA, "data/text")


def _files(package: Package, item: dict[str, Any]) -> Iterator[Fault]:
    """METS, PREMIS and the files themselves agree in size and digest, and none is left out. METS
    names a file whose images are pages once for each of these that is there."""
    there = {div.get("ID") for div in package.pages if package.of_page(div)}
    images = Counter(
        page["file"]["sha256"]
        for page in _ordered(item)
        if page.get("image") and f"PAGE_{page['ref']}" in there
    )
    named = [*package.by_id.values(), *package.mets.iterfind(".//m:mdRef", NS)]
    paths = Counter(path_of(one) for one in named)
    for one in named:
        path, seen = path_of(one), package.files.get(path_of(one))
        told = (one.get("CHECKSUM"), one.get("SIZE"))
        wanted = None if seen is None else (seen.sha256, str(seen.size))
        if seen is None or told != ((None, None) if path == OWN_FILES[1] else wanted):
            yield Fault("mets.file", path, f"METS says {told}, the file is {seen}")
    for path, seen in package.files.items():
        often = images[seen.sha256] or 1
        if paths[path] != (0 if path == OWN_FILES[0] else often):
            yield Fault("mets.named", path, f"{paths[path]} times in METS")
    objects = _premis_files(package)
    for path, (digest, size) in objects.items():
        seen = package.files.get(path)
        if seen is None or (digest, size) != (seen.sha256, str(seen.size)):
            yield Fault("premis.file", path, f"PREMIS says {digest}, {size}; the file is {seen}")
    for path in sorted(set(package.files) - set(objects) - {OWN_FILES[1]}):
        yield Fault("premis.named", path, "no PREMIS object is this file")


def _premis_files(package: Package) -> dict[str, tuple[str | None, str | None]]:
    found = {}
    for one in package.premis.iterfind("p:object", NS):
        for value in one.iterfind("p:objectIdentifier/p:objectIdentifierValue", NS):
            if (value.text or "").startswith(package.file) and "#" not in value.text:
                path = value.text.removeprefix(package.file)
                stated = (
                    one.findtext(".//p:messageDigest", None, NS),
                    one.findtext(".//p:size", None, NS),
                )
                seen = package.files.get(path)
                found[path] = stated if package.layout == 1 else _stated(one, *stated, seen)
    return found


def _stated(
    one: etree._Element, digest: str | None, size: str | None, seen: Seen | None
) -> tuple[str | None, str | None]:
    """Digest and size of a file in PREMIS of layout 2. The digest is also the second identifier; a
    derivative has it only there, and its size in METS alone."""
    second = one.findtext("p:objectIdentifier[2]/p:objectIdentifierValue", None, NS)
    if digest is None:
        size = size or (str(seen.size) if seen else None)
    return (second if digest in (None, second) else f"{digest}, {second}"), size


def _ids(package: Package) -> Iterator[Fault]:
    """Every reference within METS leads somewhere, and every id is there once."""
    counted = Counter(one.get("ID") for one in package.mets.iter() if one.get("ID"))
    yield from (Fault("mets.id", str(one), f"{n} times") for one, n in counted.items() if n > 1)
    for one in package.mets.iter(etree.Element):
        for name in ("ADMID", "DMDID", "FILEID", FROM, TO):
            for target in (one.get(name) or "").split():
                if target not in counted:
                    yield Fault("mets.reference", str(one.get("ID") or one.tag), f"{name} {target}")
    if package.mets.find("m:metsHdr[@CREATEDATE]", NS) is not None:
        yield Fault("mets.clock", "metsHdr", "CREATEDATE tells of the run")


def _images(package: Package, item: dict[str, Any]) -> Iterator[Fault]:
    """METS and PREMIS say which image of its file a page is, and of no other page."""
    told = {
        value.text.removeprefix("image:"): one
        for one in package.premis.iterfind("p:object", NS)
        for value in one.iterfind("p:objectIdentifier/p:objectIdentifierValue", NS)
        if (value.text or "").startswith("image:") or "#image=" in (value.text or "")
    }
    divs = {div.get("ID"): div for div in package.pages}
    for page in _ordered(item):
        files = (
            package.of_page(divs[f"PAGE_{page['ref']}"]) if f"PAGE_{page['ref']}" in divs else ()
        )
        for master in (one for one in files if one.get("USE") == "master"):
            number, stream = page.get("image"), master.find("m:stream", NS)
            has = None if stream is None else (stream.get("OWNERID"), stream.get("ADMID"))
            owes = (f"image {number}", f"TECH_{page['ref']}") if number else None
            if has != owes:
                yield Fault("page.image", page["ref"], f"METS says {has}, not {owes}")
            own = f"{package.mets.get('OBJID')}:{page['ref']}"
            if package.layout > 1:
                own = f"{package.file}{path_of(master)}#image={number}"
            one = told.pop(own, None)
            related = (
                []
                if one is None
                else one.xpath(".//p:relatedObjectIdentifierValue/text()", namespaces=NS)
            )
            if (one is not None) != bool(number) or (
                number and f"{package.file}{path_of(master)}" not in related
            ):
                yield Fault("page.image", page["ref"], f"PREMIS relates it to {related}")
    yield from (Fault("page.image", name, "an image of no page") for name in told)


def _structure(package: Package, item: dict[str, Any]) -> Iterator[Fault]:
    """Order, kinds, labels and spreads of the pages are those of the manifest."""
    keys = ("ID", "ORDER", "TYPE", "ORDERLABEL", "LABEL")
    found = [tuple(div.get(key) for key in keys) for div in package.pages]
    wanted = [
        (
            f"PAGE_{page['ref']}",
            str(page["sequence"]),
            page.get("kind", "page"),
            " ".join(page.get("labels") or ()) or None,
            "spread" if page.get("layout") == "spread" else None,
        )
        for page in _ordered(item)
    ]
    for number in range(max(len(found), len(wanted))):
        has, owes = (each[number] if number < len(each) else None for each in (found, wanted))
        if has != owes:
            yield Fault("structure.page", f"place {number + 1}", f"{has}, not {owes}")


def _pages(package: Package, item: dict[str, Any], uses: tuple[str, ...]) -> Iterator[Fault]:
    """Every page has its master as delivered, its reading images, its text and its MIX."""
    pointed = Counter(
        id_ for div in package.pages for id_ in div.xpath("m:fptr/@FILEID", namespaces=NS)
    )
    pointed.update(pointer.get("FILEID") for pointer in package.of_item)
    for name in package.by_id:
        if pointed[name] != 1:
            yield Fault("structure.file", name, f"pointed at {pointed[name]} times")
    divs = {div.get("ID"): div for div in package.pages}
    for page in _ordered(item):
        div = divs.get(f"PAGE_{page['ref']}")
        if div is None:
            continue
        files = package.of_page(div)
        kind, found = page.get("kind", "page"), {one.get("USE"): one for one in files}
        owed = {"master", *uses} if page.get("file") else set[str]()
        if kind not in NOT_READ and page.get("languages") != ["zxx"]:
            owed |= set(TEXTS)
        lacking = sorted(owed - set(found))
        if lacking or (kind == "missing" and files):
            yield Fault(
                "page.files", page["ref"], f"{lacking} lacking of {sorted(map(str, found))}"
            )
        if "master" in found:
            yield from _master(package, page, found["master"])
        given = (page.get("text") or {}).get("sha256")
        # In layout 2, the ALTO of the page names the packaged master.
        kept = found.get("delivered-alto" if package.layout == 2 else "alto")
        if given and (kept is None or kept.get("CHECKSUM") != given):
            yield Fault("page.text", page["ref"], "not the text that was delivered")
        if kind == "target" and set(found) & set(TEXTS):
            yield Fault("page.files", page["ref"], "a target was read")


def _master(package: Package, page: dict[str, Any], master: etree._Element) -> Iterator[Fault]:
    group = master.getparent().get("USE")
    if group != ("TARGET" if page.get("kind") == "target" else "MASTER"):
        yield Fault("page.group", page["ref"], str(group))
    location, given = master.find("m:FLocat", NS), page["file"]
    delivered = posixpath.basename(given["path"])
    if posixpath.basename(location.get(TITLE) or "") != delivered:
        yield Fault("page.original-name", page["ref"], f"{location.get(TITLE)}, not {delivered}")
    if master.get("CHECKSUM") != given["sha256"]:
        yield Fault("page.master", page["ref"], f"{master.get('CHECKSUM')}, not as delivered")
    if _mix_of(package, master) is None:
        yield Fault("page.mix", page["ref"], "no techMD with MIX")


def _mix_of(package: Package, file: etree._Element) -> etree._Element | None:
    """The MIX that a file refers to: its section (layout 1), or its own amdSec (layout 2)."""
    for one in file.get("ADMID", "").split():
        for path in (f"m:amdSec/m:techMD[@ID='{one}']", f"m:amdSec[@ID='{one}']/m:techMD"):
            mix = package.mets.find(f"{path}//mix:mix", NS)
            if mix is not None:
                return mix
    return None


def _groups(package: Package) -> Iterator[Fault]:
    """A group has one kind of file, and one for each page; ALTO has the type that viewers ask."""
    for name, file in package.by_id.items():
        group, use = file.getparent().get("USE"), file.get("USE")
        if (
            use in GROUP_OF_USE
            and group != GROUP_OF_USE[use]
            and (use, group)
            != (
                "master",
                "TARGET",
            )
        ):
            yield Fault("group.use", name, f"{use} in {group}")
        if use == "alto" and file.get("MIMETYPE") != "text/xml":
            yield Fault("group.type", name, f"ALTO as {file.get('MIMETYPE')}")
    for div in package.pages:
        counted = Counter(one.getparent().get("USE") for one in package.of_page(div))
        yield from (
            Fault("group.page", str(div.get("ID")), f"{counted[group]} files in {group}")
            for group in ALSO_ONE_EACH
            if counted[group] > 1
        )


def _texts(package: Package) -> Iterator[Fault]:
    """The forms of a page's text have the same words."""
    for div in package.pages:
        files = {one.get("USE", ""): package.folder / path_of(one) for one in package.of_page(div)}
        for rule, found in text_judge.text_faults(files):
            yield Fault(rule, str(div.get("ID")), found)


def _pdf(package: Package) -> Iterator[Fault]:
    """The item has one PDF, of its pages with an image except targets."""
    expected = []
    for div in package.pages:
        files = {one.get("USE"): package.folder / path_of(one) for one in package.of_page(div)}
        if "master" in files and div.get("TYPE") != "target":
            label = div.get("ORDERLABEL") or f"[{div.get('ORDER')}]"
            expected.append((label, files.get("alto")))
    pdfs = [path for path in package.files if path.startswith("data/download/")]
    if pdfs != [f"data/download/{package.mets.get('OBJID')}.pdf"] * bool(expected):
        yield Fault("pdf.file", "data/download", f"{pdfs}")
        return
    for rule, found in text_judge.pdf_faults(package.folder / pdfs[0], expected) if pdfs else ():
        yield Fault(rule, pdfs[0], found)


def _logical(package: Package) -> Iterator[Fault]:
    """One logical division is the item: it has the MODS, and leads to all pages."""
    tops = package.mets.findall("m:structMap[@TYPE='LOGICAL']/m:div", NS)
    ours = package.mets.findall("m:structMap[@TYPE='LOGICAL']//m:div", NS)
    described = [one for one in ours if "DMD_MODS" in one.get("DMDID", "").split()]
    if len(tops) != 1 or len(described) != 1:
        yield Fault("logical.item", "structMap", f"{len(tops)} tops, {len(described)} with MODS")
        return
    links = {
        link.get(TO)
        for link in package.mets.iterfind("m:structLink/m:smLink", NS)
        if link.get(FROM) == described[0].get("ID")
    }
    if wanted := {"PHYS", *(div.get("ID") for div in package.pages)} - links:
        yield Fault("logical.link", str(described[0].get("ID")), f"does not lead to {wanted}")
    wrapped = package.mets.find("m:dmdSec[@ID='DMD_MODS']//mods:mods", NS)
    file = next(package.xml(f"{METADATA}/mods.xml").iter(f"{{{MODS}}}mods"), None)
    if wrapped is None or file is None or _canonical(wrapped) != _canonical(file):
        yield Fault("logical.mods", "DMD_MODS", "is not the record in mods.xml")


def _canonical(element: etree._Element) -> str:
    text = etree.tostring(element, encoding="unicode", with_tail=False)
    return etree.canonicalize(text, strip_text=True, rewrite_prefixes=True)


def _pixels(path: Path) -> list[str | None]:
    """Width and height of an image, as another program reads them."""
    try:
        # Pillow warns about tags that it does not need.
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            return [str(side) for side in image.size]
    except (OSError, SyntaxError):
        return [None, None]


def _technical(package: Package) -> Iterator[Fault]:
    """Each image that was made has the width and height of its file."""
    for name, file in package.by_id.items():
        if file.get("USE") in ("access", "thumbnail", "pyramid"):
            mix = _mix_of(package, file)
            stated = [
                None if mix is None else mix.findtext(f".//mix:image{side}", None, NS)
                for side in ("Width", "Height")
            ]
            size = _pixels(package.folder / path_of(file))
            if stated != size:
                yield Fault("image.size", name, f"METS says {stated}, the file has {size}")


def _history(package: Package) -> Iterator[Fault]:
    """Every derivative names its page's master and an event of this document; agents exist."""
    if package.layout > 1:
        yield from _links(package)
        return
    value = "p:{0}Identifier/p:{0}IdentifierValue"
    objects = {
        name.text: one
        for one in package.premis.iterfind("p:object", NS)
        for name in one.iterfind(value.format("object"), NS)
    }
    events = {one.text for one in package.premis.iterfind(f"p:event/{value.format('event')}", NS)}
    agents = {one.text for one in package.premis.iterfind(f"p:agent/{value.format('agent')}", NS)}
    masters = {
        path_of(one): f"file:{path_of(master)}"
        for div in package.pages
        for master in package.of_page(div)
        if master.get("USE") == "master"
        for one in package.of_page(div)
    }
    for path in package.files:
        if posixpath.dirname(path) in DERIVED and f"file:{path}" in objects:
            told = [
                (
                    relation.findtext(value.format("relatedObject"), None, NS),
                    relation.findtext(value.format("relatedEvent"), None, NS),
                )
                for relation in objects[f"file:{path}"].iterfind("p:relationship", NS)
                if relation.findtext("p:relationshipSubType", None, NS) == "has source"
            ]
            if not any(
                source == masters.get(path) and source in objects and event in events
                for source, event in told
            ):
                yield Fault("premis.source", path, f"{told}; its master is {masters.get(path)}")
    for one in package.premis.iterfind(f".//{value.format('linkingAgent')}", NS):
        if one.text not in agents:
            yield Fault("premis.agent", str(one.text), "linked to, and not there")


def _links(package: Package) -> Iterator[Fault]:
    """Every link of PREMIS leads to a first identifier of the document, and every file but PREMIS
    names an event, or an event names it."""
    first = "p:{1}/p:{0}Identifier[1]/p:{0}IdentifierValue/text()"
    kinds = {
        "Object": ("object", "object"),
        "Event": ("event", "event"),
        "Agent": ("agent", "agent"),
        "RightsStatement": ("rightsStatement", "rights/p:rightsStatement"),
    }
    linked = set[str]()
    for kind, (name, place) in kinds.items():
        known = Counter(package.premis.xpath(first.format(name, place), namespaces=NS))
        yield from (Fault("premis.id", one, f"{n} times") for one, n in known.items() if n > 1)
        link = f"p:linking{kind}Identifier/p:linking{kind}IdentifierValue"
        for one in package.premis.iterfind(f".//{link}", NS):
            if one.text not in known:
                yield Fault("premis.link", str(one.text), f"no {name} has it as first identifier")
            if kind == "Object":
                linked.add(str(one.text))
    for one in package.premis.iterfind("p:object[p:linkingEventIdentifier]", NS):
        linked.add(one.findtext("p:objectIdentifier/p:objectIdentifierValue", "", NS))
    for path in package.files:
        if path != OWN_FILES[1] and package.file + path not in linked:
            yield Fault("premis.event", path, "no event is linked to it")


def _records(package: Package, item: dict[str, Any]) -> Iterator[Fault]:
    """Title and identifiers stand in MODS and DC; a record that was submitted is taken as it is."""
    submitted: dict[str, dict[str, Any]] = {}
    for one in item.get("metadata") or ():
        if one["role"] == "descriptive" and one["schema"] in SUBMITTED_AS:
            submitted.setdefault(SUBMITTED_AS[one["schema"]], one["file"])
        if one["file"]["sha256"] not in _digests_of_submitted(package):
            yield Fault("record.submitted", one["file"]["path"], "not in the package as delivered")
    title = item.get("title")
    owed = [one["value"] for one in item.get("identifiers") or ()] + ([title] if title else [])
    for name in ("mods.xml", "dc.xml"):
        seen, given = package.files.get(f"{METADATA}/{name}"), submitted.get(name)
        if seen is None:
            yield Fault("record.missing", name, "not in the package")
            continue
        if given and seen.sha256 != given["sha256"]:
            yield Fault("record.submitted", name, "not the bytes of the record as delivered")
        # An institution's own record is not ours to judge; what the station made of fields is.
        if given is None and name == "mods.xml" and _mods_of_delivered_mets(package):
            continue
        if given is None or posixpath.basename(given["path"]).startswith(MADE_BY_STATION):
            told = _told(package.xml(f"{METADATA}/{name}"))
            yield from (
                Fault("record.silent", name, f"{text!r} is not in it")
                for text in owed
                if _plain(text) not in told
            )


def _mods_of_delivered_mets(package: Package) -> bool:
    """Whether mods.xml is a record of a METS that was delivered, which layout 2 uses."""
    if package.layout == 1:
        return False
    ours = _canonical(package.xml(f"{METADATA}/mods.xml"))
    records = (
        one
        for path in package.files
        if path.startswith(f"{METADATA}/submitted/") and path.endswith(".xml")
        for one in package.xml(path).iterfind(".//mods:mods", NS)
    )
    return any(_canonical(one) == ours for one in records)


def _told(record: etree._Element) -> set[str]:
    """Titles and identifiers in a record."""
    names = (f"{{{MODS}}}title", f"{{{MODS}}}identifier", f"{{{DC}}}title", f"{{{DC}}}identifier")
    return {_plain("".join(one.itertext())) for one in record.iter(*names)}


def _digests_of_submitted(package: Package) -> set[str]:
    return {
        seen.sha256
        for path, seen in package.files.items()
        if path.startswith(f"{METADATA}/submitted/")
    }


def _plain(text: str) -> str:
    return " ".join(text.split())


def main(arguments: list[str]) -> int:
    """Print every fault; exit code 1 when there is one, 2 when called in another way."""
    if len(arguments) not in (3, 4):
        print("usage: judge.py BAG MANIFEST XSD_FOLDER [access,thumbnail,pyramid]", file=sys.stderr)
        return 2
    bag, manifest, xsds, *uses = arguments
    wanted = tuple(uses[0].split(",")) if uses else ("access", "thumbnail")
    faults = judge(Path(bag), json.loads(Path(manifest).read_text("utf-8")), Path(xsds), wanted)
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
