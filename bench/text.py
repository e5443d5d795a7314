"""Error rates and processor seconds of both engines and of bare Tesseract, on every set with truth.

Run: python -m bench.text [--corpora FOLDER] [--pages 4] [--record]
"""

import argparse
import os
import resource
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pyvips

from bench.accuracy import text_of_alto
from bench.common import RESULTS, commit, tell
from processors.imaging.decode import write_grey_copy
from processors.ocr.engine import engine_named
from processors.ocr.installation import GUARDED
from processors.ocr.orientation import Image, read_in_best_orientation
from processors.profile_ocr import EngineName
from streams.demo.accuracy import character_error_rate
from streams.demo.collection import make_pages

CORPORA = Path(__file__).resolve().parents[2] / "shared" / "corpora"
COLUMNS = (
    "| date | commit | set | pages | tesserocr, CER | pytesseract, CER | bare, CER |"
    " tesserocr, CPU s/page | pytesseract, CPU s/page | bare, CPU s/page |"
)
ENGINES: tuple[EngineName, ...] = ("tesserocr", "pytesseract")
OUTPUTS = ("alto", "hocr", "txt", "pdf", "tsv")
LEVELS = 5
TIMEOUT_SECONDS = 300.0


@dataclass(frozen=True)
class Page:
    """A page with its truth."""

    path: Path
    model: str
    dpi: float
    truth: str


def sets(corpora: Path, made: Path, count: int) -> Iterator[tuple[str, list[Page]]]:
    """Name and pages of each set: prints of the corpora, and made pages with growing damage."""
    play = corpora / "gallicorpora-18e" / "bpt6k1281160s"
    yield "gallicorpora-18e", [_page(path, ".xml", "fra", 600.0) for path in play.glob("*.jpeg")]
    kant = corpora / "kant-1784" / "data"
    truths = sorted((kant / "OCR-D-GT-ALTO").glob("*.xml"))
    images = (kant / "OCR-D-IMG" / f"INPUT_{path.stem.split('_')[1]}.tif" for path in truths)
    texts = map(text_of_alto, truths)
    yield "kant-1784", [Page(*pair) for pair in _fraktur(images, texts)]
    photo = corpora / "tesseract" / "phototest.tif"
    yield "tesseract", [Page(photo, "eng", 200.0, photo.with_suffix(".txt").read_text("utf-8"))]
    delivery = make_pages(made, count)
    originals = sorted(delivery.folder.rglob("*.tif"), key=lambda path: int(path.stem[1:]))
    for level in range(LEVELS + 1):
        yield (
            f"made, damage {level}",
            [
                Page(_damaged(path, level), "eng", 300.0, truth)
                for path, truth in zip(originals, delivery.truth.values(), strict=True)
            ],
        )


def _fraktur(
    images: Iterator[Path], texts: Iterator[str]
) -> Iterator[tuple[Path, str, float, str]]:
    for image, text in zip(images, texts, strict=True):
        yield image, "Fraktur", 300.0, text


def _page(image: Path, suffix: str, model: str, dpi: float) -> Page:
    truth = image.with_name(image.name.partition(".")[0] + suffix)
    return Page(image, model, dpi, text_of_alto(truth))


def _damaged(path: Path, level: int) -> Path:
    """The page with uneven ground, little contrast, blur and noise, each growing with the level."""
    if not level:
        return path
    image = pyvips.Image.new_from_file(str(path))
    share = 0.45 * level / LEVELS
    across = pyvips.Image.xyz(image.width, image.height)[0] / image.width
    shade = 1 - 0.55 * share * across
    noise = pyvips.Image.gaussnoise(image.width, image.height, sigma=28 * share, seed=level)
    pale = 255 - (255 - image.gaussblur(0.3 + 1.3 * share)) * (1 - 0.6 * share)
    target = path.with_name(f"{path.stem}-damage-{level}.tif")
    per_mm = 300 / 25.4
    done = (pale * shade + noise).cast("uchar").copy(xres=per_mm, yres=per_mm)
    done.tiffsave(str(target))
    return target


def read_by(engine: EngineName, page: Page, folder: Path) -> str:
    """The text that the step makes of a page."""
    path = folder / "reading.tif"
    copy = write_grey_copy(page.path, path, resolution_dpi=page.dpi, dpi=300, max_long_side_px=6000)
    image = Image(engine_named(engine), path, copy.dpi, (page.model,), TIMEOUT_SECONDS)
    return read_in_best_orientation(image, lambda _: None, turn=True).reading.text.decode()


def read_bare(page: Page, folder: Path) -> str:
    """The text that the program makes of the file as it is."""
    base = folder / "bare"
    command = [str(GUARDED), str(page.path), str(base), "-l", page.model, *OUTPUTS]
    subprocess.run(command, capture_output=True, timeout=TIMEOUT_SECONDS, check=True)
    return base.with_suffix(".txt").read_text("utf-8")


def measured(pages: list[Page], read: Callable[[Page], str]) -> tuple[float, float]:
    """Mean error rate and processor seconds of a page."""
    before = _processor_seconds()
    texts = [read(page) for page in pages]
    seconds = (_processor_seconds() - before) / len(pages)
    found = (character_error_rate([(p.truth, t)]) for p, t in zip(pages, texts, strict=True))
    return statistics.mean(rate for rate in found if rate is not None), seconds


def figures(pages: list[Page], folder: Path) -> str:
    """The cells of a set: of each engine, then of bare Tesseract."""
    ways: list[Callable[[Page], str]] = [
        *(partial(read_by, engine, folder=folder) for engine in ENGINES),
        partial(read_bare, folder=folder),
    ]
    results = [measured(pages, way) for way in ways]
    rates, seconds = zip(*results, strict=True)
    return " | ".join([*(f"{rate:.4f}" for rate in rates), *(f"{each:.2f}" for each in seconds)])


def _processor_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in usages)


def main() -> None:
    """Read every set, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, default=CORPORA)
    parser.add_argument("--pages", type=int, default=4, help="made pages of each level")
    parser.add_argument("--record", action="store_true", help=f"append to {RESULTS.name}")
    asked = parser.parse_args()
    os.environ["OMP_THREAD_LIMIT"] = "1"
    date = datetime.now(UTC).date().isoformat()
    with tempfile.TemporaryDirectory(prefix="copystand-bench-") as scratch:
        for name, pages in sets(asked.corpora, Path(scratch) / "made", asked.pages):
            cells = figures(pages, Path(scratch))
            row = f"| {date} | {commit()} | {name} | {len(pages)} | {cells} |"
            tell(COLUMNS, row, asked.record)


if __name__ == "__main__":
    main()
