"""Validates documents against XML schemas without network access."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from lxml import etree

from processors.xml.writing import DC, METS, MIX, MODS, OAI_DC, PREMIS, XLINK

ALTO = "http://www.loc.gov/standards/alto/ns-v4#"
OAI_DC_FILE = "copystand-oai-dc.xsd"
FILES = {
    XLINK: "xlink.xsd",
    METS: "mets-1-12.xsd",
    PREMIS: "premis-3-0.xsd",
    MODS: "mods-3-8.xsd",
    MIX: "mix-2-0.xsd",
    ALTO: "alto-4-2.xsd",
    DC: "dc.xsd",
    OAI_DC: OAI_DC_FILE,
}
"""Schema file of each namespace; infra/standards.py fetches them."""

OAI_DC_SCHEMA = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"
    targetNamespace="{OAI_DC}">
  <xs:import namespace="{DC}" schemaLocation="dc.xsd"/>
  <xs:element name="dc">
    <xs:complexType>
      <xs:sequence>
        <xs:any namespace="{DC}" processContents="strict" minOccurs="0" maxOccurs="unbounded"/>
      </xs:sequence>
      <xs:anyAttribute namespace="http://www.w3.org/2001/XMLSchema-instance" processContents="lax"/>
    </xs:complexType>
  </xs:element>
</xs:schema>"""
"""A schema for the wrapper of simple Dublin Core that OAI-PMH 2.0 describes."""


class _Offline(etree.Resolver):
    """Resolves every import from one folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def resolve(self, system_url: str, public_id: str, context: Any) -> Any:  # type: ignore[override]
        name = system_url.rsplit("/", 1)[-1]
        if name == OAI_DC_FILE:
            return self.resolve_string(OAI_DC_SCHEMA, context, base_url=OAI_DC_FILE)
        return self.resolve_filename(str(self._folder / name), context)  # type: ignore[attr-defined]


@lru_cache(maxsize=4)
def _schema(folder: Path) -> etree.XMLSchema:
    """One schema that imports all others, so that records wrapped in METS and the types that PREMIS
    names in xsi:type are validated."""
    imports = "".join(
        f'<xs:import namespace="{namespace}" schemaLocation="{name}"/>'
        for namespace, name in FILES.items()
    )
    parser = etree.XMLParser(no_network=True, load_dtd=False, resolve_entities=False)
    parser.resolvers.add(_Offline(folder))
    driver = f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{imports}</xs:schema>'
    return etree.XMLSchema(etree.fromstring(driver, parser))


def validate(root: etree._Element, folder: Path) -> list[str]:
    """The schema errors of a document, one line each; empty if it is valid.

    `folder` contains the XSD files. Raises FileNotFoundError if one is missing."""
    for name in FILES.values():
        if name != OAI_DC_FILE and not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name} is missing; run: make standards")
    if etree.QName(root).namespace not in FILES:
        return [f"line {root.sourceline or 0}: no schema is known for {root.tag}"]
    schema = _schema(folder.resolve())
    schema.validate(root)
    return [f"line {entry.line}: {entry.message}" for entry in list(schema.error_log)]  # type: ignore[call-overload]
