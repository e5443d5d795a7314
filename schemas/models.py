# ruff: noqa: E501
"""Models of the facts, generated from schemas/avro by `make schemas`; do not edit."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A record of the contract, frozen and without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Agent(Record):
    """Who or what took part in an act."""

    type: str
    """One of software, hardware, organization, person (id.loc.gov agentType)."""
    name: str
    """Name; for a person always a pseudonym such as p-4."""
    version: str | None = None
    """Version of a software, model or firmware."""
    role: str
    """One of executing program, implementer, authorizer, validator (id.loc.gov eventRelatedAgentRole)."""


class Act(Record):
    """One preservation action, outcome included."""

    type: str
    """Event type: a label of id.loc.gov eventType or of copystand's own vocabulary."""
    outcome: str
    """suc, fai or war (id.loc.gov eventOutcome)."""
    code: str | None = None
    """Machine-readable code when the outcome is not plain success."""
    detail: str
    """What was done and what was found, as text."""
    agents: tuple[Agent, ...] = ()
    """Agents other than the producer of the fact."""
    sources: tuple[str, ...] = ()
    """Objects of the action: sha256:HEX for a file, else batch:, item:, page: or package: and an id."""
    results: tuple[str, ...] = ()
    """Objects that resulted, written like sources."""


class Producer(Record):
    """The software role that wrote a fact."""

    name: str
    """Name of the role or step, for example copystand/acquire_page."""
    version: str
    """Version of that software."""
    worker: str | None = None
    """Pseudonym of the machine and role that ran it, for example worker-7c1f09ae; null in facts of versions before 0.2.0."""


class Head(Record):
    """Identity, subject, cause and time of a fact."""

    event_id: str
    """UUID of this fact, derived from its cause, so that the same work gives the same id."""
    cause_id: str | None = None
    """event_id of the fact or decision that led to this one; null where a person or a station is the origin."""
    batch_id: str | None = None
    """Batch this is about, as chosen by the station."""
    item_id: str | None = None
    """Item (volume, folder, object) this is about."""
    page_id: str | None = None
    """Page (one capture) this is about: item_id, a colon, the page's ref."""
    revision: int
    """Revision of the subject, 1 at first; raised by a recapture, correction or later change."""
    occurred_at: datetime
    """Time of the event, UTC, in microseconds."""
    producer: Producer
    """Software that wrote this fact."""


UNSTAMPED = Head(
    event_id="",
    revision=0,
    occurred_at=datetime(1970, 1, 1, tzinfo=UTC),
    producer=Producer(name="", version=""),
)
"""The head of a fact that the driver has not completed yet."""


class Diagnostic(Record):
    """One finding: an error, a warning or a notice."""

    code: str
    """Stable code; docs/errors.md has its section."""
    where: str
    """Where it was found: a file, field or page."""
    found: str
    """What was found."""
    fix: str
    """What to do about it."""
    severity: str
    """fatal, error, warn or info."""


class FileRef(Record):
    """A file in the store, by key and digest; never a path."""

    use: str
    """What the file is for, for example manifest, profile, page-list, capture, master, alto, hocr, text, tsv, pdf, item-record, package."""
    key: str
    """Key in the store."""
    sha256: str
    """SHA-256 of the bytes, lower-case hex."""
    size_bytes: int
    """Length in bytes."""
    media_type: str
    """Media type (RFC 6838), for example image/tiff."""


class Message(Record):
    """A record that is published as a message."""

    if TYPE_CHECKING:  # Each model has the field at the position in its schema.
        head: Head = UNSTAMPED


class Fact(Message):
    """A message that says what happened, with its own topic."""

    topic_key: ClassVar[str]
    """The key of its topic."""
    partitions: ClassVar[int | None] = None
    """Partitions of its topic; None for WORK_PARTITIONS."""

    if TYPE_CHECKING:
        files: tuple[FileRef, ...] = ()
        acts: tuple[Act, ...] = ()


