"""The part of a profile about text recognition."""

from collections.abc import Collection
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from processors.ocr.languages import installed_form


class Part(BaseModel):
    """A frozen part of a profile without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class UnstatedLanguage(Part):
    """How a page is read whose language is not stated."""

    engine: Literal["tesseract"] = "tesseract"
    identification: Literal["py3langid"] = "py3langid"
    """The language model that identifies the language of the text."""
    models: tuple[str, ...] = ("eng", "fra", "deu", "lat", "ita", "spa", "nld", "por", "Fraktur")
    """Recognition models to choose from; those that are not installed are left out when the batch
    is accepted. Pages are tried with the first one. A single model is used without a choice."""


class Ocr(Part):
    """How text is recognised."""

    enabled: bool = True
    dpi: int = 300
    """Masters with a higher resolution are read in a copy with this one."""
    max_long_side_px: int = 6000
    """Maximum long side of the copy if the resolution of the master is unknown."""
    confidence_floor: float = 50.0
    """A page whose mean word confidence (0 to 100) is lower gets a warning."""
    timeout_seconds: float = 150.0
    orientation: bool = True
    """Whether a page with unreadable text is tried rotated."""
    unstated_language: UnstatedLanguage = UnstatedLanguage()


def with_installed(resolved: dict[str, Any], installed: Collection[str]) -> dict[str, Any]:
    """A resolved profile with those of its models for unstated languages that are installed."""
    ocr = resolved["ocr"]
    forms = (installed_form(name, installed) for name in ocr["unstated_language"]["models"])
    frozen = {**ocr["unstated_language"], "models": [form for form in forms if form]}
    return {**resolved, "ocr": {**ocr, "unstated_language": frozen}}
