"""What a station decodes is what libvips decodes, from the files of many writers."""

from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image

from processors.header_check import complete_header
from processors.imaging.decode import open_image
from streams.clients.capture import decoded_page
from streams.clients.capture.decoded_page import DecodedPage, decode_page
from tests.images.writers import Kind, kinds

LIBRARIES = ("libvips", "Pillow", "tifffile", "imagecodecs")
RAMP = np.arange(12 * 30, dtype=np.uint16).reshape(12, 30) * 151


def decoded(path: Path, longest_px: int | None = None) -> DecodedPage | None:
    complete = complete_header(path)
    assert not isinstance(complete, str), complete
    return decode_page(path, *complete, longest_px)


def by_libvips(path: Path) -> np.ndarray:
    image = open_image(path)
    return image.numpy().reshape(image.height, image.width, -1)


@pytest.mark.parametrize(
    "kind",
    [kind for kind in kinds() if kind.writer in LIBRARIES],
    ids=lambda one: f"{one.writer} {one.name}",
)
def test_the_samples_are_those_that_libvips_decodes(kind: Kind, tmp_path: Path):
    path = tmp_path / f"page{kind.suffix}"
    kind.write(np.random.default_rng(7), path)

    page = decoded(path)

    assert page is not None
    assert page.full_depth
    assert page.samples.dtype == by_libvips(path).dtype
    assert np.array_equal(page.samples, by_libvips(path))


@pytest.mark.parametrize(
    ("samples", "options"),
    [
        ((RAMP >> 8).astype(np.uint8), {"photometric": "miniswhite", "rowsperstrip": 5}),
        (RAMP, {"photometric": "miniswhite", "byteorder": ">"}),
        (RAMP > 30000, {"photometric": "miniswhite"}),
        (RAMP > 30000, {"photometric": "minisblack", "rowsperstrip": 1}),
        (np.dstack([RAMP, RAMP // 2, RAMP // 3]), {"photometric": "rgb", "rowsperstrip": 5}),
        (
            np.dstack([RAMP, RAMP // 2, RAMP // 3]),
            {"photometric": "rgb", "compression": "lzw", "predictor": True, "rowsperstrip": 5},
        ),
        (np.dstack([RAMP, RAMP // 2, RAMP // 3]), {"photometric": "rgb", "compression": "lzw"}),
        (
            np.stack([RAMP, RAMP // 2, RAMP // 3]),
            {"photometric": "rgb", "planarconfig": "separate", "rowsperstrip": 5},
        ),
    ],
    ids=[
        "8 bits, white is 0", "16 bits, white is 0", "1 bit, white is 0", "1 bit in rows",
        "16 bits in strips", "LZW with predictor", "LZW", "16 bits in planes",
    ],
)  # fmt: skip
def test_the_layouts_of_scanners_are_those_that_libvips_decodes(
    samples: np.ndarray, options: dict[str, object], tmp_path: Path
):
    path = tmp_path / "page.tif"
    with tifffile.TiffWriter(path, byteorder=options.pop("byteorder", "<")) as file:
        file.write(samples, **options)

    page = decoded(path)

    assert page is not None
    assert np.array_equal(page.samples, by_libvips(path))


def test_bits_of_the_lower_bit_first_are_read_in_their_order(tmp_path: Path):
    path, reversed_path = tmp_path / "page.tif", tmp_path / "reversed.tif"
    tifffile.imwrite(path, RAMP > 30000, photometric="minisblack")
    with Image.open(path) as image:
        image.save(reversed_path, tiffinfo={266: 2})

    page = decoded(reversed_path)

    assert page is not None
    assert np.array_equal(page.samples, by_libvips(reversed_path))


def test_pixels_of_16_bits_have_their_higher_byte(tmp_path: Path):
    path = tmp_path / "page.tif"
    tifffile.imwrite(path, RAMP)

    page = decoded(path)

    assert page is not None
    assert np.array_equal(page.pixels[:, :, 0], RAMP >> 8)


def test_a_png_of_16_bits_in_colour_has_8_of_them(tmp_path: Path):
    path = tmp_path / "page.png"
    image = pyvips.Image.new_from_array(np.dstack([RAMP] * 3), interpretation="rgb16")
    image.write_to_file(str(path))

    page = decoded(path)

    assert page is not None
    assert not page.full_depth
    assert np.array_equal(page.pixels[:, :, 0], RAMP >> 8)


def test_a_jpeg_is_decoded_smaller_on_request_but_not_too_small(tmp_path: Path):
    path = tmp_path / "page.jpg"
    Image.new("L", (1600, 1200), 99).save(path)

    page = decoded(path, longest_px=700)

    assert page is not None
    assert page.samples.shape == (600, 800, 1)


def test_an_image_that_is_larger_than_the_memory_of_a_station_is_left_to_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "page.tif"
    tifffile.imwrite(path, RAMP)
    monkeypatch.setattr(decoded_page, "MAX_PIXELS", RAMP.size - 1)

    assert decoded(path) is None


def test_pixels_that_cannot_be_decoded_are_left_to_the_line(tmp_path: Path):
    path = tmp_path / "page.tif"
    tifffile.imwrite(path, RAMP, compression="lzw")
    complete = complete_header(path)
    content = path.read_bytes()
    with tifffile.TiffFile(path) as file:
        start = file.pages[0].dataoffsets[0]
        length = file.pages[0].databytecounts[0]
    path.write_bytes(content[:start] + b"\xff" * length + content[start + length :])

    assert decode_page(path, *complete) is None
