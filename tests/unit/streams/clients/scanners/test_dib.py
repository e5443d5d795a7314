"""A bitmap of Windows becomes a TIFF with the same pixels, or is refused."""

import ctypes as ct
from pathlib import Path

import numpy as np
import pytest
import pyvips

from streams.clients.scanners.dib import read_dib, write_tiff
from streams.clients.scanners.scanner_driver import ScannerProblem
from tests.support.twain_manager import bitmap, picture


def written(content: bytes, path: Path) -> pyvips.Image:
    buffer = ct.create_string_buffer(content, len(content))
    write_tiff(path, read_dib(ct.addressof(buffer)), (300, 300), None)
    return pyvips.Image.new_from_file(str(path), fail_on="warning")


def changed(content: bytes, at: int, value: int, size: int = 4) -> bytes:
    return content[:at] + value.to_bytes(size, "little", signed=True) + content[at + size :]


@pytest.mark.parametrize("pixel_type", [0, 1, 2])
def test_pixels_stay_as_they_are(pixel_type: int, tmp_path: Path):
    pixels = picture(pixel_type, 1)

    found = written(bitmap(pixels, pixel_type), tmp_path / "page.tif").numpy()

    assert np.array_equal(found.reshape(pixels.shape), pixels)


def test_rows_from_the_top_stay_in_order(tmp_path: Path):
    pixels = picture(2, 1)
    content = changed(bitmap(pixels[::-1], 2), 8, -len(pixels))

    assert np.array_equal(written(content, tmp_path / "page.tif").numpy(), pixels)


def test_a_palette_from_white_to_black_is_resolved(tmp_path: Path):
    pixels = picture(1, 1)
    content = bytearray(bitmap(pixels, 1))
    content[40 : 40 + 1024] = b"".join(bytes((255 - n,) * 3 + (0,)) for n in range(256))

    found = written(bytes(content), tmp_path / "page.tif").numpy()

    assert np.array_equal(found, 255 - pixels)


def test_a_coloured_palette_becomes_rgb(tmp_path: Path):
    pixels = picture(1, 1)
    content = bytearray(bitmap(pixels, 1))
    content[40 : 40 + 1024] = b"".join(bytes((n, 255 - n, 7, 0)) for n in range(256))

    found = written(bytes(content), tmp_path / "page.tif").numpy()

    assert np.array_equal(found[:, :, 2], pixels)
    assert np.array_equal(found[:, :, 1], 255 - pixels)
    assert (found[:, :, 0] == 7).all()


@pytest.mark.parametrize(
    ("at", "value", "size"),
    [(14, 16, 2), (16, 1, 4), (4, 0, 4), (4, -5, 4), (8, 0, 4), (8, 2**31 - 1, 4)],
    ids=["16 bits", "compressed", "no width", "negative width", "no height", "huge"],
)
def test_another_form_is_refused(at: int, value: int, size: int):
    content = changed(bitmap(picture(2, 1), 2), at, value, size)
    buffer = ct.create_string_buffer(content, len(content))

    with pytest.raises(ScannerProblem) as problem:
        read_dib(ct.addressof(buffer))

    assert problem.value.code == "scanner.answer-invalid"
