"""The PREMIS objects of a package: item, representation, files, and images of shared files."""

from collections.abc import Callable, Iterable, Iterator

from processors.item_versions import is_version_of
from processors.package.contents import Contents
from processors.package.item_record import ItemRecord
from processors.package.layout import SUBMITTED, Payload
from processors.package_v2.premis_history import History, Occurrence
from processors.package_v2.premis_identifiers import (
    DIGEST,
    METS,
    OWN,
    UUID,
    Names,
    identifier,
)
from processors.pipeline import package_files
from processors.step import FormatName
from processors.xml.compact import element, leaf
from schemas.ids import page_id
from schemas.times import written

KIND = "xsi:type"
XML = FormatName("Extensible Markup Language", "1.0", "fmt/101")
"""Format of all XML files; PRONOM has no identifiers for most schemas."""
MODEL = "tesseract model "
"""Beginning of the name of an agent that is a recognition model and not a program."""

Application = tuple[str | None, str | None, str | None]
"""Name, version and date of the software that made a file."""


class ObjectWriter:
    """Writes the objects of a package, each file with the events that made it."""

    def __init__(
        self,
        item: ItemRecord,
        contents: Contents,
        history: History,
        packaged: Occurrence,
        identify: Callable[[Payload], FormatName],
    ) -> None:
        self._item, self._contents, self._history = item, contents, history
        self._packaged = packaged
        self._identify = identify
        self._names = Names(item)

    def pages(self) -> Iterator[str]:
        """The files of each page in order, a file whose images are pages once. Those that the
        packaging wrote name it."""
        files, seen = self._contents.by_page(), set[str]()
        for page in self._item.pages:
            name = page_id(self._item.item_id, page["ref"])
            payloads = files.get(name, [])
            master = next((one for one in payloads if one.use == "master"), None)
            for payload in payloads:
                if payload.path not in seen:
                    yield self._page_file(name, payload, master)
                if payload.image is not None:
                    seen.add(payload.path)
                    yield self._image(payload)

    def metadata(self, payloads: Iterable[Payload]) -> Iterator[str]:
        """The files of the item: submitted ones name its registration, the others the packaging."""
        payloads = list(payloads)
        submitted = {one.sha256 for one in payloads if one.path.startswith(SUBMITTED)}
        registered = self._history.registration or self._packaged
        for payload in payloads:
            is_ours = payload.sha256 not in submitted
            software = _program_of(self._packaged) if is_ours else None
            if payload.made_by:
                software = (*payload.made_by, None)
            event = self._packaged if is_ours else registered
            yield self._file(payload, self._format_of(payload), software, event)

    def item(self, has_rights: bool) -> str:
        """The item as an intellectual entity."""
        identifiers = self._item.description.get("identifiers") or ()
        names = ((OWN, self._item.item_id), *((one["type"], one["value"]) for one in identifiers))
        return element(
            "object",
            *(identifier("objectIdentifier", kind, value) for kind, value in names),
            *_relations_to_items(self._item),
            self._rights(has_rights),
            attributes={KIND: "premis:intellectualEntity"},
        )

    def representation(self, events: Iterable[str], has_rights: bool) -> str:
        """The content of the package, with the events that are about all of it."""
        return element(
            "object",
            identifier("objectIdentifier", OWN, self._names.package),
            _relation("structural", "represents", self._item.item_id),
            _relation("structural", "has root", self._names.file(METS)),
            *(identifier("linkingEventIdentifier", UUID, event) for event in events),
            self._rights(has_rights),
            attributes={KIND: "premis:representation"},
        )

    def _rights(self, has_rights: bool) -> str | None:
        name = "linkingRightsStatementIdentifier"
        return identifier(name, OWN, self._names.rights) if has_rights else None

    def _page_file(self, page: str, payload: Payload, master: Payload | None) -> str:
        made = self._history.of_event(payload.event_id) if payload.event_id else self._packaged
        known = self._contents.masters.get(page)
        if payload is not master or known is None:
            was_made = payload.made_by is not None or payload.event_id is None
            software = _program_of(made) if made and was_made else None
            return self._file(payload, self._format_of(payload), software, made)
        if page in self._contents.captures:
            made = self._history.of_capture(page) or made
        form = FormatName(known.format_name, known.format_version, known.format_puid)
        application = self._application_of_master(page)
        return self._file(payload, form, application, made, self._settings_of(page))

    def _settings_of(self, page: str) -> Iterator[str]:
        """The settings of the device that captured a master."""
        capture = self._contents.captures.get(page)
        if capture is not None and capture.device.is_known:
            for name, value in capture.device.settings:
                yield element(
                    "significantProperties",
                    leaf("significantPropertiesType", f"capture: {name}"),
                    leaf("significantPropertiesValue", value),
                )

    def _application_of_master(self, page: str) -> Application | None:
        capture = self._contents.captures.get(page)
        if capture is not None and capture.device.is_known:
            device = capture.device
            return device.software, device.driver_version, written(capture.captured_at)
        stated = self._contents.created_by.get(page)
        return (stated.software, None, stated.captured_at) if stated else None

    def _image(self, payload: Payload) -> str:
        """One of several images of a file, which is the page."""
        known = self._contents.masters[payload.page_id or ""]
        form = FormatName(known.format_name, known.format_version, known.format_puid)
        return element(
            "object",
            identifier("objectIdentifier", OWN, self._names.image(payload.path, payload.image)),
            element("objectCharacteristics", _format(form)),
            _relation("structural", "is included in", self._names.file(payload.path)),
            attributes={KIND: "premis:bitstream"},
        )

    def _file(
        self,
        payload: Payload,
        form: FormatName,
        application: Application | None,
        made: Occurrence | None,
        properties: Iterable[str] = (),
    ) -> str:
        """A file with the event that made it. Derivatives have the least that identifies them: an
        item has many, and METS and the manifest of the bag have their sizes and digests."""
        is_derivative = payload.page_id is not None and payload.use != "master"
        if made is not None:
            made.has_files = True
        return element(
            "object",
            identifier("objectIdentifier", OWN, self._names.file(payload.path)),
            identifier("objectIdentifier", DIGEST, payload.sha256),
            *properties,
            element(
                "objectCharacteristics",
                None if is_derivative else _fixity(payload.sha256),
                None if is_derivative else leaf("size", str(payload.size_bytes)),
                _format(form, with_registry=not is_derivative),
                _application(application),
            ),
            # The name with which a repository receives the file.
            None if is_derivative else leaf("originalName", payload.path),
            identifier("linkingEventIdentifier", UUID, made.event_id) if made else None,
            attributes={KIND: "premis:file"},
        )

    def _format_of(self, payload: Payload) -> FormatName:
        file = package_files().get(payload.use)
        if file is not None and file.format is not None:
            return file.format
        is_xml = payload.media_type in ("application/xml", "text/xml")
        return XML if is_xml else self._identify(payload)


