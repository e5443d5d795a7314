"""Writes the rights of an item as PREMIS, by their basis."""

import re
from dataclasses import dataclass

from processors.package_v2.premis_identifiers import OWN, Names, identifier
from processors.xml.compact import element, leaf
from schemas.models import Rights

LICENCE = re.compile(r"https?://creativecommons\.org/(?:licenses/|publicdomain/zero/)")
PUBLIC_DOMAIN_MARK = re.compile(r"https?://creativecommons\.org/publicdomain/mark/")
STATEMENT = re.compile(r"https?://rightsstatements\.org/(?:vocab|page)/([A-Za-z-]+)/")
UNKNOWN = "unknown"

COPYRIGHTED, NOT_COPYRIGHTED = "copyrighted", "public domain"
STATUS = {
    "InC": COPYRIGHTED,
    "InC-EDU": COPYRIGHTED,
    "InC-NC": COPYRIGHTED,
    "InC-RUU": COPYRIGHTED,
    "NoC-CR": NOT_COPYRIGHTED,
    "NoC-NC": NOT_COPYRIGHTED,
    "NoC-US": NOT_COPYRIGHTED,
    "CNE": UNKNOWN,
    "UND": UNKNOWN,
    "NKC": UNKNOWN,
}
"""Status of copyright by the statements of rightsstatements.org."""
JURISDICTIONS = {"NoC-US": "us"}
STATUTES = {
    "InC-OW-EU": ("eu", "Directive 2012/28/EU on certain permitted uses of orphan works"),
    "NoC-OKLR": (UNKNOWN, "Restrictions by a law other than copyright, not stated"),
}
"""Statements whose basis is a law: its jurisdiction and name."""
ACT = "disseminate"
"""https://id.loc.gov/vocabulary/preservation/actsGranted/dis"""


@dataclass(frozen=True)
class _Basis:
    """A basis with its element."""

    name: str
    information: str


def has_rights(rights: Rights) -> bool:
    """Whether anything is stated about rights."""
    return any(rights.model_dump().values())


def rights_element(rights: Rights, names: Names, since: str) -> str:
    """The rights of an item. `since` is the date on which the line got them, from when it observes
    an embargo."""
    basis = _basis(rights)
    return element(
        "rights",
        element(
            "rightsStatement",
            identifier("rightsStatementIdentifier", OWN, names.rights),
            leaf("rightsBasis", basis.name),
            basis.information,
            _granted(rights, since),
            identifier("linkingObjectIdentifier", OWN, names.item),
            identifier("linkingObjectIdentifier", OWN, names.package),
        ),
    )


def _basis(rights: Rights) -> _Basis:
    uri = rights.uri or ""
    stated = STATEMENT.match(uri)
    name = stated.group(1) if stated else ""
    if LICENCE.match(uri):
        return _Basis("license", _licence(rights))
    if PUBLIC_DOMAIN_MARK.match(uri):
        return _Basis("copyright", _copyright(rights, NOT_COPYRIGHTED, UNKNOWN))
    if name in STATUS:
        jurisdiction = JURISDICTIONS.get(name, UNKNOWN)
        return _Basis("copyright", _copyright(rights, STATUS[name], jurisdiction))
    if name in STATUTES:
        return _Basis("statute", _statute(rights, *STATUTES[name]))
    return _Basis("other", _other(rights))


def _document(rights: Rights, name: str) -> str | None:
    return identifier(f"{name}DocumentationIdentifier", "URI", rights.uri) if rights.uri else None


def _notes(rights: Rights, name: str) -> list[str]:
    lines = (rights.holder and f"Rights holder: {rights.holder}", rights.note)
    return [leaf(f"{name}Note", line) for line in lines if line]


def _licence(rights: Rights) -> str:
    document, notes = _document(rights, "license"), _notes(rights, "license")
    return element("licenseInformation", document, *notes)


def _copyright(rights: Rights, status: str, jurisdiction: str) -> str:
    return element(
        "copyrightInformation",
        leaf("copyrightStatus", status),
        leaf("copyrightJurisdiction", jurisdiction),
        *_notes(rights, "copyright"),
        _document(rights, "copyright"),
    )


def _statute(rights: Rights, jurisdiction: str, citation: str) -> str:
    return element(
        "statuteInformation",
        leaf("statuteJurisdiction", jurisdiction),
        leaf("statuteCitation", citation),
        *_notes(rights, "statute"),
        _document(rights, "statute"),
    )


def _other(rights: Rights) -> str:
    return element(
        "otherRightsInformation",
        _document(rights, "otherRights"),
        leaf("otherRightsBasis", "rights as submitted"),
        *_notes(rights, "otherRights"),
    )


def _granted(rights: Rights, since: str) -> str | None:
    """What may be done: with an embargo, access is restricted until its end date."""
    access, end = rights.access, rights.embargo_until
    if access is None and end is None:
        return None
    term = None
    if end is not None:
        dates = leaf("startDate", since), leaf("endDate", end)
        term = element("termOfRestriction", *dates)
    is_open = access == "open" and end is None
    withheld = "embargo" if access in (None, "open") else access
    return element(
        "rightsGranted",
        leaf("act", ACT),
        None if is_open else leaf("restriction", f"access: {withheld}"),
        term,
        leaf("rightsGrantedNote", "access: open") if is_open else None,
    )
