"""Asks Tesseract's model of scripts in which script a page is."""

from processors.ocr import installation
from processors.ocr.engine import DetectedScript
from processors.ocr.orientation import Image

MODEL = "osd"
CERTAIN = 2.0
"""Tesseract's measure. Below, it takes Greek for Latin, and handwriting for anything."""
LATIN = ("Latin", "Fraktur")


def script_of(image: Image) -> DetectedScript | None:
    """The script of a page; None with too little text, or if the model is not installed.

    Raises ToolHung and ToolCrashed."""
    if MODEL not in installation.installed_models():
        return None
    return image.engine.detect_script(
        image.path, dpi=image.dpi, timeout_seconds=image.timeout_seconds
    )


def is_certainly_latin(seen: DetectedScript) -> bool:
    """Whether the page is in Latin script or blackletter, with certainty."""
    return seen.name in LATIN and seen.confidence >= CERTAIN


def described(seen: DetectedScript) -> str:
    """The script with the confidence."""
    return f"{seen.name}, confidence {seen.confidence:g}"
