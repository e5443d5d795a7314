"""Asks Tesseract's model of scripts in which script a page is."""

import re
from dataclasses import dataclass
from pathlib import Path

from processors.ocr import engine

MODEL = "osd"
CERTAIN = 2.0
"""Tesseract's measure. Below, it takes Greek for Latin, and handwriting for anything."""
LATIN = ("Latin", "Fraktur")


@dataclass(frozen=True)
class SeenScript:
    """The script that a page seems to be in."""

    name: str
    """As Tesseract calls it, such as Greek."""
    confidence: float

    @property
    def is_latin(self) -> bool:
        """Whether the page is in Latin script or blackletter, with certainty."""
        return self.name in LATIN and self.confidence >= CERTAIN

    @property
    def described(self) -> str:
        """The script with the confidence."""
        return f"{self.name}, confidence {self.confidence:g}"


def script_of(image: Path, *, dpi: int, timeout_seconds: float) -> SeenScript | None:
    """The script of a page; None with too little text, or if the model is not installed.

    Raises ToolHung and ToolCrashed."""
    if MODEL not in engine.installed_models():
        return None
    told = engine.detect_script(image, dpi=dpi, timeout_seconds=timeout_seconds)
    name = re.search(r"^Script: (\S+)", told, re.MULTILINE)
    confidence = re.search(r"^Script confidence: ([\d.]+)", told, re.MULTILINE)
    return SeenScript(name[1], float(confidence[1])) if name and confidence else None