class BatchAccepted(Fact):
    """A batch passed pre-flight; its pages are in flight from now on."""

    topic_key: ClassVar[str] = "batch_id"
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    item_count: int
    """Items registered with this batch."""
    page_count: int
    """Pages of all items; the batch's registered count."""
    manifest_sha256: str
    """Digest of the manifest's body."""
    received_sha256: str
    """SHA-256 of the manifest's bytes as received."""
    scanner_profile: str
    """Name of the profile that applies."""
    priority: str
    """rush, normal or night."""
    not_before: datetime | None = None
    """Earliest start of processing."""
    project: str | None = None
    """Project the batch belongs to."""
    operator: str | None = None
    """Pseudonym of the person at the station."""
    diagnostics: tuple[Diagnostic, ...] = ()
    """Warnings of pre-flight; the first 20."""
    diagnostics_count: int = 0
    """Number of all diagnostics."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class BatchReceived(Fact):
    """The router accepted a submission as well formed; pre-flight has not checked it yet."""

    topic_key: ClassVar[str] = "batch_id"
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    manifest_sha256: str
    """Digest of the manifest's body as the station stated it."""
    release: str | None = None
    """quarantine_id that this corrected manifest answers, else null."""
    operator: str | None = None
    """Pseudonym of the person at the station."""
    station: str | None = None
    """Name of the station."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class BatchSettled(Fact):
    """No page of a batch is in flight."""

    topic_key: ClassVar[str] = "batch_id"
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    settlement: int
    """Number of this settlement of the batch, from 1."""
    registered: int
    """Pages registered."""
    packaged: int
    """Pages in published packages."""
    quarantined: int
    """Pages in quarantine."""
    cancelled: int
    """Pages cancelled, including withdrawn and rejected ones."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class BatchSubmitted(Fact):
    """A station submits a batch; its manifest is in the store."""

    topic_key: ClassVar[str] = "batch_id"
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    manifest_sha256: str
    """Digest of the manifest's body as stated in its checksums (docs/contract.md §2)."""
    release: str | None = None
    """quarantine_id that this corrected manifest answers, else null."""
    operator: str | None = None
    """Pseudonym of the person at the station."""
    station: str | None = None
    """Name of the station."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class CaptureSetting(Record):
    """One setting of a device for a capture."""

    name: str
    """Name of the setting, such as resolution_dpi, mode or source."""
    asked: str | None = None
    """Value asked of the device; null if it was not asked."""
    confirmed: str | None = None
    """Value that the device reported afterwards; null if it reported none."""


class CaptureAccepted(Fact):
    """The router accepted a capture event of a station."""

    topic_key: ClassVar[str] = "page_id"
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    capture_id: str
    """event_id of the page.captured."""
    sequence: int
    """Position within the item as captured, from 1."""
    device_make: str | None = None
    """Maker of the device."""
    device_model: str | None = None
    """Model of the device."""
    device_serial: str | None = None
    """Serial number of the device."""
    resolution_dpi: float | None = None
    """Resolution requested from the device, in dots per inch."""
    operator: str | None = None
    """Pseudonym of the person who captured."""
    replaces: str | None = None
    """event_id of the capture that this one replaces."""
    driver: str | None = None
    """Driver that controlled the device: sane, escl, twain or watch."""
    driver_version: str | None = None
    """Version of the driver, as it states it."""
    profile: str | None = None
    """Profile that the station kept for the capture."""
    settings: tuple[CaptureSetting, ...] = ()
    """Every setting that was asked of the device or that it reported."""
    icc_profile: str | None = None
    """Description of the ICC profile in the captured file."""
    icc_sha256: str | None = None
    """SHA-256 of the ICC profile in the captured file, lower-case hex."""
    sha256: str | None = None
    """SHA-256 of the captured file, lower-case hex."""
    pixels_sha256: str | None = None
    """SHA-256 of the pixels of the captured file, lower-case hex; null if the station did not decode it."""
    captured_at: datetime | None = None
    """When the page was captured, as its station states it."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class ControlDecided(Fact):
    """The tracker's answer to a request."""

    topic_key: ClassVar[str] = "subject id"
    partitions: ClassVar[int | None] = 1
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    action: str
    """The requested action."""
    subjects: tuple[str, ...] = ()
    """Subjects of the request."""
    value: str | None = None
    """The new priority, for action priority."""
    by: str
    """Pseudonym of the person who made the request."""
    reason: str
    """Reason given by that person."""
    granted: bool
    """True when the request was granted and carried out."""
    code: str | None = None
    """Code of the refusal."""
    fix: str | None = None
    """What to do instead, when refused."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class ControlRequested(Fact):
    """A person requests an action on a batch, item, page or quarantine record."""

    topic_key: ClassVar[str] = "subject id"
    partitions: ClassVar[int | None] = 1
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    action: str
    """pause, resume, cancel, priority, release, reject or withdraw."""
    subjects: tuple[str, ...] = ()
    """Subjects of the request: batch:, item:, page:, package: or quarantine: and an id."""
    value: str | None = None
    """The new priority, for action priority."""
    by: str
    """Pseudonym of the person."""
    reason: str
    """Reason for the request."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class FixityChecked(Fact):
    """A fixity run read the objects of one item, or those of a batch that belong to none of its items."""

    topic_key: ClassVar[str] = "subject id"
    partitions: ClassVar[int | None] = 1
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    run_id: str
    """Id of the run."""
    scope: str
    """What the run reads: all, sample or older-than, with its number."""
    objects: int
    """Objects that were read."""
    failed: int
    """Objects that are missing, have another digest or cannot be read."""
    size_bytes: int
    """Bytes that were read."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class Identifier(Record):
    """An identifier that the institution assigned to an item."""

    type: str
    """Kind of identifier, for example shelfmark."""
    value: str
    """The identifier, verbatim."""


class ItemCompleted(Fact):
    """All required branches of all pages of an item have ended; the item record is a file in the store."""

    topic_key: ClassVar[str] = "item_id"
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    page_count: int
    """Pages of the item."""
    priority: str
    """rush, normal or night."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class ItemRegistered(Fact):
    """An item of an accepted batch was registered; its page list is a file in the store."""

    topic_key: ClassVar[str] = "item_id"
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    page_count: int
    """Pages in the page list."""
    required_branches: tuple[str, ...] = ()
    """Steps that must end for every page before the item completes."""
    identifiers: tuple[Identifier, ...] = ()
    """The institution's identifiers, verbatim."""
    title: str | None = None
    """Title as submitted."""
    priority: str
    """rush, normal or night."""
    replaces: str | None = None
    """item revision or item that this delivery replaces, as submitted."""
    supplements: str | None = None
    """Item that this delivery supplements, as submitted."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class PageSuggestion(Record):
    """What a model suggests about a page, until a person decides."""

    suggestion_id: str
    """Id of the suggestion: the same model with the same weights gives the same id for the same master of a page."""
    kind: str
    """writing, script, figure, language, term, duplicate or blank."""
    label: str
    """What is suggested, in the words of the model or the vocabulary."""
    term_uri: str = ""
    """URI of the term; empty for a label without one."""
    vocabulary: str = ""
    """Vocabulary of the term; empty for a label of the model."""
    score: float
    """Calibrated probability, 0 to 1."""
    box: tuple[int, ...] = ()
    """Left, top, width and height in pixels of the master; empty for the complete page."""
    evidence: tuple[str, ...] = ()
    """Words or measures that led to the suggestion."""


class ModelRun(Record):
    """One run of a model on a page."""

    model: str
    """Id of the model."""
    version: str
    """Version of the model."""
    weights_sha256: str = ""
    """SHA-256 of the weights, lower-case hex; empty for a model without weights."""
    failure: str | None = None
    """Why the run failed; null when it ended."""
    suggestions: tuple[PageSuggestion, ...] = ()
    """What the model suggests."""


class ObjectRestored(Fact):
    """An object that had failed its fixity check has its recorded bytes again."""

    topic_key: ClassVar[str] = "subject id"
    partitions: ClassVar[int | None] = 1
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    quarantine_id: str
    """Quarantine record that this closes."""
    key: str
    """Key of the object in the store."""
    sha256: str
    """SHA-256 of its bytes, lower-case hex."""
    source: str
    """Where the bytes were copied from."""
    by: str | None = None
    """Pseudonym of the person; null when a run found the object intact again."""
    reason: str
    """Reason given by that person, or what the run found."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class Origin(Record):
    """Topic, partition and offset from which a message was read."""

    topic: str
    """Kafka topic."""
    partition: int
    """Partition of the topic."""
    offset: int
    """Offset in the partition."""
    key: str | None = None
    """The message's key, text."""
    event_id: str
    """event_id of the message, or the id derived for it when it could not be decoded."""


