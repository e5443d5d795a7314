"""The model of a manifest, and how it is read: all findings at once, without exceptions."""

from collections.abc import Iterator, Sequence
from pathlib import Path as Folder
from typing import Annotated, Any, overload

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError
from pydantic_core import PydanticKnownError

from processors.rules.body_digest import body_digest
from processors.rules.codes import is_error
from processors.rules.document import read_document
from processors.rules.manifest_view import View
from processors.rules.shape import shape_findings
from processors.rules.table import findings
from processors.rules.value_formats import (
    Access,
    BatchId,
    Date,
    Instant,
    ItemId,
    Kind,
    Layout,
    Operator,
    Path,
    Priority,
    Ref,
    Role,
    Schema,
    Script,
    Sha256,
    Uri,
    VendorChecksum,
    Vocabulary,
)
from schemas.models import Diagnostic

__all__ = ["Manifest", "body_digest", "read_manifest"]

Text = Annotated[str, Field(min_length=1, max_length=2000)]
Word = Annotated[str, Field(min_length=1, max_length=255)]
Languages = Annotated[tuple[Word, ...], Field(strict=False, max_length=10)]


class Part(BaseModel):
    """A frozen part of a manifest with strict types and no unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class File(Part):
    """A delivered file; its path is only a name."""

    path: Path
    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=0, le=2**53)]
    vendor_checksums: Annotated[tuple[VendorChecksum, ...], Field(strict=False, max_length=8)] = ()


class Page(Part):
    """A page of an item."""

    ref: Ref | None = None
    sequence: Annotated[int, Field(ge=1, le=10**9)]
    kind: Kind = "page"
    layout: Layout = "single"
    labels: Annotated[tuple[Word, ...], Field(strict=False, max_length=50)] = ()
    languages: Languages | None = None
    script: Script | None = None
    capture: Word | None = None
    file: File | None = None
    text: File | None = None
    """ALTO delivered with the page, which replaces recognition."""
    image: Annotated[int, Field(ge=1, le=20_000)] | None = None
    """The number of its image in a file with several; None if the file is the page."""

    @property
    def effective_ref(self) -> str:
        """The ref if given, else the sequence in four digits."""
        return self.ref or f"{self.sequence:04d}"


class MetadataRecord(Part):
    """A metadata record of an item."""

    role: Role
    schema_: Annotated[Schema, Field(alias="schema")]
    version: Word | None = None
    file: File


class OwnIdentifier(Part):
    """An identifier that the institution gives to an item."""

    type: Word
    value: Text


class RightsStatement(Part):
    """The rights of an item."""

    uri: Uri | None = None
    access: Access | None = None
    embargo_until: Date | None = None
    holder: Text | None = None
    note: Text | None = None


class Item(Part):
    """One volume, folder or object."""

    item_id: ItemId
    identifiers: Annotated[tuple[OwnIdentifier, ...], Field(strict=False, max_length=20)] = ()
    title: Text | None = None
    languages: Languages | None = None
    script: Script | None = None
    part_of: Text | None = None
    replaces: Word | None = None
    supplements: Word | None = None
    rights: RightsStatement | None = None
    metadata: Annotated[tuple[MetadataRecord, ...], Field(strict=False)] = ()
    pages: Annotated[tuple[Page, ...], Field(strict=False)]


class NotPackaged(Part):
    """A delivered file that no item contains: the log names it with its digest."""

    path: Annotated[str, Field(min_length=1, max_length=20_000)]
    """Its name in the delivery, with control characters escaped; nothing is opened by it."""
    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=0, le=2**53)]
    code: Word | None = None
    """Why it is in no item; None if its content was used, such as a checksum list."""
    found: Text


class Items(Sequence[Item]):
    """The items of a manifest, each parsed on access, because a batch may have 200,000 pages."""

    def __init__(self, listed: list[Any]) -> None:
        self._listed = listed

    @classmethod
    def of(cls, value: object) -> "Items":
        """The items in a list; each is validated on access."""
        if not isinstance(value, list):
            raise PydanticKnownError("tuple_type")
        return cls(value)

    def __len__(self) -> int:
        return len(self._listed)

    @overload
    def __getitem__(self, at: int) -> Item: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Item]: ...
    def __getitem__(self, at: int | slice) -> Item | Sequence[Item]:
        if isinstance(at, slice):
            return Items(self._listed[at])
        return Item.model_validate(self._listed[at])

    def page_count(self) -> int:
        """Number of pages of all items, without parsing them."""
        return sum(len(one["pages"]) for one in self._listed)


class Checksums(Part):
    """The digest of the body."""

    manifest_sha256: Sha256


class Manifest(Part):
    """The description of a delivery (docs/contract.md §2)."""

    batch_id: BatchId
    scanner_profile: Word
    file_count: Annotated[int, Field(ge=0)]
    metadata_schema: Vocabulary
    project: Word | None = None
    priority: Priority = "normal"
    not_before: Instant | None = None
    operator: Operator | None = None
    order: BatchId | None = None
    """The capture order that the batch belongs to; it has the form of a batch id."""
    items: Annotated[Items, PlainValidator(Items.of)]
    not_packaged: Annotated[tuple[NotPackaged, ...], Field(strict=False)] = ()
    checksums: Checksums

    @property
    def page_count(self) -> int:
        """Number of pages of all items, including missing ones."""
        return self.items.page_count()


def read_manifest(
    delivered: bytes, profiles: Folder | None = None
) -> tuple[Manifest | None, list[Diagnostic]]:
    """The manifest in these bytes, or None if it has errors, and all findings."""
    body, found = read_document(delivered)
    if body is None:
        return None, found
    return check_manifest(View(body, profiles), found)


def check_manifest(
    view: View, found: list[Diagnostic] | None = None
) -> tuple[Manifest | None, list[Diagnostic]]:
    """The manifest in a parsed document, or None if it has errors, and all findings."""
    found = list(found or ())
    manifest = None
    try:
        manifest = Manifest.model_validate(view.body)
    except ValidationError as wrong:
        found += shape_findings(wrong)
    for at, item in enumerate(view.top.listed("items")):
        found += _item_findings(item, at)
    found += findings(view)
    refused = any(is_error(one) for one in found)
    return (None if refused else manifest), found


def _item_findings(item: object, at: int) -> Iterator[Diagnostic]:
    try:
        Item.model_validate(item)
    except ValidationError as wrong:
        yield from shape_findings(wrong, ("items", at))
