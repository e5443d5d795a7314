"""Freezes in a profile what depends on the machine that accepts a batch."""

from collections.abc import Collection
from typing import Any

from processors.ocr import installation, languages
from processors.ocr.engine import engine_named


def with_installed(resolved: dict[str, Any]) -> dict[str, Any]:
    """A resolved profile with the software and models that recognise the text of its batch.

    Raises ToolMissing."""
    name, digests = resolved["recognition"]["engine"], installation.model_digests()
    software = dict(engine_named(name).software())
    recognition = {
        "engine": name,
        "software": software,
        "models": digests,
        "model_versions": installation.model_versions(),
    }
    return {**with_candidates(resolved, digests), "recognition": recognition}


def with_candidates(resolved: dict[str, Any], installed: Collection[str]) -> dict[str, Any]:
    """A resolved profile with those of its models for unstated languages that are installed."""
    unstated = resolved["unstated_language"]
    forms = (languages.installed_form(name, installed) for name in unstated["models"])
    frozen = {**unstated, "models": [form for form in forms if form]}
    return {**resolved, "unstated_language": frozen}
