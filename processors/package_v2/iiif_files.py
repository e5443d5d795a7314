"""Makes the IIIF files of a package: the manifest and the text of its pages."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from lxml import etree

from processors.institution import address_of
from processors.package.contents import Contents
from processors.package.item_record import ItemRecord
from processors.package.layout import Payload
from processors.package_metadata import metadata_files
from processors.package_v2.iiif_manifest import Chapter, IiifInput, write_iiif
from processors.tools import Tools
from processors.xml.writing import METS

GROUP = "IIIF"
"""METS group of the files."""
MANIFEST, ANNOTATIONS = "iiif-manifest", "iiif-annotations"
DIV = f"{{{METS}}}div"


def chapters_of(
    division: etree._Element, pages_of: Mapping[str, Sequence[str]]
) -> tuple[Chapter, ...]:
    """The chapters in a division of METS; `pages_of` has the refs of pages by ID of a division."""
    return tuple(
        Chapter(
            id=div.get("ID", ""),
            label=str(div.get("LABEL") or div.get("ORDERLABEL") or div.get("TYPE") or ""),
            pages=tuple(pages_of.get(div.get("ID", ""), ())),
            chapters=chapters_of(div, pages_of),
        )
        for div in division.iterchildren(DIV)
    )


def iiif_files(
    item: ItemRecord,
    contents: Contents,
    downloads: Sequence[Payload],
    chapters: Sequence[Chapter],
    size_of: Callable[[Payload], tuple[int, int] | None],
    tools: Tools,
) -> list[Payload]:
    """The manifest and the lists of annotations, written to the scratch folder. None if the
    institution does not state where the files of an item are."""
    base = address_of(item.institution.files, item.item_id)
    if base is None:
        return []

    def read(payload: Payload) -> bytes:
        with metadata_files.opened(payload, tools) as file:
            return file.read()

    owner = item.institution.owner
    document = IiifInput(item, contents, base, owner, chapters, size_of, read, downloads)
    payloads = []
    for path, file in write_iiif(tools.scratch / "iiif", document):
        content = file.read_bytes()
        use = MANIFEST if path.endswith("/manifest.json") else ANNOTATIONS
        digest = hashlib.sha256(content).hexdigest()
        kind = "application/ld+json" if use == MANIFEST else "application/json"
        payloads.append(Payload(path, file, digest, len(content), kind, use=use, group=GROUP))
    return payloads
