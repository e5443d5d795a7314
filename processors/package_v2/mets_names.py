"""IDs, groups and small elements of the METS of a package."""

from lxml import etree

from processors.package.layout import TARGETS, Payload
from processors.package_v2.page_texts import DELIVERED, DELIVERED_GROUP
from processors.xml.writing import DC, METS, MIX, MODS, OAI_DC, XLINK, Maker

mets = Maker(
    METS,
    {"mets": METS, "xlink": XLINK, "mods": MODS, "oai_dc": OAI_DC, "dc": DC, "mix": MIX},
)
HREF, LINK_TYPE, LINK_TITLE = f"{{{XLINK}}}href", f"{{{XLINK}}}type", f"{{{XLINK}}}title"
FROM, TO = f"{{{XLINK}}}from", f"{{{XLINK}}}to"
DMD_MODS, AMD_ITEM, AMD_RECORDS, AMD_HISTORY = "DMD_MODS", "AMD_ITEM", "AMD_RECORDS", "AMD_HISTORY"
PHYSICAL = "PHYS"
GROUP_OF_USE = {
    "master": "MASTER",
    "access": "DEFAULT",
    "thumbnail": "THUMBS",
    "alto": "FULLTEXT",
    "hocr": "HOCR",
    "text": "TXT",
    "tsv": "TSV",
    "pyramid": "PYRAMID",
    "pdf": "DOWNLOAD",
    DELIVERED: DELIVERED_GROUP,
}
"""METS groups by use of a page's file, in order: each has one file for each page, because viewers
take the first file of a page."""
GROUPS = (*GROUP_OF_USE.values(), TARGETS)
MEDIA_TYPE_OF_USE = {"alto": "text/xml"}
"""Where viewers expect another media type than the one in the store."""
PORTAL_TYPES = ("DVRIGHTS", "DVLINKS")


def group_of(payload: Payload) -> str:
    """The METS group of a page's file."""
    return TARGETS if payload.group == TARGETS else GROUP_OF_USE.get(payload.use, payload.group)


def technical_id(payload: Payload) -> str:
    """ID of the amdSec of a file."""
    return f"AMD_{payload.xml_id}"


def wrapping(name: str, xml_id: str, kind: str, record: etree._Element) -> etree._Element:
    """A section that contains a record."""
    other = kind in PORTAL_TYPES
    attributes = {
        "MDTYPE": "OTHER" if other else kind,
        "OTHERMDTYPE": kind if other else None,
        "MIMETYPE": "text/xml",
    }
    data = mets("mdWrap", mets("xmlData", record), attributes=attributes)
    return mets(name, data, attributes={"ID": xml_id})
