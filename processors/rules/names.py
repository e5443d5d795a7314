"""Checks the profile, institution rules, languages and records of a manifest."""

from collections.abc import Iterator
from itertools import chain

from processors.institution_rules import Rule
from processors.ocr import languages
from processors.rules.codes import diagnostic, finding
from processors.rules.manifest_view import View
from processors.wording import counted
from schemas.models import Diagnostic


def profile_usable(view: View) -> Iterator[Diagnostic]:
    """The scanner profile exists and is valid."""
    looked_up = view.profile
    if looked_up.code is not None:
        known = ", ".join(looked_up.known)
        yield finding(looked_up.code, "scanner_profile", looked_up.found, known=known)


def institution_rules_hold(view: View) -> Iterator[Diagnostic]:
    """The batch satisfies the institution's own rules, which its profile names."""
    document = view.profile.document
    rules = [Rule.model_validate(one) for one in (document["rules"] if document else ())]
    if not rules:
        return
    parts = chain((("batch", view.top),), (("item", item) for item in view.items))
    pages = (("page", page) for _, of_item in view.pages for page in of_item)
    for about, part in chain(parts, pages):
        for rule in rules:
            if rule.about == about:
                where = f"{part.where}.{rule.field}".removeprefix(".")
                for found in rule.violations(part.value):
                    yield diagnostic(rule.code, rule.severity, where, found, rule.fix)


def languages_known(view: View) -> Iterator[Diagnostic]:
    """Every language code is in ISO 639-2."""
    for item, pages in view.pages:
        for part in (item, *pages):
            given = part.value.get("languages")
            for index, code in enumerate(given if isinstance(given, list) else ()):
                if isinstance(code, str) and not languages.known(code):
                    yield finding("language.unknown", f"{part.where}.languages[{index}]", code)


def records_present(view: View) -> Iterator[Diagnostic]:
    """Every item has a descriptive record."""
    for item in view.items:
        records = tuple(item.entries("metadata"))
        if not any(record.text("role") in ("descriptive", "structural") for record in records):
            found = (
                f"{counted(len(records), 'record')}, none descriptive" if records else "no records"
            )
            yield finding("item.without-record", f"{item.where}.metadata", found)
