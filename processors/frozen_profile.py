"""Freezes in a profile what depends on the machine that accepts a batch."""

from collections.abc import Collection
from typing import Any

from processors.ocr import languages


def with_installed(resolved: dict[str, Any], installed: Collection[str]) -> dict[str, Any]:
    """A resolved profile with those of its models for unstated languages that are installed."""
    unstated = resolved["unstated_language"]
    forms = (languages.installed_form(name, installed) for name in unstated["models"])
    frozen = {**unstated, "models": [form for form in forms if form]}
    return {**resolved, "unstated_language": frozen}
