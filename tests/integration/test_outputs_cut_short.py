"""Tesseract does not tell when the end of a file found no room on the disk; we see it ourselves."""

import shutil
from pathlib import Path

import pytesseract
import pytest

from processors.ocr import installation, output_check
from processors.ocr.engine import Reading, engine_named
from processors.outcome import ToolCrashed
from tests.support.corpora import CORPORA

PAGE = CORPORA / "tesseract" / "phototest.tif"
SUFFIXES = (".xml", ".hocr", ".txt", ".tsv", ".pdf")
BUFFER_BYTES = 4096
"""The C library writes so much at once; what is left goes to the disk when a file is closed."""
LOST_BYTES = 3
LIMITED = """#!/bin/sh
trap '' XFSZ
exec prlimit --fsize={size} {tesseract} "$@"
"""


@pytest.fixture
def image(tmp_path: Path) -> Path:
    if not PAGE.exists():
        pytest.skip("../shared is missing")
    return Path(shutil.copy(PAGE, tmp_path / "reading.tif"))


def read(image: Path) -> Reading:
    return engine_named("pytesseract").read_image(image, ("eng",), dpi=200, timeout_seconds=120)


def outputs(reading: Reading) -> dict[str, bytes]:
    kept = (reading.alto, reading.hocr, reading.text, reading.tsv, reading.pdf)
    return dict(zip(SUFFIXES, kept, strict=True))


def test_an_output_that_found_no_room_for_its_end_is_not_taken(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sizes = {name: len(content) for name, content in outputs(read(image)).items()}
    limited = tmp_path / "limited"
    monkeypatch.setattr(pytesseract.pytesseract, "tesseract_cmd", str(limited))
    told = {}
    for name, size in sizes.items():
        script = LIMITED.format(size=size - LOST_BYTES, tesseract=installation.GUARDED)
        limited.write_text(script)
        limited.chmod(0o755)
        with pytest.raises(ToolCrashed) as crashed:
            read(image)
        told[name] = str(crashed.value)

    # What is larger than the limit by more than a buffer is seen by Tesseract itself.
    largest = max(sizes, key=lambda name: sizes[name])
    assert (
        told[largest]
        == f"tesseract succeeded, but its {largest} output is truncated, as on a full disk"
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_each_output_is_seen_to_be_cut_wherever_that_is(image: Path, suffix: str):
    sound = outputs(read(image))
    output_check.check_complete(sound)
    content = sound[suffix]
    for lost in (LOST_BYTES, 10, 100, BUFFER_BYTES):
        with pytest.raises(ToolCrashed, match=f"its {suffix} output is truncated"):
            output_check.check_complete({**sound, suffix: content[: max(0, len(content) - lost)]})
