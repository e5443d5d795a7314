"""The station and the line compute the same digest of the pixels of an image."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import pyvips

from processors.header_check import complete_header
from processors.imaging import pixel_digest as line
from streams.clients.capture.pixel_digest import pixels_digest

RAMP = np.arange(24 * 16 * 3, dtype=np.uint16).reshape(16, 24, 3)
GREY, RGB = (RAMP[:, :, 0] % 251).astype(np.uint8), (RAMP % 251).astype(np.uint8)
DEEP_GREY, DEEP_RGB = RAMP[:, :, 0] * 37, RAMP * 37
BLACK_AND_WHITE = np.where(GREY > 100, 255, 0).astype(np.uint8)


def vips(samples: np.ndarray) -> pyvips.Image:
    image = pyvips.Image.new_from_array(samples)
    kinds = {(1, 1): "b-w", (3, 1): "srgb", (1, 2): "grey16", (3, 2): "rgb16"}
    return image.copy(interpretation=kinds[image.bands, samples.dtype.itemsize])


@pytest.mark.parametrize("compression", ["none", "lzw", "deflate"])
@pytest.mark.parametrize(
    "samples", [GREY, RGB, DEEP_GREY, DEEP_RGB], ids=["grey", "rgb", "grey 16", "rgb 16"]
)
def test_the_digest_is_that_of_the_samples_whatever_the_compression(
    samples: np.ndarray, compression: str, tmp_path: Path
):
    path = tmp_path / "page.tif"
    vips(samples).tiffsave(str(path), compression=compression, predictor="horizontal")

    found = both(path)

    expected = sha256(samples.astype(samples.dtype.newbyteorder("<")).tobytes()).hexdigest()
    assert found == (expected, expected)


@pytest.mark.parametrize("miniswhite", [False, True])
def test_a_bitonal_page_has_0_for_black_and_255_for_white(miniswhite: bool, tmp_path: Path):
    path = tmp_path / "page.tif"
    vips(BLACK_AND_WHITE).tiffsave(
        str(path), bitdepth=1, compression="ccittfax4", miniswhite=miniswhite
    )

    expected = sha256(BLACK_AND_WHITE.tobytes()).hexdigest()
    assert both(path) == (expected, expected)


def test_another_lossless_format_has_the_same_digest(tmp_path: Path):
    one, other = tmp_path / "page.tif", tmp_path / "page.png"
    vips(RGB).tiffsave(str(one))
    vips(RGB).pngsave(str(other))

    assert both(one) == both(other)


def test_other_pixels_have_another_digest(tmp_path: Path):
    one, other = tmp_path / "1.tif", tmp_path / "2.tif"
    vips(RGB).tiffsave(str(one))
    changed = RGB.copy()
    changed[3, 4, 1] ^= 1
    vips(changed).tiffsave(str(other))

    assert both(one) != both(other)


def test_a_lossy_page_has_no_digest_because_decoders_differ(tmp_path: Path):
    path = tmp_path / "page.jpg"
    vips(RGB).jpegsave(str(path))

    assert both(path) == (None, None)


def both(path: Path) -> tuple[str | None, str | None]:
    """The digests of the station and of the line."""
    complete = complete_header(path)
    assert not isinstance(complete, str), complete
    family, header = complete
    return pixels_digest(path, family, header), line.pixels_digest(path, header)
