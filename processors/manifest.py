"""The manifest as the contract has it, and reading one: every fault at once, never an exception."""

from collections.abc import Iterator, Sequence
from pathlib import Path as Folder
from typing import Annotated, Any, overload

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError
from pydantic_core import PydanticKnownError

from processors.rules.body_digest import body_digest
from processors.rules.codes import is_fault
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
    """A part of a manifest: strict about types and names, frozen."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class File(Part):
    """A delivered file; its path is a name only."""

    path: Path
    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=0, le=2**53)]
    vendor_checksums: Annotated[tuple[VendorChecksum, ...], Field(strict=False, max_length=8)] = ()


class Page(Part):
    """One capture of an item."""

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
    """ALTO that came with the page, taken over instead of recognition."""

    @property
    def known_as(self) -> str:
        """The ref: as given, else the sequence in four digits."""
        return self.ref or f"{self.sequence:04d}"


class MetadataRecord(Part):
    """A record that came with an item."""

    role: Role
    schema_: Annotated[Schema, Field(alias="schema")]
    version: Word | None = None
    file: File


class NamedAs(Part):
    """A name the institution gives to an item."""

    type: Word
    value: Text


class RightsStatement(Part):
    """What may be done with an item."""

    uri: Uri | None = None
    access: Access | None = None
    embargo_until: Date | None = None
    holder: Text | None = None
    note: Text | None = None


class Item(Part):
    """One volume, folder or object."""

    item_id: ItemId
    identifiers: Annotated[tuple[NamedAs, ...], Field(strict=False, max_length=20)] = ()
    title: Text | None = None
    languages: Languages | None = None
    script: Script | None = None
    part_of: Text | None = None
    replaces: Word | None = None
    supplements: Word | None = None
    rights: RightsStatement | None = None
    metadata: Annotated[tuple[MetadataRecord, ...], Field(strict=False)] = ()
    pages: Annotated[tuple[Page, ...], Field(strict=False)]


class Items(Sequence[Item]):
    """The items of a manifest, each read when asked for: a batch may have 200,000 pages."""

    def __init__(self, listed: list[Any]) -> None:
        self._listed = listed

    @classmethod
    def of(cls, value: object) -> "Items":
        """The items in a list; whether they are sound is asked of each."""
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
        """Pages of all items; nothing else is read."""
        return sum(len(one["pages"]) for one in self._listed)


class Checksums(Part):
    """The digest of the body."""

    manifest_sha256: Sha256


class Manifest(Part):
    """One delivery (docs/contract.md §2)."""

    batch_id: BatchId
    scanner_profile: Word
    file_count: Annotated[int, Field(ge=0)]
    metadata_schema: Vocabulary
    project: Word | None = None
    priority: Priority = "normal"
    not_before: Instant | None = None
    operator: Operator | None = None
    items: Annotated[Items, PlainValidator(Items.of)]
    checksums: Checksums

    @property
    def page_count(self) -> int:
        """Pages of all items, those that are missing included."""
        return self.items.page_count()


def read_manifest(
    delivered: bytes, profiles: Folder | None = None
) -> tuple[Manifest | None, list[Diagnostic]]:
    """The manifest in these bytes, None when it is faulty, and all that was found in it."""
    body, found = read_document(delivered)
    if body is None:
        return None, found
    return judge(View(body, profiles), found)


def judge(
    view: View, found: list[Diagnostic] | None = None
) -> tuple[Manifest | None, list[Diagnostic]]:
    """Likewise, of a manifest that is read already."""
    found = list(found or ())
    manifest = None
    try:
        manifest = Manifest.model_validate(view.body)
    except ValidationError as wrong:
        found += shape_findings(wrong)
    for at, item in enumerate(view.top.listed("items")):
        found += _shape_of(item, at)
    found += findings(view)
    faulty = any(is_fault(one) for one in found)
    return (None if faulty else manifest), found


def _shape_of(item: object, at: int) -> Iterator[Diagnostic]:
    try:
        Item.model_validate(item)
    except ValidationError as wrong:
        yield from shape_findings(wrong, ("items", at))
