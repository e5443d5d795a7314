"""Every code that pre-flight can give, with its severity and what to do about it."""

from typing import NamedTuple

from schemas.models import Diagnostic

FAULTS = ("fatal", "error")
FOUND_LENGTH = 160


class Code(NamedTuple):
    """How grave a finding is, and what to do about it."""

    severity: str
    fix: str


CODES: dict[str, Code] = {
    # the document
    "manifest.empty": Code("fatal", "Send the manifest again; nothing arrived."),
    "manifest.too-large": Code("fatal", "Split the batch: a manifest takes at most 256 MiB."),
    "manifest.not-utf8": Code("fatal", "Write the manifest in UTF-8."),
    "manifest.not-json": Code("fatal", "Write the manifest as one JSON object."),
    "manifest.key-duplicate": Code("error", "Give each field once in an object."),
    "manifest.text-broken": Code("error", "Take out control characters and lone surrogates."),
    "manifest.field-missing": Code("error", "Add the field."),
    "manifest.field-unknown": Code("error", "Take the field out, or correct its spelling."),
    "manifest.field-wrong-type": Code("error", "Write the value as {expected}."),
    "manifest.field-out-of-range": Code("error", "Write a value within the limit: {expected}."),
    "manifest.digest-mismatch": Code(
        "error",
        "Make the digest again over the body as sent (docs/manifest.md), or find what changed it.",
    ),
    "manifest.file-count-mismatch": Code(
        "error", "Set file_count to the files listed, records included, or list what is missing."
    ),
    # vocabulary and forms
    "manifest.metadata-schema-unknown": Code("error", "Use one of METS, PREMIS, DublinCore, MODS."),
    "batch.id-malformed": Code(
        "error", "Use 1 to 64 of A-Z a-z 0-9 . _ - and begin with a letter or digit."
    ),
    "batch.priority-unknown": Code("error", "Use one of rush, normal, night."),
    "batch.not-before-malformed": Code(
        "error", "Write a time with its zone, such as 2026-11-22T18:00:00Z."
    ),
    "profile.unknown": Code("error", "Use a known profile: {known}."),
    "profile.malformed": Code(
        "error", "Mend the profile's file below the home's profiles/ (docs/profiles.md)."
    ),
    "profile.rules-malformed": Code(
        "error", "Mend the rule file below the home's profiles/rules/ (docs/profiles.md)."
    ),
    "person.not-a-pseudonym": Code(
        "error", "Use a pseudonym such as o-17; `copystand person add NAME` gives one."
    ),
    "item.id-malformed": Code(
        "error", "Use 1 to 64 of A-Z a-z 0-9 . _ - and begin with a letter or digit."
    ),
    "page.ref-malformed": Code(
        "error", "Use 1 to 32 of A-Z a-z 0-9 . _ - and begin with a letter or digit."
    ),
    "page.kind-unknown": Code(
        "error",
        "Use one of page, cover, spine, endpaper, foldout, insert, target, blank, missing.",
    ),
    "page.layout-unknown": Code("error", "Use single or spread."),
    "record.role-unknown": Code(
        "error", "Use one of descriptive, structural, preservation, rights."
    ),
    "record.schema-unknown": Code("error", "Use one of METS, PREMIS, DublinCore, MODS."),
    "rights.access-unknown": Code("error", "Use one of open, restricted, closed."),
    "rights.uri-malformed": Code(
        "error", "Give an absolute URI, such as http://rightsstatements.org/vocab/NoC-NC/1.0/."
    ),
    "rights.uri-unusual": Code(
        "warn", "Use a statement of rightsstatements.org or creativecommons.org, if one fits."
    ),
    "rights.embargo-malformed": Code("error", "Write a date such as 2031-01-01."),
    "rights.embargo-without-access": Code(
        "error", "Say which access holds until then: restricted or closed; or take the embargo out."
    ),
    "language.unknown": Code("error", "Use an ISO 639-2 code of the table, such as fra or lat."),
    "language.script-unknown": Code("error", "Use an ISO 15924 code, such as Latn or Latf."),
    "language.model-missing": Code(
        "error", "Install the model ({install}), or give another language."
    ),
    "file.sha256-malformed": Code("error", "Write the SHA-256 as 64 lower-case hex digits."),
    "file.vendor-checksum-malformed": Code(
        "error", "Write it as md5:, sha1:, sha256: or sha512: and the digest in lower-case hex."
    ),
    "file.vendor-checksum-differs": Code(
        "error", "Find out which digest is the file's; give one of each algorithm."
    ),
    "file.name-unsafe": Code(
        "error", "Use a relative path with / between its parts, and without . or .. as a part."
    ),
    "file.empty": Code("error", "Send the file again: it has no bytes."),
    # counts and limits
    "batch.without-items": Code("error", "List at least one item."),
    "batch.too-many-items": Code("error", "Split the batch: at most 10,000 items."),
    "batch.too-many-pages": Code("error", "Split the batch: at most 200,000 pages."),
    "item.too-large": Code("error", "Split the item: at most 20,000 pages."),
    "item.without-pages": Code("error", "List the item's pages, or take the item out."),
    "item.all-pages-missing": Code("error", "Send at least one page, or take the item out."),
    "item.sequence-gap": Code(
        "warn", "Say that the page is missing (kind missing), or send it, if it belongs there."
    ),
    "item.without-record": Code(
        "warn", "Add a descriptive record; without it the title and identifiers are all there is."
    ),
    "item.without-main-form": Code(
        "warn", "Add a record in the form that metadata_schema names, or name the form that came."
    ),
    # said twice, or against each other
    "item.part-of-itself": Code("error", "Name in part_of what the item belongs to, or nothing."),
    "page.spread-labels": Code(
        "warn", "Give a spread the labels of both its pages, or none; or set layout to single."
    ),
    "page.text-surplus": Code("error", "Take the text out: a missing page has none."),
    "item.id-duplicate": Code(
        "error", "Give each item its own item_id; upper and lower case count as the same."
    ),
    "page.ref-duplicate": Code(
        "error", "Give each page of an item its own ref; upper and lower case count as the same."
    ),
    "page.sequence-duplicate": Code("error", "Give each page of an item its own sequence."),
    "file.path-duplicate": Code("error", "Name each file once."),
    "page.same-bytes": Code("warn", "Look whether one image was exported twice."),
    "page.file-missing": Code("error", "Name the page's file, or set its kind to missing."),
    "page.file-surplus": Code(
        "error", "Take the file out, or give the page the kind it has: this one is `missing`."
    ),
    # the store
    "batch.manifest-missing": Code(
        "error", "Submit the batch again: `copystand station submit` stores the manifest first."
    ),
    "batch.id-mismatch": Code("error", "Publish the manifest under its own batch_id."),
    "manifest.not-as-announced": Code(
        "error", "Publish the digest that stands in the manifest's checksums."
    ),
    "batch.page-missing": Code("error", "Store the file in staging, then submit the batch again."),
    "batch.record-missing": Code(
        "error", "Store the file in staging, then submit the batch again."
    ),
    "file.size-mismatch": Code("error", "Correct size_bytes, or send the file again, whole."),
    "record.not-well-formed": Code("error", "Mend the XML; it must be well formed, no DOCTYPE."),
    "record.schema-mismatch": Code("error", "Name the schema that the root element belongs to."),
    "record.too-large": Code("error", "Send a record of at most 64 MiB."),
    # what records say
    "record.schema-invalid": Code(
        "warn", "Mend the record by the schema (XSD) of its standard, then send it again."
    ),
    "record.mets-invalid": Code(
        "warn", "Tell whoever made the METS; it is kept as it came, and what can be read is used."
    ),
    "record.version-not-judged": Code(
        "warn", "Send a current version (METS 1.12, MODS 3.8, PREMIS 3), if it should be judged."
    ),
    "record.empty": Code("error", "Send a record that says something, or take it out."),
    "record.without-title": Code("warn", "Add a title to the record, if the item has one."),
    "record.identifier-differs": Code(
        "warn", "Look whether the record belongs to this item; give the item its identifier."
    ),
    "record.mets-pages-differ": Code(
        "warn", "Look which is right: the METS, or the pages as the manifest lists them."
    ),
    "record.checksum-differs": Code(
        "error", "Find out which is right: the file or the METS; send that one again."
    ),
    "batch.text-missing": Code("error", "Store the file in staging, then submit the batch again."),
    "page.text-not-alto": Code("error", "Give ALTO as the page's text, or none."),
    "page.text-empty": Code("warn", "Take the text out, if the page should be read by OCR."),
    "manifest.faulty": Code("error", "Mend each fault listed, then submit the corrected manifest."),
}


def shown(value: object) -> str:
    """A value as it is shown to people: written out, cut when long."""
    text = str(value) if isinstance(value, str | Exception) else repr(value)
    text = text.encode("utf-8", "backslashreplace").decode()
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return plain if len(plain) <= FOUND_LENGTH else plain[: FOUND_LENGTH - 1] + "…"


def finding(code: str, where: str, found: object, **fills: str) -> Diagnostic:
    """A diagnostic of a known code. Raises KeyError for an unknown one."""
    return diagnostic(code, CODES[code], where, found, **fills)


def diagnostic(code: str, known: Code, where: str, found: object, /, **fills: str) -> Diagnostic:
    """A diagnostic of a code of whatever table."""
    fix = known.fix.format(**fills) if fills else known.fix
    return told(code, known.severity, where, found, fix)


def told(code: str, severity: str, where: str, found: object, fix: str) -> Diagnostic:
    """A diagnostic of whatever code, its finding cut to a length."""
    return Diagnostic(code=code, where=where, found=shown(found), fix=fix, severity=severity)


def is_fault(diagnostic: Diagnostic) -> bool:
    """Whether a diagnostic keeps a batch from being accepted."""
    return diagnostic.severity in FAULTS
