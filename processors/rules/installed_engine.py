"""Checks that the OCR engine of the profile of a manifest is installed."""

from collections.abc import Iterator

from processors.ocr.engine import engine_named
from processors.outcome import ToolMissing
from processors.rules.codes import finding
from processors.rules.manifest_view import View
from schemas.models import Diagnostic


def engine_installed(view: View) -> Iterator[Diagnostic]:
    """The engine of the profile is installed on this machine; a profile without OCR needs none."""
    document = view.profile.document
    if document is None or not document["ocr"]["enabled"]:
        return
    try:
        engine_named(document["recognition"]["engine"])
    except ToolMissing as missing:
        yield finding("profile.engine-missing", "scanner_profile", str(missing))