class PackageCounts(Record):
    """Counts of a package's content."""

    pages: int
    """Pages, without targets and missing pages."""
    masters: int
    """Master files."""
    texts: int
    """Pages with recognised text."""
    derivatives: int = 0
    """Reading images of all pages: pyramids, access images, thumbnails."""
    files: int
    """All payload files of the bag."""
    missing: int = 0
    """Pages stated as missing or withdrawn; the package is incomplete when this is not 0."""


class Rights(Record):
    """Rights of an item."""

    uri: str | None = None
    """Rights statement or licence (rightsstatements.org or creativecommons.org URI)."""
    access: str | None = None
    """open, restricted or closed, as submitted."""
    embargo_until: str | None = None
    """ISO 8601 date until which access is withheld."""
    holder: str | None = None
    """Rights holder as submitted."""
    note: str | None = None
    """Note on rights as submitted."""


class PackagePublished(Fact):
    """A package is in the store and can be fetched."""

    topic_key: ClassVar[str] = "package_id"
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    package_id: str
    """item_id, .v and the item's revision."""
    item_id: str
    """Item that was packaged."""
    revision: int
    """Revision of the item."""
    key: str
    """Key of the tar in the store."""
    sha256: str
    """SHA-256 of the tar, lower-case hex."""
    size_bytes: int
    """Length of the tar in bytes."""
    content_digest: str
    """Digest of the content part (docs/contract.md §7)."""
    rights: Rights
    """Rights of the item as submitted."""
    counts: PackageCounts
    """Counts of the package's content."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class PackageReceived(Fact):
    """A repository accepted or refused a package."""

    topic_key: ClassVar[str] = "package_id"
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    package_id: str
    """Package that the answer is about."""
    accepted: bool
    """True when the repository accepted the package, false when it refused it."""
    reason: str | None = None
    """Reason, as given by the repository."""
    repository: str
    """Name of the repository."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class PageAcquired(Fact):
    """A page's master is in the store and passed validation."""

    topic_key: ClassVar[str] = "page_id"
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    ref: str
    """The page's ref within its item."""
    sequence: int
    """Position in the item, from 1."""
    kind: str
    """page, cover, spine, endpaper, foldout, insert, target, blank or missing."""
    layout: str
    """single or spread."""
    labels: tuple[str, ...] = ()
    """Printed or written page labels in reading order."""
    languages: tuple[str, ...] = ()
    """ISO 639-2 codes that apply to this page."""
    script: str | None = None
    """ISO 15924 code of the script."""
    original_name: str
    """The file's name as delivered."""
    required_branches: tuple[str, ...] = ()
    """Steps that must end for this page before its item completes."""
    format_name: str
    """Name of the file format found by signature."""
    format_puid: str | None = None
    """PRONOM identifier of that format."""
    format_version: str | None = None
    """Version of that format."""
    width_px: int
    """Width of the master in pixels."""
    height_px: int
    """Height of the master in pixels."""
    bits_per_sample: int
    """Bits per sample."""
    samples_per_pixel: int
    """Samples per pixel."""
    colour_space: str
    """bitonal, greyscale, rgb, cmyk or other."""
    resolution_dpi: float | None = None
    """Resolution in dots per inch; null when absent or conflicting."""
    resolution_source: str | None = None
    """Where the resolution was read: tiff, exif, jfif or phys."""
    icc_profile: str | None = None
    """Description of the embedded ICC profile."""
    compression: str | None = None
    """Compression of the master."""
    priority: str = "normal"
    """Priority of its batch when the page was admitted: rush, normal or night."""
    optional_branches: tuple[str, ...] = ()
    """Branches that the profile requests but that completion does not wait for."""
    orientation: int = 1
    """Orientation tag of the master, 1 to 8 as in TIFF 6.0 and EXIF; 1 is upright."""
    photometric: str | None = None
    """Photometric interpretation: min-is-white, min-is-black, rgb, palette, separated, ycbcr or cielab."""
    byte_order: str | None = None
    """little-endian or big-endian, where the format leaves the choice."""
    icc_sha256: str | None = None
    """SHA-256 of the embedded ICC profile, lower-case hex."""
    image: int | None = None
    """Number of the page's image among the full images of its file, from 1; null if the file is one page."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class PageAdmitted(Fact):
    """A page was admitted to processing."""

    topic_key: ClassVar[str] = "page_id"
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    ref: str
    """The page's ref within its item."""
    sequence: int
    """Position in the item, from 1."""
    kind: str
    """page, cover, spine, endpaper, foldout, insert, target, blank or missing."""
    layout: str
    """single or spread."""
    labels: tuple[str, ...] = ()
    """Printed or written page labels in reading order."""
    languages: tuple[str, ...] = ()
    """ISO 639-2 codes that apply to this page."""
    script: str | None = None
    """ISO 15924 code of the script."""
    original_name: str
    """The file's name as delivered."""
    capture: str | None = None
    """event_id of the page.captured that is current, else null."""
    priority: str
    """rush, normal or night."""
    required_branches: tuple[str, ...] = ()
    """Steps that must end for this page before its item completes."""
    vendor_checksums: tuple[str, ...] = ()
    """Checksums delivered in addition to the manifest's SHA-256, each as algorithm:hex, for example md5:9e10…."""
    image: int | None = None
    """Number of the page's image among the full images of its file, from 1; null if the file is one page."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class PageAnalyzed(Fact):
    """Models looked at the access image and the text of a page; the line does not wait for them."""

    topic_key: ClassVar[str] = "page_id"
    partitions: ClassVar[int | None] = 1
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    master_sha256: str
    """SHA-256 of the master of the page, lower-case hex. No model reads the master."""
    suggested: int
    """Number of suggestions of all models."""
    runs: tuple[ModelRun, ...] = ()
    """The runs, one for each model."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class PageCaptured(Fact):
    """A station captured one page with a scanner or camera."""

    topic_key: ClassVar[str] = "page_id"
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    sequence: int
    """Position within the item as captured, from 1."""
    device_make: str | None = None
    """Maker of the device."""
    device_model: str | None = None
    """Model of the device."""
    device_serial: str | None = None
    """Serial number of the device."""
    resolution_dpi: float | None = None
    """Resolution requested from the device, in dots per inch."""
    operator: str | None = None
    """Pseudonym of the person who captured."""
    replaces: str | None = None
    """event_id of the capture that this one replaces, for a recapture."""
    driver: str | None = None
    """Driver that controlled the device: sane, escl, twain or watch."""
    driver_version: str | None = None
    """Version of the driver, as it states it."""
    profile: str | None = None
    """Profile that the station kept for the capture."""
    settings: tuple[CaptureSetting, ...] = ()
    """Every setting that was asked of the device or that it reported."""
    icc_profile: str | None = None
    """Description of the ICC profile in the captured file."""
    icc_sha256: str | None = None
    """SHA-256 of the ICC profile in the captured file, lower-case hex."""
    sha256: str | None = None
    """SHA-256 of the captured file, lower-case hex."""
    pixels_sha256: str | None = None
    """SHA-256 of the pixels of the captured file, lower-case hex; null if the station did not decode it."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class PageDerived(Fact):
    """Derivative images of a page were made from its master."""

    topic_key: ClassVar[str] = "page_id"
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class PageDescribed(Fact):
    """Technical and descriptive metadata of a page were extracted from its master."""

    topic_key: ClassVar[str] = "page_id"
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    device_make: str | None = None
    """Maker of the capture device, as embedded in the master."""
    device_model: str | None = None
    """Model of the capture device, as embedded in the master."""
    device_serial: str | None = None
    """Serial number of the capture device, as embedded in the master."""
    capture_software: str | None = None
    """Software that wrote the master, as embedded in it."""
    captured_at: str | None = None
    """Time of capture as embedded in the master, without a time zone; ISO 8601."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class PageEnriched(Fact):
    """A page was enriched with suggestions; completion does not wait for them."""

    topic_key: ClassVar[str] = "page_id"
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    suggestions: tuple[str, ...] = ()
    """Suggested terms or languages."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class PageRecognized(Fact):
    """The text of a page was recognised."""

    topic_key: ClassVar[str] = "page_id"
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    languages: tuple[str, ...] = ()
    """ISO 639-2 codes used."""
    models: tuple[str, ...] = ()
    """Recognition models used, in order."""
    mean_confidence: float | None = None
    """Mean word confidence, 0 to 100; null when there is no word."""
    words: int
    """Words found."""
    characters: int
    """Characters found, whitespace left out."""
    read: bool
    """False when pages of this kind are not read."""
    optional_branches: tuple[str, ...] = ()
    """Branches that the profile requests but that completion does not wait for."""
    script: str | None = None
    """Script of the text, ISO 15924, as stated for the page."""
    provided: bool = False
    """Whether delivered ALTO was used instead of text recognition."""
    turned_degrees: int = 0
    """Clockwise rotation of the displayed image, in degrees, with which the text was read: 0, 90, 180 or 270."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class PremisEvent(Message):
    """One PREMIS event of the audit log, made from one fact."""

    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    fact: str
    """Record name of the fact that the event is made from."""
    ordinal: int
    """k: 0 for the transition itself, then the fact's acts in order."""
    event_type: str
    """Label of the event type."""
    event_type_uri: str
    """URI of the event type."""
    outcome: str
    """suc, fai or war."""
    code: str | None = None
    """Machine-readable code."""
    detail: str
    """What happened, as text."""
    agents: tuple[Agent, ...] = ()
    """Agents of the event, the producing software first."""
    sources: tuple[str, ...] = ()
    """Objects of the action."""
    results: tuple[str, ...] = ()
    """Objects that resulted."""


