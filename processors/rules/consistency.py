"""Checks whether valid fields are consistent with each other."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from processors.rules.codes import finding
from processors.rules.manifest_view import View, files_of
from processors.rules.value_formats import DIGEST, SCHEMAS, is_date, is_uri, is_vendor_checksum
from processors.wording import counted
from schemas.models import Diagnostic

RIGHTS_HOSTS = ("rightsstatements.org", "creativecommons.org")


def rights_agree(view: View) -> Iterator[Diagnostic]:
    """Rights statements use known vocabularies, and an embargo comes with an access level."""
    for item in view.items:
        rights = item.inner("rights")
        if rights is None:
            continue
        uri, access = rights.text("uri"), rights.value.get("access")
        if uri is not None and is_uri(uri) and not _is_usual(uri):
            yield finding("rights.uri-unusual", f"{rights.where}.uri", uri)
        if is_date(rights.text("embargo_until") or "") and access in (None, "open"):
            found = f"an embargo is set, and access is {'missing' if access is None else 'open'}"
            yield finding("rights.embargo-without-access", f"{rights.where}.embargo_until", found)


def _is_usual(uri: str) -> bool:
    parts = urlsplit(uri)
    host = (parts.hostname or "").removeprefix("www.")
    return parts.scheme in ("http", "https") and host in RIGHTS_HOSTS


def spreads_have_two_labels(view: View) -> Iterator[Diagnostic]:
    """A spread has the labels of both pages, or none."""
    for _, pages in view.pages:
        for page in pages:
            labels = page.listed("labels")
            if page.value.get("layout") == "spread" and len(labels) not in (0, 2):
                found = f"{counted(len(labels), 'label')}: {', '.join(map(str, labels))}"
                yield finding("page.spread-labels", f"{page.where}.labels", found)


def no_item_is_part_of_itself(view: View) -> Iterator[Diagnostic]:
    """No item is part of itself."""
    for item in view.items:
        host, own = item.text("part_of"), item.text("item_id")
        if host is not None and own is not None and host.casefold() == own.casefold():
            yield finding("item.part-of-itself", f"{item.where}.part_of", host)


def vendor_checksums_agree(view: View) -> Iterator[Diagnostic]:
    """A file has one digest per algorithm; a SHA-256 equals `sha256`."""
    for item, pages in view.pages:
        for file in files_of(item, pages):
            own = file.text("sha256") or ""
            first = {"sha256": own} if DIGEST.match(own) else {}
            for number, one in enumerate(file.listed("vendor_checksums")):
                if not isinstance(one, str) or not is_vendor_checksum(one):
                    continue
                algorithm, _, digest = one.partition(":")
                other = first.setdefault(algorithm, digest)
                if other != digest:
                    where = f"{file.where}.vendor_checksums[{number}]"
                    found = f"{one} and {algorithm}:{other}"
                    yield finding("file.vendor-checksum-differs", where, found)


def main_schema_present(view: View) -> Iterator[Diagnostic]:
    """An item with records has one in the schema of the batch, or a METS, which can wrap it."""
    form = view.top.text("metadata_schema")
    for item in view.items:
        forms = {one.text("schema") for one in item.entries("metadata")}
        if forms and form in SCHEMAS and not forms & {form, "METS"}:
            used = ", ".join(sorted(one or "?" for one in forms))
            found = f"metadata_schema is {form}, the records use {used}"
            yield finding("item.without-main-form", f"{item.where}.metadata", found)
