"""The engine `pytesseract`: runs the installed program Tesseract, once for each reading."""

import re
import subprocess
from pathlib import Path

import pytesseract
import pyvips

from processors.ocr import line_reader
from processors.ocr.engine import MIN_DPI, SINGLE_BLOCK, DetectedScript, Reading
from processors.ocr.installation import GUARDED, program_version
from processors.ocr.output_check import check_complete
from processors.ocr.words import ReadLines, words_of
from processors.outcome import ToolCrashed, ToolHung, ToolMissing
from processors.profile_ocr import EngineName

pytesseract.pytesseract.tesseract_cmd = str(GUARDED)

CANNOT_RUN = (126, 127)
"""Exit statuses of a program that does not start, such as one whose library is missing."""
CHECKED_OUTPUTS = "-c tessedit_create_alto=1 -c tessedit_create_tsv=1"
"""The two outputs whose words are compared to detect truncation."""


class ProgramEngine:
    """Tesseract as a program."""

    name: EngineName = "pytesseract"

    def software(self) -> tuple[tuple[str, str], ...]:
        """The program with its version; the Python package only starts it."""
        return (("tesseract", program_version()),)

    def read_image(
        self, image: Path, models: tuple[str, ...], *, dpi: int, timeout_seconds: float
    ) -> Reading:
        """Recognise the text of an image."""
        suffixes = (".xml", ".hocr", ".txt", ".tsv", ".pdf")
        return Reading(*_run(image, models, dpi, timeout_seconds, "hocr txt pdf", suffixes))

    def read_words(
        self, image: Path, models: tuple[str, ...], *, dpi: int, timeout_seconds: float
    ) -> bytes:
        """Recognise the words of an image, as TSV only."""
        return _run(image, models, dpi, timeout_seconds, "", (".tsv", ".xml"))[0]

    def read_lines(
        self,
        lines: pyvips.Image,
        model: str,
        *,
        dpi: int,
        timeout_seconds: float,
        scratch: Path,
    ) -> ReadLines:
        """Read the lines with the library of the program, or start the program without it."""
        found = line_reader.read_lines(lines, model, dpi=dpi)
        if found is not None:
            return found
        path = scratch / "lines.tif"
        lines.tiffsave(str(path), keep="none")
        tsv, _ = _run(
            path,
            (model,),
            dpi,
            timeout_seconds,
            "",
            (".tsv", ".xml"),
            f"--psm {SINGLE_BLOCK}",
        )
        words = words_of(tsv)
        return ReadLines(" ".join(word.text for word in words.all), words.mean_confidence or 0.0)

    def detect_script(
        self, image: Path, *, dpi: int, timeout_seconds: float
    ) -> DetectedScript | None:
        """The script of an image; None if it has too little text."""
        found = _script_report(image, dpi, timeout_seconds)
        name = re.search(r"^Script: (\S+)", found, re.MULTILINE)
        confidence = re.search(r"^Script confidence: ([\d.]+)", found, re.MULTILINE)
        return DetectedScript(name[1], float(confidence[1])) if name and confidence else None


ENGINE = ProgramEngine()


def _script_report(image: Path, dpi: int, timeout_seconds: float) -> str:
    """What the program reports about the script, in lines; empty if there is too little text."""
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
