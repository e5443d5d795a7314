"""One pass of Tesseract over an image, and what this machine's Tesseract can read."""

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytesseract

from processors.ocr.output_check import check_complete
from processors.outcome import ToolCrashed, ToolHung

GUARDED = Path(__file__).parent / "bin" / "tesseract"
"""Tesseract with one thread, killed when its caller dies."""
pytesseract.pytesseract.tesseract_cmd = str(GUARDED)

LOWEST_DPI = 70
"""Tesseract takes lower figures for an error and guesses."""
LISTING_SECONDS = 30
WORDS = "-c tessedit_create_alto=1 -c tessedit_create_tsv=1"
"""The two outputs that tell of each other whether they are whole."""


@dataclass(frozen=True)
class Reading:
    """The five outputs of one pass, as Tesseract wrote them."""

    alto: bytes
    hocr: bytes
    text: bytes
    tsv: bytes
    pdf: bytes


@cache
def installed_models() -> frozenset[str]:
    """The models that Tesseract finds here. Raises ToolCrashed when it does not answer."""
    return frozenset(_ask("--list-langs").splitlines()[1:])


@cache
def tesseract_version() -> str:
    """The version of Tesseract, such as 5.3.0. Raises ToolCrashed when it does not answer."""
    first = (_ask("--version").splitlines() or [""])[0]
    return first.removeprefix("tesseract").strip()


def read_image(
    image: Path, models: tuple[str, ...], *, dpi: int, timeout_seconds: float
) -> Reading:
    """Recognise the text of an image in one pass. Raises ToolHung and ToolCrashed."""
    suffixes = (".xml", ".hocr", ".txt", ".tsv", ".pdf")
    return Reading(*_run(image, models, dpi, timeout_seconds, "hocr txt pdf", suffixes))


def read_words(image: Path, models: tuple[str, ...], *, dpi: int, timeout_seconds: float) -> bytes:
    """The words of an image as TSV and nothing else. Raises ToolHung and ToolCrashed."""
    return _run(image, models, dpi, timeout_seconds, "", (".tsv", ".xml"))[0]


def _run(
    image: Path,
    models: tuple[str, ...],
    dpi: int,
    timeout_seconds: float,
    wanted: str,
    suffixes: tuple[str, ...],
) -> tuple[bytes, ...]:
    base = image.with_suffix("")
    try:
        # A path is passed on as it is; an image object would be compressed to PNG first.
        pytesseract.pytesseract.run_tesseract(
            str(image),
            str(base),
            wanted,
            "+".join(models),
            config=f"{WORDS} --dpi {max(LOWEST_DPI, dpi)}",
            timeout=timeout_seconds,
        )
        outputs = {suffix: base.with_suffix(suffix).read_bytes() for suffix in suffixes}
    except pytesseract.TesseractNotFoundError:
        raise ToolCrashed("tesseract is not installed") from None
    except pytesseract.TesseractError as error:
        raise ToolCrashed(f"tesseract ended with {error.status}: {error.message[:300]}") from None
    except RuntimeError:
        # pytesseract has no class of its own for this.
        raise ToolHung(f"tesseract gave no answer in {timeout_seconds:g} s") from None
    except FileNotFoundError as missing:
        name = Path(str(missing.filename)).suffix
        raise ToolCrashed(f"tesseract succeeded, but wrote no {name} file") from None
    check_complete(outputs)
    return tuple(outputs.values())


def _ask(question: str) -> str:
    try:
        answer = subprocess.run(
            [str(GUARDED), question],
            capture_output=True,
            text=True,
            timeout=LISTING_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolCrashed(f"tesseract {question} gave no answer: {error}") from None
    return answer.stdout
