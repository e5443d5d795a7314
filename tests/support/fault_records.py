"""Faults of records: of what they say themselves, and against the item they came with."""

from typing import Any

from tests.support.planting import CATALOGUE, NEVER_STAGED, Fault, Site, Told, fault
from tests.support.valid_batches import DC, MODS, PREMIS, a_record, mets_of


def _record(
    site: Site,
    schema: str,
    text: str,
    code: str,
    place: str = "metadata[0].file",
    role: str = "descriptive",
    **words: str,
) -> Told:
    """Puts a record in the place of the item's own."""
    assert site.item
    name = site.item["item_id"]
    site.item["metadata"] = [a_record(site.batch, name, schema, text, role, **words)]
    if schema == "PREMIS":
        site.item["metadata"].append(a_record(site.batch, name, "MODS", MODS))
    return [(code, f"{site.where}.{place}")]


@fault("item")
def another_form_than_named(site: Site) -> Told:
    return _record(site, "DublinCore", DC, "item.without-main-form", place="metadata")


def record(code: str, schema: str, text: str, called: str, /, **words: Any) -> None:
    def plant(site: Site) -> Told:
        return _record(site, schema, text, code, **words)

    CATALOGUE[called] = Fault(called, "item", plant)


record("record.not-well-formed", "MODS", "<mods", "a record broken off")
record("record.not-well-formed", "MODS", f"<!DOCTYPE mods>{MODS}", "a record with a doctype")
record("record.schema-mismatch", "MODS", DC, "Dublin Core called MODS")
record(
    "record.schema-invalid",
    "MODS",
    MODS.replace("</mods>", "<titel>x</titel></mods>"),
    "MODS with a name of its own",
)
record(
    "record.schema-invalid",
    "PREMIS",
    PREMIS.replace("<objectIdentifierType>local</objectIdentifierType>", ""),
    "PREMIS without a type",
    role="preservation",
)
record(
    "record.empty",
    "MODS",
    '<mods xmlns="http://www.loc.gov/mods/v3"><note/></mods>',
    "MODS that says nothing",
)
record(
    "record.without-title",
    "MODS",
    '<mods xmlns="http://www.loc.gov/mods/v3"><note>x</note></mods>',
    "MODS without a title",
)
record("record.identifier-differs", "MODS", MODS, "MODS of another book", name="PPN 987654321")
record(
    "record.version-not-judged",
    "PREMIS",
    '<premis xmlns="info:lc/xmlns/premis-v2" version="2.2"><object>x</object></premis>',
    "PREMIS of an old version",
    role="preservation",
)


def added_record(code: str, name: str, place: str, **changes: Any) -> None:
    """A fault of a record that came besides the item's own."""

    def plant(site: Site) -> Told:
        assert site.item
        added = (
            a_record(site.batch, site.item["item_id"], "PREMIS", PREMIS, "preservation") | changes
        )
        if "sha256" in changes:
            added["file"] = {**added["file"], "sha256": added.pop("sha256")}
        site.item["metadata"].append(added)
        return [(code, f"{site.where}.metadata[{len(site.item['metadata']) - 1}].{place}")]

    CATALOGUE[name] = Fault(name, "item", plant)


added_record("record.role-unknown", "a record of unknown role", "role", role="main")
added_record("record.schema-unknown", "a record of unknown schema", "schema", schema="MARC")
added_record("batch.record-missing", "a record that did not arrive", "file", sha256=NEVER_STAGED)


@fault("structured")
def a_mets_of_other_pages(site: Site) -> Told:
    assert site.item
    pages = [*site.item["pages"], {"file": {"path": "x/9999.tif", "sha256": "f" * 64}}]
    site.item["metadata"] = [mets_of(site.batch, site.item, pages=pages)]
    return [("record.mets-pages-differ", f"{site.where}.metadata[0].file")]


@fault("structured")
def a_mets_in_another_order(site: Site) -> Told:
    assert site.item
    pages = site.item["pages"][::-1]
    site.item["metadata"] = [mets_of(site.batch, site.item, pages=pages)]
    return [("record.mets-pages-differ", f"{site.where}.metadata[0].file")]


@fault("structured")
def a_mets_that_names_a_file_that_is_not_there(site: Site) -> Told:
    assert site.item
    site.item["metadata"] = [mets_of(site.batch, site.item, more="download/vol.pdf")]
    return [("record.mets-files-missing", f"{site.where}.metadata[0].file")]


@fault("structured")
def a_mets_with_another_digest(site: Site) -> Told:
    assert site.item
    site.item["metadata"] = [mets_of(site.batch, site.item, checksum="b" * 64)]
    return [("record.checksum-differs", f"{site.where}.pages[0].file")]


@fault("structured")
def a_mets_that_wraps_wrong_mods(site: Site) -> Told:
    assert site.item
    wrong = '<modz xmlns="http://www.loc.gov/mods/v3"><title>x</title></modz>'
    good = MODS.format(title="x", name=site.batch.fresh())
    site.item["metadata"] = [mets_of(site.batch, site.item, mods=good + wrong)]
    return [("record.mets-invalid", f"{site.where}.metadata[0].file")]


@fault("item")
def a_record_without_content(site: Site) -> Told:
    assert site.item
    record = a_record(site.batch, site.item["item_id"], "MODS", MODS)
    record["file"]["size_bytes"] = 0
    site.item["metadata"] = [record]
    return [("file.empty", f"{site.where}.metadata[0].file")]
