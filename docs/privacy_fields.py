"""Every text field of every record, by the kind of personal data that it can hold."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from schemas.sources import in_dependency_order


@dataclass(frozen=True)
class Kind:
    """What fields of one kind can hold, and how it is deleted."""

    title: str
    holds: str
    deleted: str
    fields: dict[str, str]
    """The records with a field of each name."""


KINDS = (
    Kind(
        "Free text of persons",
        "What a person typed: the reason of a decision or of a repository. Since this is in the"
        " table `people.texts`, these fields hold a reference, `text:hmac-sha256:` and 64 hex"
        " digits. Facts of versions before 0.2.0 hold the text. `package.received` holds the"
        " text that a repository sends, for 30 days.",
        "`copystand text delete` deletes the text and its key at once. The reference stays, and"
        " says nothing without the key. What earlier versions sealed stays.",
        {
            "reason": "ControlDecided ControlRequested ObjectRestored PackageReceived"
            " ReceiptAccepted"
        },
    ),
    Kind(
        "Pseudonyms of persons",
        "`p-4` and the like. `Agent.name` is the pseudonym of a person, or the name of a software,"
        " a device, an organisation or a worker. A message with a name in the place of a pseudonym"
        " is refused; the name stays in that message, on its topic and in the copy of it in"
        " `receipts/records/`.",
        "The name behind it is in `people.person`: `copystand person forget`. The pseudonym stays.",
        {
            "by": "ControlDecided ControlRequested ObjectRestored",
            "name": "Agent",
            "operator": "BatchAccepted BatchReceived BatchSubmitted CaptureAccepted PageCaptured",
        },
    ),
    Kind(
        "Pseudonyms of machines",
        "`worker-7c1f09ae`: made from the name of the machine and `run/worker.key`.",
        "Delete `run/worker.key`: nobody can find the machine from then on.",
        {"worker": "Producer"},
    ),
    Kind(
        "Names of senders",
        "The name of a station or repository, chosen by the administrator. Do not name them after"
        " persons.",
        "Not deleted: the log proves who sent what.",
        {
            "repository": "PackageReceived ReceiptAccepted",
            "station": "BatchReceived BatchSubmitted",
        },
    ),
    Kind(
        "Delivered names and descriptions",
        "What a delivery says: names of files, titles, identifiers, labels, a project, rights, ids"
        " that the station chose, and keys and objects made of them. A title, or the name of a file"
        " such as `letter of Anna Muster.tif`, can name a person. They describe the material.",
        "Not deleted: items, packages and every later event are named with them. Before delivery,"
        " choose names without persons where the material must not name them.",
        {
            "access": "Rights",
            "batch_id": "Head",
            "embargo_until": "Rights",
            "holder": "Rights",
            "item_id": "Head PackagePublished",
            "key": "ObjectRestored Origin PackagePublished",
            "labels": "PageAcquired PageAdmitted",
            "note": "Rights",
            "original_name": "PageAcquired PageAdmitted",
            "package_id": "PackagePublished PackageReceived ReceiptAccepted",
            "page_id": "Head",
            "project": "BatchAccepted",
            "ref": "PageAcquired PageAdmitted",
            "replaces": "ItemRegistered",
            "results": "Act PremisEvent",
            "source": "ObjectRestored",
            "sources": "Act PremisEvent",
            "subjects": "ControlDecided ControlRequested",
            "suggestions": "PageEnriched",
            "supplements": "ItemRegistered",
            "title": "ItemRegistered",
            "type": "Identifier",
            "uri": "Rights",
            "value": "ControlDecided ControlRequested Identifier",
        },
    ),
    Kind(
        "Read from images",
        "Maker, model and serial number of a device, the software that wrote the image, the time of"
        " capture, the name of the ICC profile. A serial number can lead to the owner of a camera.",
        "Not deleted: they prove how an image was made. No field holds the artist, the owner or"
        " GPS: see [What images contain](#what-images-contain).",
        {
            "capture_software": "PageDescribed",
            "asked": "CaptureSetting",
            "captured_at": "PageDescribed",
            "confirmed": "CaptureSetting",
            "device_make": "CaptureAccepted PageCaptured PageDescribed",
            "device_model": "CaptureAccepted PageCaptured PageDescribed",
            "device_serial": "CaptureAccepted PageCaptured PageDescribed",
            "icc_profile": "CaptureAccepted PageAcquired PageCaptured",
        },
    ),
    Kind(
        "Suggestions of models",
        "Terms that a model suggests, and the words of the recognised text that led to it. A"
        " vocabulary of the institution can name persons, and so can a text. The value of a request"
        " to edit a suggestion is the term that a person chose.",
        "Not deleted: they prove what a model suggested. `COPYSTAND_ENRICHMENT=off` keeps models"
        " from looking at pages.",
        {
            "evidence": "PageSuggestion",
            "label": "PageSuggestion",
            "term_uri": "PageSuggestion",
        },
    ),
    Kind(
        "Findings",
        "Sentences of the software. They repeat delivered names and values where these are at"
        " fault, and errors of the system, with paths of the home. A name in the place of a"
        " pseudonym is never repeated.",
        "Not deleted.",
        {
            "detail": "Act PremisEvent",
            "failure": "ModelRun",
            "fix": "ControlDecided Diagnostic WorkQuarantined",
            "found": "Diagnostic WorkQuarantined",
            "where": "Diagnostic WorkQuarantined",
            "why": "WorkDeferred",
        },
    ),
    Kind(
        "Copies of messages",
        "The bytes of another message, with its fields. The reason of a repository is replaced"
        " before a copy is made.",
        "As the fields of that message.",
        {"value": "WorkDeferred"},
    ),
    Kind(
        "No personal data",
        "Digests, ids that are random or follow from other ids, closed choices, names and versions"
        " of software, formats, languages and topics.",
        "–",
        {
            "action": "ControlDecided ControlRequested",
            "byte_order": "PageAcquired",
            "capture": "PageAdmitted",
            "capture_id": "CaptureAccepted",
            "cause_id": "Head",
            "code": "Act ControlDecided Diagnostic PremisEvent WorkQuarantined",
            "colour_space": "PageAcquired",
            "compression": "PageAcquired",
            "content_digest": "PackagePublished",
            "decision_id": "WorkDeferred",
            "driver": "CaptureAccepted PageCaptured",
            "driver_version": "CaptureAccepted PageCaptured",
            "error_class": "WorkDeferred",
            "event_id": "Head Origin",
            "event_type": "PremisEvent",
            "event_type_uri": "PremisEvent",
            "fact": "PremisEvent",
            "format_name": "PageAcquired",
            "format_puid": "PageAcquired",
            "format_version": "PageAcquired",
            "icc_sha256": "CaptureAccepted PageAcquired PageCaptured",
            "key": "FileRef",
            "kind": "PageAcquired PageAdmitted PageSuggestion",
            "lane": "WorkDeferred WorkQuarantined",
            "languages": "PageAcquired PageAdmitted PageRecognized",
            "layout": "PageAcquired PageAdmitted",
            "manifest_sha256": "BatchAccepted BatchReceived BatchSubmitted",
            "master_sha256": "PageAnalyzed",
            "media_type": "FileRef",
            "model": "ModelRun",
            "models": "PageRecognized",
            "name": "CaptureSetting Producer",
            "optional_branches": "PageAcquired PageRecognized",
            "outcome": "Act PremisEvent",
            "photometric": "PageAcquired",
            "pixels_sha256": "CaptureAccepted PageCaptured",
            "priority": "BatchAccepted ItemCompleted ItemRegistered PageAcquired PageAdmitted",
            "profile": "CaptureAccepted PageCaptured",
            "quarantine_id": "ObjectRestored",
            "received_sha256": "BatchAccepted",
            "release": "BatchReceived BatchSubmitted",
            "replaces": "CaptureAccepted PageCaptured",
            "required_branches": "ItemRegistered PageAcquired PageAdmitted",
            "resolution_source": "PageAcquired",
            "role": "Agent",
            "run_id": "FixityChecked",
            "scanner_profile": "BatchAccepted",
            "scope": "FixityChecked",
            "script": "PageAcquired PageAdmitted PageRecognized",
            "severity": "Diagnostic",
            "sha256": "CaptureAccepted FileRef ObjectRestored PackagePublished PageCaptured",
            "step": "WorkDeferred WorkQuarantined",
            "suggestion_id": "PageSuggestion",
            "topic": "Origin",
            "type": "Act Agent",
            "use": "FileRef",
            "vendor_checksums": "PageAdmitted",
            "version": "Agent ModelRun Producer",
            "vocabulary": "PageSuggestion",
            "weights_sha256": "ModelRun",
            "work_id": "WorkDeferred WorkQuarantined",
        },
    ),
)
"""In the order of the page."""


def classified() -> list[str]:
    """Every field that has a kind, as Record.field; a field with two kinds is there twice."""
    return [f"{record}.{name}" for kind in KINDS for name, record in _pairs(kind)]


def _pairs(kind: Kind) -> Iterator[tuple[str, str]]:
    for name, records in kind.fields.items():
        for record in records.split():
            yield name, record


def text_fields() -> list[str]:
    """Every field of every record that can hold text or bytes, as Record.field."""
    return [
        f"{record['name']}.{field['name']}"
        for record in in_dependency_order()
        for field in record["fields"]
        if _holds_text(field["type"])
    ]


def _holds_text(kind: Any) -> bool:
    if isinstance(kind, list):
        return any(map(_holds_text, kind))
    if isinstance(kind, dict):
        inner = kind.get("items") or kind.get("values") or kind["type"]
        return kind["type"] in ("enum", "fixed") or _holds_text(inner)
    return kind in ("string", "bytes")
