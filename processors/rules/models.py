"""Check of a manifest's languages against the recognition models that are installed."""

from collections.abc import Iterator

from processors.manifest import Manifest
from processors.ocr import engine as ocr
from processors.ocr import languages
from processors.page_list import languages_of, script_of
from processors.rules.codes import finding
from schemas.models import Diagnostic

UNREAD_KINDS = ("missing", "target")


def models_installed(manifest: Manifest) -> Iterator[Diagnostic]:
    """Every language can be read; one that cannot is told once, where it is first needed.

    Raises ToolCrashed when Tesseract does not answer."""
    needed: dict[tuple[str, str | None], str] = {}
    for at, item in enumerate(manifest.items):
        for number, page in enumerate(item.pages):
            if page.kind in UNREAD_KINDS:
                continue
            own = f".pages[{number}]" if page.languages else ""
            for code in languages_of(item, page):
                needed.setdefault((code, script_of(item, page)), f"items[{at}]{own}.languages")
    installed = ocr.installed_models()
    for (code, script), where in needed.items():
        for missing in languages.missing_models((code,), script, installed):
            yield _missing(where, missing, script)


def _missing(where: str, missing: languages.MissingModel, script: str | None) -> Diagnostic:
    models = " or ".join(missing.candidates) or "none that is known"
    found = f"{missing.code}{f' in {script}' if script else ''} needs the model {models}"
    first = missing.candidates[0].lower().replace("_", "-") if missing.candidates else "LANGUAGE"
    return finding(
        "language.model-missing", where, found, install=f"apt-get install tesseract-ocr-{first}"
    )
