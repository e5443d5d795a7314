"""The seam between the steps and the engines that recognise text: what every engine can do."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from processors.ocr.words import ReadLines
from processors.profile_ocr import EngineName

if TYPE_CHECKING:
    # Commands import this module; loading libvips would slow their start.
    import pyvips

MODULES: dict[EngineName, str] = {
    "pytesseract": "processors.ocr.program_engine",
    "tesserocr": "processors.ocr.library_engine",
}
MIN_DPI = 70
"""Tesseract ignores a lower resolution and guesses."""
SINGLE_BLOCK = 6
"""Tesseract's page segmentation mode for lines without other parts of a page."""


@dataclass(frozen=True)
class Reading:
    """The five outputs of one reading, as written by Tesseract."""

    alto: bytes
    hocr: bytes
    text: bytes
    tsv: bytes
    pdf: bytes


@dataclass(frozen=True)
class DetectedScript:
    """The script that Tesseract's model of scripts detects."""

    name: str
    """As Tesseract calls it, such as Greek."""
    confidence: float


class Engine(Protocol):
    """Recognises text. The methods that read raise ToolHung, ToolCrashed and ToolMissing.

    The same image, models and software give the same bytes, whatever was read before; only the
    creation date in the PDF differs."""

    name: EngineName

    def software(self) -> tuple[tuple[str, str], ...]:
        """Names and versions of the programs that make the text. Raises ToolMissing."""
        ...

    def read_image(
        self, image: Path, models: tuple[str, ...], *, dpi: int, timeout_seconds: float
    ) -> Reading:
        """Recognise the text of an image. The outputs are complete."""
        ...

    def read_words(
        self, image: Path, models: tuple[str, ...], *, dpi: int, timeout_seconds: float
    ) -> bytes:
        """Recognise the words of an image, as TSV only."""
        ...

    def read_lines(
        self,
        lines: "pyvips.Image",
        model: str,
        *,
        dpi: int,
        timeout_seconds: float,
        scratch: Path,
    ) -> ReadLines:
        """Recognise a grey image of a few lines."""
        ...

    def detect_script(
        self, image: Path, *, dpi: int, timeout_seconds: float
    ) -> DetectedScript | None:
        """The script of an image; None if it has too little text."""
        ...


def engine_named(name: EngineName) -> Engine:
    """The engine that a profile names. Raises ToolMissing if it is not installed."""
    # Imported on first use: a machine without the wheel of one engine works with the other one.
    return cast(Engine, import_module(MODULES[name]).ENGINE)
