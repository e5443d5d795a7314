"""The files of a package in METS: groups, addresses, technical metadata."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lxml import etree

from processors.institution import address_of
from processors.metadata_extraction.mix_capture import with_capture
from processors.package.contents import Contents
from processors.package.item_record import ItemRecord
from processors.package.layout import Payload
from processors.package_v2.mets_names import (
    AMD_HISTORY,
    GROUPS,
    HREF,
    LINK_TITLE,
    LINK_TYPE,
    MEDIA_TYPE_OF_USE,
    group_of,
    mets,
    technical_id,
    wrapping,
)
from processors.xml.writing import MIX, Maker, Stream
from schemas.ids import page_id

_mix = Maker(MIX, {"mix": MIX})
IMAGE_GROUPS = ("DEFAULT", "THUMBS", "PYRAMID")
"""Groups of images that are made from masters."""


class PageFiles:
    """The files of the pages of an item, and what METS has about them."""

    def __init__(self, item: ItemRecord, contents: Contents) -> None:
        self.item = item
        self.contents = contents
        self.by_page = contents.by_page()
        self.measured: set[str] = set()
        """IDs of the files with technical metadata."""
        self.described: set[str] = set()
        """Refs of the pages with an embedded description."""

    def of(self, ref: str) -> Sequence[Payload]:
        """The files of a page."""
        return self.by_page.get(page_id(self.item.item_id, ref), ())

    def address(self, payload: Payload) -> str | None:
        """The address of a file in the repository, if the institution states one."""
        folder = address_of(self.item.institution.files, self.item.item_id)
        return folder and f"{folder.rstrip('/')}/{payload.path.removeprefix('data/')}"


def technical_sections(
    page: dict[str, Any],
    mix: etree._Element | None,
    files: PageFiles,
    size_of: Callable[[Payload], tuple[int, int] | None],
) -> Iterator[etree._Element]:
    """The amdSec of each image of a page: the MIX of the master, width and height of others."""
    for payload in files.of(page["ref"]):
        described = None
        if payload.use == "master" and mix is not None:
            capture = files.contents.captures.get(page_id(files.item.item_id, page["ref"]))
            described = with_capture(mix, capture) if capture else mix
        elif group_of(payload) in IMAGE_GROUPS and (size := size_of(payload)):
            described = _size(*size)
        if described is not None:
            files.measured.add(payload.xml_id)
            # The stream of an image in a shared master refers to this ID.
            name = f"TECH_{payload.ref if payload.use == 'master' else payload.xml_id}"
            yield mets(
                "amdSec",
                wrapping("techMD", name, "NISOIMG", described),
                attributes={"ID": technical_id(payload)},
            )


def _size(width: int, height: int) -> etree._Element:
    """A MIX with the size of an image."""
    return _mix(
        "mix",
        _mix(
            "BasicImageInformation",
            _mix(
                "BasicImageCharacteristics",
                _mix("imageWidth", str(width)),
                _mix("imageHeight", str(height)),
            ),
        ),
    )


def write_files(out: Stream, files: PageFiles, item_files: Sequence[Payload]) -> None:
    """The fileSec, by group. Files of the item as a whole are the first of their group."""
    payloads = (*item_files, *files.contents.payloads)
    if not payloads:
        return
    # Steps that others add have groups of their own.
    groups = dict.fromkeys((*GROUPS, *map(group_of, payloads)))
    with out.element("fileSec"):
        for group in groups:
            members = [one for one in payloads if group_of(one) == group]
            if members:
                with out.element("fileGrp", {"USE": group}):
                    for payload in members:
                        out.write(_file(payload, files))


def _file(payload: Payload, files: PageFiles) -> etree._Element:
    measured = payload.xml_id in files.measured
    attributes = {
        "ID": payload.xml_id,
        "MIMETYPE": MEDIA_TYPE_OF_USE.get(payload.use, payload.media_type),
        "SIZE": str(payload.size_bytes),
        "CHECKSUM": payload.sha256,
        "CHECKSUMTYPE": "SHA-256",
        "USE": payload.use,
        "GROUPID": f"GROUP_{payload.ref}" if payload.page_id else None,
        "ADMID": f"{technical_id(payload)} {AMD_HISTORY}" if measured else AMD_HISTORY,
    }
    parts = list(_locations(payload, files.address(payload)))
    if payload.image is not None:
        # The file is named for each of its pages; the stream says which image is this page.
        stream = {"streamType": payload.media_type, "OWNERID": f"image {payload.image}"}
        named = {"ID": f"IMAGE_{payload.ref}"}
        technical = {"ADMID": f"TECH_{payload.ref}" if measured else None}
        parts.append(mets("stream", attributes=stream | named | technical))
    return mets("file", *parts, attributes=attributes)


def _locations(payload: Payload, address: str | None) -> Iterator[etree._Element]:
    """Its path relative to the METS, and its address. A relative path is no URL for viewers."""
    common = {LINK_TYPE: "simple", LINK_TITLE: payload.original_name}
    local = {"LOCTYPE": "OTHER", "OTHERLOCTYPE": "FILE", HREF: payload.href}
    yield mets("FLocat", attributes=local | common)
    if address:
        yield mets("FLocat", attributes={"LOCTYPE": "URL", HREF: address} | common)
