"""Checks of names, languages and records against what the line knows."""

from collections.abc import Iterator

from processors import profile
from processors.ocr import languages
from processors.rules.codes import finding
from processors.rules.view import View
from schemas.models import Diagnostic


def profile_known(view: View) -> Iterator[Diagnostic]:
    """The scanner profile is one of ours."""
    name, known = view.top.text("scanner_profile"), sorted(profile.names())
    if name is not None and name not in known:
        yield finding("profile.unknown", "scanner_profile", name, known=", ".join(known))


def languages_known(view: View) -> Iterator[Diagnostic]:
    """Every language and script is in the table."""
    for item, pages in view.pages:
        for place in (item, *pages):
            given = place.value.get("languages")
            for index, code in enumerate(given if isinstance(given, list) else ()):
                if isinstance(code, str) and not languages.known(code):
                    yield finding("language.unknown", f"{place.where}.languages[{index}]", code)


def records_present(view: View) -> Iterator[Diagnostic]:
    """An item has a record that describes it."""
    for item in view.items:
        records = tuple(item.entries("metadata"))
        if not any(record.text("role") in ("descriptive", "structural") for record in records):
            found = f"{len(records)} records, none descriptive"
            yield finding("item.without-record", f"{item.where}.metadata", found)
