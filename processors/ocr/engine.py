"""Runs Tesseract on an image, and lists the installed models."""

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytesseract

from processors.ocr.output_check import check_complete
from processors.outcome import ToolCrashed, ToolHung, ToolMissing

GUARDED = Path(__file__).parent / "bin" / "tesseract"
"""Wrapper that runs Tesseract with one thread and ends it together with its caller."""
pytesseract.pytesseract.tesseract_cmd = str(GUARDED)

MIN_DPI = 70
"""Tesseract ignores a lower resolution and guesses."""
LISTING_SECONDS = 30
CANNOT_RUN = (126, 127)
"""Exit statuses of a program that does not start, such as one whose library is missing."""
CHECKED_OUTPUTS = "-c tessedit_create_alto=1 -c tessedit_create_tsv=1"
"""The two outputs whose words are compared to detect truncation."""


@dataclass(frozen=True)
class Reading:
    """The five outputs of one run, as written by Tesseract."""

    alto: bytes
    hocr: bytes
    text: bytes
    tsv: bytes
    pdf: bytes


@cache
def installed_models() -> frozenset[str]:
    """The installed models. Raises ToolMissing."""
    return frozenset(_query("--list-langs").splitlines()[1:])


@cache
def tesseract_version() -> str:
    """The version of Tesseract, such as 5.3.0. Raises ToolMissing."""
    first = (_query("--version").splitlines() or [""])[0]
    return first.removeprefix("tesseract").strip()


def read_image(
    image: Path, models: tuple[str, ...], *, dpi: int, timeout_seconds: float
) -> Reading:
    """Recognise the text of an image. Raises ToolHung and ToolCrashed."""
    suffixes = (".xml", ".hocr", ".txt", ".tsv", ".pdf")
    return Reading(*_run(image, models, dpi, timeout_seconds, "hocr txt pdf", suffixes))


def read_words(
    image: Path,
    models: tuple[str, ...],
    *,
    dpi: int,
    timeout_seconds: float,
    segmentation: int | None = None,
) -> bytes:
    """Recognise the words of an image, as TSV only. Raises ToolHung and ToolCrashed."""
    layout = f"--psm {segmentation}" if segmentation is not None else ""
    return _run(image, models, dpi, timeout_seconds, "", (".tsv", ".xml"), layout)[0]


def detect_script(image: Path, *, dpi: int, timeout_seconds: float) -> str:
    """What Tesseract tells about the script of an image, in lines; empty if it has too little text.

    Raises ToolHung, ToolCrashed and ToolMissing."""
    command = [str(GUARDED), str(image), "-", "--psm", "0", "--dpi", str(max(MIN_DPI, dpi))]
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout_seconds, check=False)
    except subprocess.TimeoutExpired:
        raise ToolHung(f"tesseract gave no answer in {timeout_seconds:g} s") from None
    except OSError as missing:
        raise ToolMissing(f"tesseract does not start: {missing}") from None
    if done.returncode in CANNOT_RUN:
        raise ToolMissing(f"tesseract ended with {done.returncode}")
    if done.returncode < 0:
        raise ToolCrashed(f"tesseract ended with {done.returncode}")
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def _run(
    image: Path,
    models: tuple[str, ...],
    dpi: int,
    timeout_seconds: float,
    wanted: str,
    suffixes: tuple[str, ...],
    layout: str = "",
) -> tuple[bytes, ...]:
    base = image.with_suffix("")
    try:
        # pytesseract passes a path on; it would write an image object as PNG first.
        pytesseract.pytesseract.run_tesseract(
            str(image),
            str(base),
            wanted,
            "+".join(models),
            config=f"{CHECKED_OUTPUTS} --dpi {max(MIN_DPI, dpi)} {layout}".rstrip(),
            timeout=timeout_seconds,
        )
        outputs = {suffix: base.with_suffix(suffix).read_bytes() for suffix in suffixes}
    except pytesseract.TesseractNotFoundError:
        raise ToolMissing("tesseract is not installed") from None
    except pytesseract.TesseractError as error:
        kind = ToolMissing if error.status in CANNOT_RUN else ToolCrashed
        raise kind(f"tesseract ended with {error.status}: {error.message[:300]}") from None
    except RuntimeError:
        # pytesseract raises a plain RuntimeError on timeout.
        raise ToolHung(f"tesseract gave no answer in {timeout_seconds:g} s") from None
    except FileNotFoundError as missing:
        name = Path(str(missing.filename)).suffix
        raise ToolCrashed(f"tesseract succeeded, but wrote no {name} file") from None
    check_complete(outputs)
    return tuple(outputs.values())


def _query(option: str) -> str:
    try:
        answer = subprocess.run(
            [str(GUARDED), option],
            capture_output=True,
            text=True,
            timeout=LISTING_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolMissing(f"tesseract {option} gave no answer: {error}") from None
    return answer.stdout
