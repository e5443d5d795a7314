"""Freezes in a profile what depends on the machine that accepts a batch."""

from collections.abc import Collection
from typing import Any

from processors.ocr import languages


def with_installed(resolved: dict[str, Any], installed: Collection[str]) -> dict[str, Any]:
    """A resolved profile with those of its models for unstated languages that are installed."""
    ocr = resolved["ocr"]
    forms = (
        languages.installed_form(name, installed) for name in ocr["unstated_language"]["models"]
    )
    frozen = {**ocr["unstated_language"], "models": [form for form in forms if form]}
    return {**resolved, "ocr": {**ocr, "unstated_language": frozen}}
