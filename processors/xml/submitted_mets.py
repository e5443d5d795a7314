"""Reads submitted METS: order and labels of pages, logical structure, identifiers, digests."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from lxml import etree

from processors.xml.writing import DC, METS, MODS, XLINK

M = f"{{{METS}}}"
HREF, FROM, TO = (f"{{{XLINK}}}{name}" for name in ("href", "from", "to"))
WEB = re.compile(r"\s*(?!file:)[a-z][a-z0-9+.-]+:", re.IGNORECASE)
"""A location with a scheme other than file; such files are not looked for."""
TEXTS = (".xml", ".txt", ".html", ".hocr", ".pdf")
"""Suffixes of files that are not images, for files without MIMETYPE."""
NO_LABEL = ("", "-", "uncounted")
"""Labels of production systems for a page without number."""
ALGORITHMS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-512": "sha512"}
IDENTIFIERS = (
    f"{{{MODS}}}mods/{{{MODS}}}identifier",
    f"{{{MODS}}}mods/{{{MODS}}}recordInfo/{{{MODS}}}recordIdentifier",
    f".//{{{DC}}}identifier",
)


@dataclass(frozen=True)
class SubmittedPage:
    """A page in the physical structure."""

    names: tuple[str, ...]
    """Base names of its files; addresses are not opened."""
    order: int
    """ORDER as submitted, else its position from 1."""
    label: str | None


@dataclass(frozen=True)
class Division:
    """A division of the logical structure, such as a chapter."""

    type: str | None
    label: str | None
    pages: tuple[int, ...]
    """Indices in Structure.pages of the pages that are linked directly."""
    divisions: tuple["Division", ...]


@dataclass(frozen=True)
class Structure:
    """The parts of a METS that copystand uses."""

    pages: tuple[SubmittedPage, ...]
    logical: Division | None
    identifiers: tuple[str, ...]


@dataclass(frozen=True)
class StatedDigest:
    """A CHECKSUM that a METS states for a file."""

    name: str
    algorithm: str
    digest: str


def read_structure(root: etree._Element) -> Structure:
    """The structure of a METS 1 document; missing parts are empty."""
    names = _names_by_id(root)
    physical = _map(root, "PHYSICAL")
    physical = _untyped_map(root) if physical is None else physical
    divs = page_elements(root)
    pages = tuple(_page(div, number, names) for number, div in enumerate(divs, 1))
    links = _links(root, physical, divs)
    top = logical_element(root)
    division = _division(top, links) if top is not None else None
    return Structure(pages, division, _identifiers(root))


def logical_element(root: etree._Element) -> etree._Element | None:
    """The top division of the logical structure."""
    logical = _map(root, "LOGICAL")
    return logical.find(f"{M}div") if logical is not None else None


def page_elements(root: etree._Element) -> list[etree._Element]:
    """The divisions of Structure.pages."""
    physical = _map(root, "PHYSICAL")
    physical = _untyped_map(root) if physical is None else physical
    return list(_page_divs(physical)) if physical is not None else []


def stated_digests(root: etree._Element) -> tuple[StatedDigest, ...]:
    """Each CHECKSUM of a known algorithm, for base names that only one file has."""
    files = [(file, set(_names_of(file))) for file in root.iter(f"{M}file")]
    times = Counter(name_key(name) for _, names in files for name in names)
    return tuple(
        StatedDigest(name, algorithm, (file.get("CHECKSUM") or "").strip().lower())
        for file, names in files
        if (algorithm := ALGORITHMS.get((file.get("CHECKSUMTYPE") or "").upper()))
        and file.get("CHECKSUM")
        for name in sorted(names)
        if times[name_key(name)] == 1
    )


def local_files(root: etree._Element) -> Iterator[tuple[str, bool]]:
    """Base name of each file that has no web address, and whether it is an image."""
    for file in root.iter(f"{M}file"):
        locations = [location.get(HREF) or "" for location in file.findall(f"{M}FLocat")]
        if locations and not any(WEB.match(address) for address in locations):
            name, media_type = base_name(locations[0]), file.get("MIMETYPE") or ""
            is_text = PurePosixPath(name).suffix.casefold() in TEXTS
            is_image = media_type.casefold().startswith("image/") if media_type else not is_text
            if name:
                yield name, is_image


def base_name(address: str) -> str:
    """The last part of a path or URL, decoded, by which files are matched."""
    try:
        path = urlsplit(address).path or address
    except ValueError:
        path = address
    return unquote(path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1])


def delivered_name(path: str) -> str:
    """The base name of a delivered path, in which #, ? and % have no special meaning."""
    return PurePosixPath(path).name


def name_key(name: str) -> str:
    """A base name as files are compared: without differences of case and Unicode form."""
    return unicodedata.normalize("NFC", name).casefold()


def stem_key(name: str) -> str:
    """The name_key without suffix: a METS may name the same page in another format."""
    key = name_key(name)
    return key.rpartition(".")[0] or key


def _names_of(file: etree._Element) -> Iterator[str]:
    for location in file.findall(f"{M}FLocat"):
        name = base_name(location.get(HREF) or "")
        if name:
            yield name


def _names_by_id(root: etree._Element) -> dict[str, tuple[str, ...]]:
    return {
        file.get("ID") or "": tuple(dict.fromkeys(_names_of(file)))
        for file in root.iter(f"{M}file")
    }


