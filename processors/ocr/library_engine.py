"""The engine `tesserocr`: Tesseract as a library in this process, which keeps its models.

Starting the program and loading a model for each page takes a third of the time of a page."""

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyvips

from processors.ocr.engine import MIN_DPI, SINGLE_BLOCK, DetectedScript, Reading
from processors.ocr.installation import model_digest, models_folder
from processors.ocr.output_check import check_complete
from processors.ocr.words import ReadLines
from processors.outcome import ToolCrashed, ToolHung, ToolMissing
from processors.profile_ocr import EngineName

try:
    import tesserocr
except ImportError as error:
    raise ToolMissing(f"the Python package tesserocr cannot be imported: {error}") from None

OSD = "osd"
KEPT = 4
"""Models that stay in memory, each with 10 to 30 MB: of pages in turn, and for samples of lines."""
RENDERED = (".xml", ".hocr", ".txt", ".pdf")
TEXTS, PDF = ("alto", "hocr", "txt"), "pdf"
"""The outputs that the library writes to files."""
STRIP = 50
"""Leptonica makes no PDF of an image whose long side is more than this many times the short one."""
TSV_HEADER = (
    "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num"
    "\tleft\ttop\twidth\theight\tconf\ttext\n"
)
"""The first line that the program writes; the library leaves it out."""


class LibraryEngine:
    """Tesseract as a library. One thread uses it at a time."""

    name: EngineName = "tesserocr"

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[tuple[str, str | None], ...], Any] = OrderedDict()

    def software(self) -> tuple[tuple[str, str], ...]:
        """The Python package, and the Tesseract that its wheel contains."""
        bundled = tesserocr.tesseract_version().split()[1]
        return (("tesserocr", version("tesserocr")), ("tesseract", bundled))

    def read_image(
        self, image: Path, models: tuple[str, ...], *, dpi: int, timeout_seconds: float
    ) -> Reading:
        """Recognise the text of an image."""
        base, shorter = image.with_suffix(""), _as_shorter_strip(image)
        with self._loaded(models, dpi, tesserocr.PSM.AUTO) as api:
            _process(api, image, base, TEXTS if shorter else (*TEXTS, PDF), timeout_seconds)
            tsv = TSV_HEADER + api.GetTSVText(0)
            if shorter:
                _process(api, shorter, base, (PDF,), timeout_seconds)
        outputs = {suffix: _written(base, suffix) for suffix in RENDERED}
        outputs[".tsv"] = tsv.encode()
        check_complete(outputs)
        order = (".xml", ".hocr", ".txt", ".tsv", ".pdf")
        return Reading(*(outputs[suffix] for suffix in order))

    def read_words(
        self, image: Path, models: tuple[str, ...], *, dpi: int, timeout_seconds: float
    ) -> bytes:
        """Recognise the words of an image, as TSV only."""
        with self._loaded(models, dpi, tesserocr.PSM.AUTO) as api:
            api.SetImageFile(str(image))
            _recognize(api, timeout_seconds)
            return (TSV_HEADER + str(api.GetTSVText(0))).encode()

    def read_lines(
        self,
        lines: pyvips.Image,
        model: str,
        *,
        dpi: int,
        timeout_seconds: float,
        scratch: Path,
    ) -> ReadLines:
        """Recognise a grey image of a few lines."""
        pixels = bytes(lines.write_to_memory())
        with self._loaded((model,), dpi, SINGLE_BLOCK) as api:
            api.SetImageBytes(pixels, lines.width, lines.height, 1, lines.width)
            _recognize(api, timeout_seconds)
            return ReadLines(api.GetUTF8Text().strip(), float(max(0, api.MeanTextConf())))

    def detect_script(
        self, image: Path, *, dpi: int, timeout_seconds: float
    ) -> DetectedScript | None:
        """The script of an image; None if it has too little text. The time limit is the step's."""
        with self._loaded((OSD,), dpi, tesserocr.PSM.OSD_ONLY) as api:
            api.SetImageFile(str(image))
            found = api.DetectOrientationScript()
        if not found or not found["script_name"]:
            return None
        return DetectedScript(found["script_name"], round(float(found["script_conf"]), 2))

    @contextmanager
    def _loaded(self, models: tuple[str, ...], dpi: int, segmentation: int) -> Iterator[Any]:
        """The library with these models, set up for one image; it forgets the image afterwards."""
        # A model that was replaced on the disk is another model.
        key = tuple((model, model_digest(model)) for model in models)
        api = self._kept.pop(key, None) or _load(models)
        try:
            # Every reading sets these: the one before may have had others.
            api.SetPageSegMode(segmentation)
            api.SetVariable("user_defined_dpi", str(max(MIN_DPI, dpi)))
            yield api
            api.Clear()
            api.ClearAdaptiveClassifier()
        except BaseException:
            # After a failure its state is unknown.
            api.End()
            raise
        self._kept[key] = api
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)[1].End()


ENGINE = LibraryEngine()


def _load(models: tuple[str, ...]) -> Any:
    names = "+".join(models)
    try:
        api = tesserocr.PyTessBaseAPI(path=f"{models_folder()}/", lang=names)
    except RuntimeError as error:
        raise ToolCrashed(f"tesserocr cannot load the model {names}: {error}") from None
    # It reports empty pages and guessed values on stderr, which is the log of the worker.
    api.SetVariable("debug_file", os.devnull)
    return api


def _process(
    api: Any, image: Path, base: Path, outputs: tuple[str, ...], timeout_seconds: float
) -> None:
    """Recognise an image and write these outputs."""
    for output in (*TEXTS, PDF):
        api.SetVariable(f"tessedit_create_{output}", str(int(output in outputs)))
    # Only to name the failure: the library says that it failed, but not why.
    began = os.times().elapsed
    done = api.ProcessPages(str(base), str(image), timeout=_milliseconds(timeout_seconds))
    if not done and os.times().elapsed - began >= timeout_seconds:
        raise _hung(timeout_seconds)
    if not done:
        raise ToolCrashed("tesserocr could not read the image or write its text")


def _as_shorter_strip(image: Path) -> Path | None:
    """For the PDF of a very long strip: a copy with white below or beside it; else None."""
    try:
        strip = pyvips.Image.new_from_file(str(image))
    except pyvips.Error:
        raise ToolCrashed("the grey copy of the page cannot be read") from None
    width, height = (
        max(side, -(-other // STRIP))
        for side, other in ((strip.width, strip.height), (strip.height, strip.width))
    )
    if (width, height) == (strip.width, strip.height):
        return None
    target = image.with_name(f"{image.stem}-strip.tif")
    strip.embed(0, 0, width, height, extend="white").tiffsave(str(target))
    return target


def _recognize(api: Any, timeout_seconds: float) -> None:
    if not api.Recognize(timeout=_milliseconds(timeout_seconds)):
        raise _hung(timeout_seconds)


def _milliseconds(seconds: float) -> int:
    # 0 would be no limit.
    return max(1, round(seconds * 1000))


def _hung(timeout_seconds: float) -> ToolHung:
    return ToolHung(f"tesserocr gave no answer in {timeout_seconds:g} s")


def _written(base: Path, suffix: str) -> bytes:
    try:
        return base.with_suffix(suffix).read_bytes()
    except FileNotFoundError:
        raise ToolCrashed(f"tesserocr succeeded, but wrote no {suffix} file") from None
