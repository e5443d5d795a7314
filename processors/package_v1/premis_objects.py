"""The PREMIS objects of a package: item, representation, pages and files."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lxml import etree

from processors.item_versions import is_version_of
from processors.package.captured import MasterCapture
from processors.package.contents import Contents, CreatingApplication, MasterProperties
from processors.package.item_record import ItemRecord
from processors.package.layout import METADATA, Payload
from processors.package_v1.descriptive import rights_lines
from processors.pipeline import package_files
from processors.step import FormatName
from processors.xml.writing import PREMIS, XSI, Maker
from schemas.ids import page_id
from schemas.times import written

premis = Maker(PREMIS, {"premis": PREMIS, "xsi": XSI})
KIND = f"{{{XSI}}}type"
OWN = "copystand"


XML = FormatName("Extensible Markup Language", "1.0", "fmt/101")
"""Format of all XML files; PRONOM has no identifiers for most schemas."""


def identified(prefix: str, kind: str, value: str) -> etree._Element:
    """An identifier element with its type and value."""
    return premis(f"{prefix}", premis(f"{prefix}Type", kind), premis(f"{prefix}Value", value))


def objects(
    item: ItemRecord,
    contents: Contents,
    metadata: Iterable[Payload],
    identify: Callable[[Payload], FormatName],
) -> Iterator[etree._Element]:
    """All objects: item, representation, then each page with its files, then metadata files.

    `identify` returns the format of a file if neither its fact nor its use states it."""
    yield _entity(item)
    yield _representation(item)
    files = contents.by_page()
    shared = _pages_of_shared(item, files)
    for page in item.pages:
        name = page_id(item.item_id, page["ref"])
        if name in files:
            yield _page(item, page, name)
            yield from _page_files(name, files[name], contents, identify, shared)
    for payload in metadata:
        yield _file(
            payload,
            _format(_format_of(payload, identify)),
            relations=(relation("structural", "is part of", f"representation:{item.item_id}"),),
        )


def _page(item: ItemRecord, page: dict[str, Any], name: str) -> etree._Element:
    return premis(
        "object",
        identified("objectIdentifier", OWN, f"page:{name}"),
        _property("kind", page["kind"]),
        relation("structural", "is part of", f"representation:{item.item_id}"),
        attributes={KIND: "premis:representation"},
    )


def _pages_of_shared(item: ItemRecord, files: dict[str, list[Payload]]) -> dict[str, list[str]]:
    """By path of a file whose images are pages, the page_ids of these in order."""
    shared: dict[str, list[str]] = {}
    for page in item.pages:
        name = page_id(item.item_id, page["ref"])
        for payload in files.get(name, ()):
            if payload.image is not None:
                shared.setdefault(payload.path, []).append(name)
    return shared


def _page_files(
    name: str,
    payloads: list[Payload],
    contents: Contents,
    identify: Callable[[Payload], FormatName],
    shared: dict[str, list[str]],
) -> Iterator[etree._Element]:
    """The files of a page. A file whose images are pages is an object once, with the first of them;
    each image is a bitstream in it."""
    master = next((one for one in payloads if one.use == "master"), None)
    known = contents.masters.get(name)
    made = contents.created_by.get(name), contents.captures.get(name)
    for payload in payloads:
        if payload is not master or known is None:
            yield _derivative(payload, master, _format_of(payload, identify))
        elif payload.image is None:
            yield _master(payload, known, made, [name], _properties(known))
        else:
            pages = shared.get(payload.path, [])
            shared[payload.path] = []
            if pages:
                yield _master(payload, known, made, pages, [])
            yield _bitstream(payload, known)


def _entity(item: ItemRecord) -> etree._Element:
    rights = None
    if rights_lines(item.rights):
        rights = identified("linkingRightsStatementIdentifier", OWN, f"rights:{item.item_id}")
    return premis(
        "object",
        identified("objectIdentifier", OWN, f"item:{item.item_id}"),
        *(
            identified("objectIdentifier", identifier["type"], identifier["value"])
            for identifier in item.description.get("identifiers") or ()
        ),
        *_relations_to_items(item),
        rights,
        attributes={KIND: "premis:intellectualEntity"},
    )


def _relations_to_items(item: ItemRecord) -> Iterator[etree._Element]:
    """What the item replaces (an earlier package of its own, or another item) or supplements."""
    replaced = item.description.get("replaces")
    supplemented = item.description.get("supplements")
    if is_version_of(item.item_id, replaced):
        for earlier in item.superseded():
            yield relation("replacement", "supersedes", f"package:{earlier}")
    elif replaced:
        yield relation("replacement", "supersedes", f"item:{replaced}")
    if supplemented and not is_version_of(item.item_id, supplemented):
        yield relation("logical", "supplements", f"item:{supplemented}")


def _representation(item: ItemRecord) -> etree._Element:
    return premis(
        "object",
        identified("objectIdentifier", OWN, f"representation:{item.item_id}"),
        relation("structural", "represents", f"item:{item.item_id}"),
        relation("structural", "has root", f"file:{METADATA}/mets.xml"),
        attributes={KIND: "premis:representation"},
    )


def _property(name: str, value: str) -> etree._Element:
    return premis(
        "significantProperties",
        premis("significantPropertiesType", name),
        premis("significantPropertiesValue", value),
    )


def relation(kind: str, subtype: str, related: str, event: str | None = None) -> etree._Element:
    """The relationship to another object, and the event that created it."""
    return premis(
        "relationship",
        premis("relationshipType", kind),
        premis("relationshipSubType", subtype),
        identified("relatedObjectIdentifier", OWN, related),
        identified("relatedEventIdentifier", "UUID", event) if event else None,
    )


def _properties(known: MasterProperties) -> list[etree._Element]:
    properties = [
        _property("width_px", str(known.width_px)),
        _property("height_px", str(known.height_px)),
        _property("colour_space", known.colour_space),
    ]
    if known.resolution_dpi is not None:
        properties.append(_property("resolution_dpi", f"{known.resolution_dpi:g}"))
    return properties


def _format_of_master(known: MasterProperties) -> etree._Element:
    return _format(FormatName(known.format_name, known.format_version, known.format_puid))


def _bitstream(payload: Payload, known: MasterProperties) -> etree._Element:
    """One of several images of a file, which is the page."""
    return premis(
        "object",
        identified("objectIdentifier", OWN, f"image:{payload.page_id}"),
        _property("image", str(payload.image)),
        *_properties(known),
        premis(
            "objectCharacteristics",
            premis("compositionLevel", "0"),
            _format_of_master(known),
        ),
        relation("structural", "is included in", f"file:{payload.path}"),
        relation("structural", "is part of", f"page:{payload.page_id}"),
        attributes={KIND: "premis:bitstream"},
    )


def _master(
    payload: Payload,
    known: MasterProperties,
    made: tuple[CreatingApplication | None, MasterCapture | None],
    pages: list[str],
    properties: list[etree._Element],
) -> etree._Element:
    made_of = _format_of_master(known)
    created_by, capture = made
    software, date = (created_by.software, created_by.captured_at) if created_by else (None, None)
    version = None
    if capture is not None and capture.device.is_known:
        properties += [
            _property(f"capture: {one}", value) for one, value in capture.device.settings
        ]
        software, version = capture.device.software, capture.device.driver_version
        date = written(capture.captured_at)
    return _file(
        payload,
        made_of,
        properties=properties,
        application=_application(software, version, date),
        relations=[relation("structural", "is part of", f"page:{page}") for page in pages],
    )


def _derivative(payload: Payload, master: Payload | None, format_: FormatName) -> etree._Element:
    relations = [relation("structural", "is part of", f"page:{payload.page_id}")]
    if master:
        source = f"file:{master.path}"
        relations.append(relation("derivation", "has source", source, payload.event_id))
    application = _application(*payload.made_by, None) if payload.made_by else None
    return _file(payload, _format(format_), application=application, relations=relations)


def _file(
    payload: Payload,
    format_: etree._Element,
    *,
    properties: Iterable[etree._Element] = (),
    application: etree._Element | None = None,
    relations: Iterable[etree._Element],
) -> etree._Element:
    return premis(
        "object",
        identified("objectIdentifier", OWN, f"file:{payload.path}"),
        identified("objectIdentifier", "sha256", f"sha256:{payload.sha256}"),
        *properties,
        premis(
            "objectCharacteristics",
            premis("compositionLevel", "0"),
            premis(
                "fixity",
                premis("messageDigestAlgorithm", "SHA-256"),
                premis("messageDigest", payload.sha256),
            ),
            premis("size", str(payload.size_bytes)),
            format_,
            application,
        ),
        premis("originalName", payload.original_name) if payload.original_name else None,
        *relations,
        attributes={KIND: "premis:file"},
    )


def _application(name: str | None, version: str | None, date: str | None) -> etree._Element | None:
    fields = (
        ("creatingApplicationName", name),
        ("creatingApplicationVersion", version),
        ("dateCreatedByApplication", date),
    )
    parts = [premis(element, text) for element, text in fields if text]
    return premis("creatingApplication", *parts) if parts else None


def _format_of(payload: Payload, identify: Callable[[Payload], FormatName]) -> FormatName:
    file = package_files().get(payload.use)
    if file is not None and file.format is not None:
        return file.format
    return XML if payload.media_type == "application/xml" else identify(payload)


def _format(format_: FormatName) -> etree._Element:
    registry = None
    if format_.puid:
        registry = premis(
            "formatRegistry",
            premis("formatRegistryName", "PRONOM"),
            premis("formatRegistryKey", format_.puid),
            premis("formatRegistryRole", "specification"),
        )
    return premis(
        "format",
        premis(
            "formatDesignation",
            premis("formatName", format_.name),
            premis("formatVersion", format_.version) if format_.version else None,
        ),
        registry,
    )