def _map(root: etree._Element, kind: str) -> etree._Element | None:
    found = (
        one for one in root.findall(f"{M}structMap") if (one.get("TYPE") or "").upper() == kind
    )
    return next(found, None)


def _untyped_map(root: etree._Element) -> etree._Element | None:
    """The first structMap that is not logical and refers to files."""
    return next(
        (
            one
            for one in root.findall(f"{M}structMap")
            if (one.get("TYPE") or "").upper() != "LOGICAL" and one.find(f".//{M}fptr") is not None
        ),
        None,
    )


def _page_divs(above: etree._Element) -> Iterator[etree._Element]:
    """Divisions of type page, and innermost divisions that refer to files."""
    for div in _in_order(above.findall(f"{M}div")):
        inner = div.find(f"{M}div") is not None
        if (div.get("TYPE") or "").casefold() == "page":
            yield div
        elif inner:
            yield from _page_divs(div)
        elif div.find(f"{M}fptr") is not None:
            yield div


def _in_order(siblings: list[etree._Element]) -> list[etree._Element]:
    """Siblings sorted by ORDER if all have different values, else in document order."""
    numbers = [_number(one.get("ORDER")) for one in siblings]
    if None in numbers or len(set(numbers)) < len(numbers):
        return siblings
    return sorted(siblings, key=lambda one: _number(one.get("ORDER")) or 0)


def _number(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _page(div: etree._Element, position: int, names: dict[str, tuple[str, ...]]) -> SubmittedPage:
    given = _number(div.get("ORDER"))
    return SubmittedPage(
        names=tuple(dict.fromkeys(name for at in _file_ids(div) for name in names.get(at, ()))),
        order=position if given is None else given,
        label=_label(div, "ORDERLABEL", "LABEL"),
    )


def _file_ids(div: etree._Element) -> Iterator[str]:
    for pointer in div.findall(f"{M}fptr"):
        for one in pointer.iter(f"{M}fptr", f"{M}area"):
            if one.get("FILEID"):
                yield one.get("FILEID") or ""


def _label(div: etree._Element, *attributes: str) -> str | None:
    texts = (" ".join((div.get(name) or "").split()) for name in attributes)
    return next((text for text in texts if text not in NO_LABEL), None)


Links = dict[str, tuple[int, ...]]
"""Page indices by ID of a logical division or of a file."""


def _links(
    root: etree._Element, physical: etree._Element | None, divs: list[etree._Element]
) -> Links:
    if physical is None:
        return {}
    # Indexed by position, because lxml may create a new proxy object for the same element.
    positions = {div.get("ID"): number for number, div in enumerate(divs) if div.get("ID")}
    links: dict[str, list[int]] = {}
    for number, div in enumerate(divs):
        for file_id in _file_ids(div):
            links.setdefault(file_id, []).append(number)
    groups = {
        group.get("ID"): [
            positions[one.get("ID")] for one in group.iter(f"{M}div") if one.get("ID") in positions
        ]
        for group in physical.iter(f"{M}div")
        if group.get("ID") and group.get("ID") not in positions
    }
    for link in root.iter(f"{M}smLink"):
        source, target = ((link.get(end) or "").lstrip("#") for end in (FROM, TO))
        reached = [positions[target]] if target in positions else groups.get(target, [])
        links.setdefault(source, []).extend(reached)
    return {key: tuple(sorted(set(numbers))) for key, numbers in links.items()}


def _division(div: etree._Element, links: Links) -> Division:
    pointed = {page for file_id in _file_ids(div) for page in links.get(file_id, ())}
    return Division(
        type=div.get("TYPE"),
        label=_label(div, "LABEL", "ORDERLABEL"),
        pages=tuple(sorted(pointed.union(links.get(div.get("ID") or "", ())))),
        divisions=tuple(_division(inner, links) for inner in div.findall(f"{M}div")),
    )


def described_division(root: etree._Element) -> etree._Element | None:
    """The logical division that the item is: the top one.

    A division above that only refers to the METS of a newspaper or multivolume work (mptr), or has
    no record, is passed over if it contains a single division."""
    div = logical_element(root)
    while div is not None and (div.find(f"{M}mptr") is not None or not div.get("DMDID")):
        inner = div.findall(f"{M}div")
        if len(inner) != 1:
            break
        [div] = inner
    return div


def descriptions(root: etree._Element) -> tuple[etree._Element, ...]:
    """The wrapped records that describe the item: of its logical division, else the first."""
    top = described_division(root)
    wanted = set((top.get("DMDID") or "").split()) if top is not None else set()
    sections = root.findall(f"{M}dmdSec")
    about = [one for one in sections if one.get("ID") in wanted] or sections[:1]
    return tuple(data for one in about for data in one.iter(f"{M}xmlData"))


def _identifiers(root: etree._Element) -> tuple[str, ...]:
    """Identifiers of the document and of the records that describe the item."""
    texts: list[str | None] = [root.get("OBJID")]
    texts += [one.text for one in root.findall(f"{M}metsHdr/{M}altRecordID")]
    for data in descriptions(root):
        texts += [one.text for one in _all(data, IDENTIFIERS)]
    clean = (" ".join((text or "").split()) for text in texts)
    return tuple(dict.fromkeys(text for text in clean if text))


def _all(data: etree._Element, paths: Iterable[str]) -> Iterator[etree._Element]:
    for path in paths:
        yield from data.iterfind(path)
