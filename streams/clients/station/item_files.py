"""Sorts the files of an item: its pages, second forms of pages, excluded files, and the others."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from processors.xml.parser import XmlRefused, parse
from processors.xml.submitted_mets import name_key, read_structure
from schemas.models import Diagnostic
from streams.clients.station.digest_lines import Expected
from streams.clients.station.findings import finding
from streams.clients.station.on_disk import nfc
from streams.clients.station.page_candidates import pages_among
from streams.clients.station.scan import DeliveredFile
from streams.clients.station.second_forms import second_forms
from streams.clients.station.sidecar_files import files_in_table


@dataclass
class ItemFiles:
    """The files of an item by what they are."""

    pages: list[DeliveredFile]
    others: list[DeliveredFile]
    reasons: dict[str, Diagnostic] = field(default_factory=dict)
    """Why a file that may be an image is not a page, by file name."""
    diagnostics: list[Diagnostic] = field(default_factory=list)


def sort_files(
    files: list[DeliveredFile],
    choices: dict[str, Any],
    expected: Iterable[Expected],
    table: DeliveredFile | None,
) -> ItemFiles:
    """Sort the files of an item as item.json (`choices`) and pages.csv say."""
    in_table = files_in_table(table) if table else set()
    excluded = {nfc(name) for name in choices.get("exclude", ())}
    unreadable: list[Diagnostic] = []
    pages = pages_among(files, expected, _named_in_mets(files, unreadable), in_table)
    reasons = {
        one.name: finding("file.excluded", one.name, f"identified as {one.description}")
        for one in files
        if nfc(one.base_name) in excluded
    }
    candidates = [one for one in pages if one.name not in reasons]
    for name, taken in second_forms(candidates, choices.get("forms")).items():
        if nfc(name.rpartition("/")[2]) not in in_table:
            form = f"another form of {taken.base_name}, which is the page"
            reasons[name] = finding("page.second-form", name, form)
    kept = [one for one in candidates if one.name not in reasons]
    taken_names = {one.name for one in kept}
    others = [one for one in files if one.name not in taken_names and one.name not in reasons]
    found = [*reasons.values(), *_unknown_names(files, excluded), *unreadable]
    return ItemFiles(kept, others, reasons, found)


def _unknown_names(files: list[DeliveredFile], excluded: set[str]) -> list[Diagnostic]:
    unknown = excluded - {nfc(one.base_name) for one in files}
    return [finding("item-json.exclude-unknown", "item.json", name) for name in sorted(unknown)]


def _named_in_mets(files: list[DeliveredFile], unreadable: list[Diagnostic]) -> set[str]:
    """Names of the files of pages in the METS of an item, as name_key; reports what it cannot
    read."""
    named: set[str] = set()
    for one in files:
        if one.root is not None and one.root.schema == "METS":
            try:
                pages = read_structure(parse(one.path.read_bytes())).pages
            except XmlRefused:
                continue
            except OSError as failed:
                unreadable.append(finding("file.unreadable", one.name, failed.strerror or failed))
                continue
            named |= {name_key(name) for page in pages for name in page.names}
    return named
