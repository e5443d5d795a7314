"""Processor seconds of recognize_page without a stated language, compared with a stated one."""

import argparse
import os
import resource
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyvips

from processors import profile
from processors.enrich import language_guess
from processors.frozen_profile import with_installed
from processors.outcome import Done
from processors.recognize_page import recognize_page
from processors.tools import Area, Tools
from schemas.models import PageAcquired, PageRecognized
from streams.storage.memory import MemoryStorage

CORPORA = Path(__file__).resolve().parents[2] / "shared" / "corpora"
REPETITIONS = 2


@dataclass(frozen=True)
class Page:
    """A page of a corpus, whose language is known."""

    path: Path
    language: str
    script: str | None = None
    dpi: float = 300.0


def pages(corpora: Path) -> Iterator[Page]:
    """French, German in Fraktur and English."""
    for path in sorted((corpora / "gallicorpora-18e" / "bpt6k1281160s").glob("*.jpeg")):
        yield Page(path, "fra", dpi=600.0)
    for path in sorted((corpora / "kant-1784" / "data" / "OCR-D-IMG").glob("*.tif")):
        yield Page(path, "deu", "Latf")
    yield Page(corpora / "tesseract" / "8071_093.3B.tif", "eng")


def main() -> None:
    """Read every page in both ways, and print the seconds."""
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--corpora", type=Path, default=CORPORA)
    given = told.parse_args()
    # As in the worker's pool; the language model is loaded once in a process.
    os.environ["OMP_THREAD_LIMIT"] = "1"
    language_guess.guess("The model is loaded once in a process.")
    totals, right, count = {"stated": 0.0, "unstated": 0.0}, 0, 0
    for page in pages(given.corpora):
        stated, first = _measured(page, (page.language,), page.script)
        unstated, second = _measured(page, (), None)
        totals["stated"] += stated
        totals["unstated"] += unstated
        right, count = right + (first.models == second.models), count + 1
        print(f"{page.path.name}: {stated:.2f} s, {unstated:.2f} s, {'+'.join(second.models)}")
    ratio = totals["unstated"] / totals["stated"]
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in totals.items())
    print(f"{count} pages, {right} with the model of their language; {seconds}; {ratio:.3f}")


def _measured(
    page: Page, languages: tuple[str, ...], script: str | None
) -> tuple[float, PageRecognized]:
    """The least seconds of several readings, and the result."""
    runs = [_read(page, languages, script) for _ in range(REPETITIONS)]
    return min(seconds for seconds, _ in runs), runs[0][1]


def _read(
    page: Page, languages: tuple[str, ...], script: str | None
) -> tuple[float, PageRecognized]:
    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(storage=MemoryStorage(Path(folder) / "store"), scratch=Path(folder))
        fact = PageAcquired.model_construct(**_fields(page, tools, languages, script))
        began = _processor_seconds()
        outcome = recognize_page(fact, tools)
        seconds = _processor_seconds() - began
    assert isinstance(outcome, Done), outcome
    [result] = outcome.facts
    assert isinstance(result, PageRecognized)
    return seconds, result


def _fields(
    page: Page, tools: Tools, languages: tuple[str, ...], script: str | None
) -> dict[str, Any]:
    from tests.support.builders import a_head

    image = pyvips.Image.new_from_file(str(page.path))
    frozen = with_installed(profile.resolve("as-delivered"))
    files = (
        tools.storage.keep(page.path, area=Area.MASTERS, use="master", media_type="image/tiff"),
        tools.storage.keep(
            profile.canonical(frozen), area=Area.RECORDS, use="profile", media_type="text/plain"
        ),
    )
    return {
        **{"head": a_head(), "languages": languages, "script": script, "files": files},
        **{"width_px": image.width, "height_px": image.height, "resolution_dpi": page.dpi},
        **{"kind": "page", "ref": "0001", "sequence": 1, "orientation": 1},
        **{"original_name": page.path.name, "optional_branches": ()},
    }


def _processor_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in usages)


if __name__ == "__main__":
    main()