def _program_of(made: Occurrence) -> Application | None:
    """The last program of the event: those before it prepared its input."""
    programs = [
        agent
        for agent in made.event.agents
        if agent.type == "software" and agent.version and not agent.name.startswith(MODEL)
    ]
    return (programs[-1].name, programs[-1].version, None) if programs else None


def _relations_to_items(item: ItemRecord) -> Iterator[str]:
    """What the item replaces (an earlier package of its own, or another item) or supplements."""
    replaced = item.description.get("replaces")
    supplemented = item.description.get("supplements")
    if is_version_of(item.item_id, replaced):
        for earlier in item.superseded():
            yield _relation("replacement", "supersedes", earlier)
    elif replaced:
        yield _relation("replacement", "supersedes", replaced)
    if supplemented and not is_version_of(item.item_id, supplemented):
        yield _relation("logical", "supplements", supplemented)


def _relation(kind: str, subtype: str, related: str) -> str:
    return element(
        "relationship",
        leaf("relationshipType", kind),
        leaf("relationshipSubType", subtype),
        identifier("relatedObjectIdentifier", OWN, related),
    )


def _fixity(sha256: str) -> str:
    return element(
        "fixity", leaf("messageDigestAlgorithm", "SHA-256"), leaf("messageDigest", sha256)
    )


def _application(application: Application | None) -> str | None:
    names = (
        "creatingApplicationName",
        "creatingApplicationVersion",
        "dateCreatedByApplication",
    )
    parts = [leaf(name, text) for name, text in zip(names, application or (), strict=False) if text]
    return element("creatingApplication", *parts) if parts else None


def _format(format_: FormatName, *, with_registry: bool = True) -> str:
    registry = None
    if format_.puid and with_registry:
        registry = element(
            "formatRegistry",
            leaf("formatRegistryName", "PRONOM"),
            leaf("formatRegistryKey", format_.puid),
        )
    version = leaf("formatVersion", format_.version) if format_.version else None
    designation = element("formatDesignation", leaf("formatName", format_.name), version)
    return element("format", designation, registry)
