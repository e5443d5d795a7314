"""Rights and addresses of an item for portals, in the elements of the DFG Viewer.

Its namespace is documented at https://dfg-viewer.de/en/the-metadata."""

from collections.abc import Mapping

from lxml import etree

from processors.institution import address_of
from processors.package.item_record import ItemRecord
from processors.xml.writing import Maker

DV = "http://dfg-viewer.de/"
_dv = Maker(DV, {"dv": DV})


def rights_for_portals(item: ItemRecord) -> etree._Element | None:
    """dv:rights: owner, contact, logo, site and licence; None if none is stated."""
    institution = item.institution
    return _element(
        "rights",
        {
            "owner": institution.owner,
            "ownerContact": institution.owner_contact,
            "ownerLogo": institution.logo,
            "ownerSiteURL": institution.site,
            "license": item.rights.uri or institution.license,
        },
    )


def links_for_portals(item: ItemRecord) -> etree._Element | None:
    """dv:links: the item in the catalogue and on the web; None if neither is stated."""
    institution = item.institution
    return _element(
        "links",
        {
            "reference": address_of(institution.reference, item.item_id),
            "presentation": address_of(institution.presentation, item.item_id),
        },
    )


def _element(name: str, fields: Mapping[str, str | None]) -> etree._Element | None:
    parts = [_dv(field, value) for field, value in fields.items() if value]
    return _dv(name, *parts) if parts else None