class ReceiptAccepted(Fact):
    """The router accepted a repository's answer."""

    topic_key: ClassVar[str] = "package_id"
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    package_id: str
    """Package that the answer is about."""
    accepted: bool
    """True when the repository accepted the package, false when it refused it."""
    reason: str | None = None
    """Reason, as given by the repository."""
    repository: str
    """Name of the repository."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class WorkDeferred(Fact):
    """A step failed for a reason outside the material; it is retried automatically."""

    topic_key: ClassVar[str] = "subject id"
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    step: str
    """Step that failed."""
    lane: str
    """Lane of that step."""
    work_id: str
    """Id of the work."""
    attempt: int
    """Attempt that failed, from 1."""
    error_class: str
    """storage, tool-crashed, tool-hung, memory or unknown."""
    why: str
    """Cause of the failure."""
    after_seconds: float | None = None
    """Minimum wait in seconds before the next attempt, when the cause states one."""
    attempts_allowed: int = 0
    """Attempts allowed for this error class; 0 in facts of versions that did not record it."""
    next_at: datetime | None = None
    """When the next attempt is due; null after the last one."""
    origin: Origin
    """The message that was processed."""
    decision_id: str | None = None
    """event_id of the decision that started this work, if any."""
    value: bytes
    """The message's bytes, unchanged."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""


class WorkQuarantined(Fact):
    """Work is in quarantine with a diagnosis until a person decides."""

    topic_key: ClassVar[str] = "subject id"
    head: Head = UNSTAMPED
    """Identity, subject, cause and time of this fact."""
    step: str
    """Step that failed; a release resumes there."""
    lane: str
    """Lane of that step."""
    work_id: str
    """Id of the work."""
    required: bool
    """False when the branch is optional."""
    code: str
    """Stable code; docs/errors.md has its section."""
    where: str
    """Where it was found."""
    found: str
    """What was found."""
    fix: str
    """What to do."""
    attempts: int
    """Attempts made."""
    origin: Origin
    """The message that was processed; its bytes are in files, use original."""
    diagnostics: tuple[Diagnostic, ...] = ()
    """Findings, the first 20; a longer list is in files, use diagnostics."""
    diagnostics_count: int = 0
    """Number of all diagnostics."""
    files: tuple[FileRef, ...] = ()
    """Files of this fact, each with its use; by reference, never by content."""
    acts: tuple[Act, ...] = ()
    """Preservation actions performed for this fact; each becomes one PREMIS event."""
