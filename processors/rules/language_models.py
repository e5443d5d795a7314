"""Checks that recognition models for the languages of a manifest are installed."""

from collections.abc import Collection, Iterator
from typing import Any

from processors.ocr import installation, languages
from processors.ocr.languages import UNDETERMINED
from processors.profile_ocr import NOT_READ
from processors.rules.codes import finding
from processors.rules.manifest_view import ManifestPath, View
from schemas.models import Diagnostic

Need = tuple[str, str | None]
"""A language and a script."""


def models_installed(view: View) -> Iterator[Diagnostic]:
    """Every language has an installed model; a missing model is reported once.

    An invalid profile counts as one with OCR, so that all findings are reported at once. Raises
    ToolMissing if Tesseract does not answer."""
    document = view.profile.document
    if document is not None and not document["ocr"]["enabled"]:
        return
    needed: dict[Need, str] = {}
    unstated: str | None = None
    for item, pages in view.pages:
        for page in pages:
            if page.value.get("kind") not in NOT_READ and page.value.get("text") is None:
                for need, where in _needs(item, page):
                    if languages.is_stated((need[0],), need[1]):
                        needed.setdefault(need, where)
                    else:
                        unstated = unstated or where
    installed = installation.installed_models() if needed or unstated else frozenset()
    if unstated and document and not _candidates(document, installed):
        yield _missing(unstated, languages.MissingModel(UNDETERMINED, _wanted(document)), None)
    for (code, script), where in needed.items():
        for missing in languages.missing_models((code,), script, installed):
            yield _missing(where, missing, script)


def _needs(item: ManifestPath, page: ManifestPath) -> Iterator[tuple[Need, str]]:
    """The languages that a page needs and where they are stated; unknown codes are reported
    elsewhere."""
    at = page if page.listed("languages") else item
    script = page.text("script") or item.text("script")
    if script is not None and not languages.known_script(script):
        return
    for code in languages.to_read(one for one in at.listed("languages") if isinstance(one, str)):
        if languages.known(code):
            yield (code, script), f"{at.where}.languages"


def _wanted(document: dict[str, Any]) -> tuple[str, ...]:
    return tuple(document["unstated_language"]["models"])


def _candidates(document: dict[str, Any], installed: Collection[str]) -> list[str]:
    return [model for model in _wanted(document) if languages.installed_form(model, installed)]


def _missing(where: str, missing: languages.MissingModel, script: str | None) -> Diagnostic:
    models = " or ".join(missing.candidates) or "of an unknown name"
    found = f"{missing.code}{f' in {script}' if script else ''} requires the model {models}"
    first = missing.candidates[0].lower().replace("_", "-") if missing.candidates else "LANGUAGE"
    return finding(
        "language.model-missing", where, found, install=f"apt-get install tesseract-ocr-{first}"
    )
