"""The part of a profile about text recognition."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

EngineName = Literal["pytesseract", "tesserocr"]
"""The engines that recognise text."""
NOT_READ = ("target", "blank", "missing")
"""Kinds of page without text of the item."""


class Part(BaseModel):
    """A frozen part of a profile without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class UnstatedLanguage(Part):
    """How a page is read whose language is not stated."""

    engine: Literal["tesseract"] = "tesseract"
    identification: Literal["py3langid"] = "py3langid"
    """The language model that identifies the language of the text."""
    models: tuple[str, ...] = (
        *("eng", "fra", "deu", "lat", "ita", "spa", "nld", "por", "Fraktur"),
        *("Greek", "Cyrillic", "Hebrew", "Arabic"),
    )
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


class Recognition(Part):
    """What recognises the text. All but the engine is set when a batch is accepted."""

    engine: EngineName = "pytesseract"
    """A profile that does not name one, such as one of an earlier version, means this one."""
    software: dict[str, str] | None = None
    """Names and versions of the programs of the engine."""
    models: dict[str, str] | None = None
    """The installed models, each with its digest as sha256:HEX."""
    model_versions: dict[str, str] | None = None
    """The versions that the files of the models state."""
