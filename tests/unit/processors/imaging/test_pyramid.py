"""A pyramid has each half of the image, and its last pixels are those of the image."""

from pathlib import Path

import pytest
import pyvips

from processors.imaging.decode import open_image
from processors.imaging.pyramid import save_pyramid
from processors.imaging.tiff_directory import directories
from processors.imaging.tiff_structure import check
from processors.profile import Pyramid

RED = [200, 20, 20]


def levels(path: Path) -> list[pyvips.Image]:
    count = len(list(directories(path.read_bytes())))
    return [
        pyvips.Image.new_from_file(str(path), page=level, fail_on="warning").copy_memory()
        for level in range(count)
    ]


@pytest.mark.parametrize("tile_px", [64, 256])
@pytest.mark.parametrize("width, height", [(300, 300), (641, 513), (1026, 40), (256, 512), (1, 77)])
def test_the_last_row_and_column_have_the_colour_of_the_image(
    tmp_path: Path, width: int, height: int, tile_px: int
):
    red = (pyvips.Image.black(width, height) + RED).cast("uchar").copy(interpretation="srgb")
    path = tmp_path / f"{width}-{height}-{tile_px}.tif"

    save_pyramid(red, path, Pyramid(tile_px=tile_px))

    found = levels(path)
    assert [(each.width, each.height) for each in found] == [
        (max(1, width >> level), max(1, height >> level)) for level in range(len(found))
    ]
    assert max(found[-1].width, found[-1].height) <= tile_px
    assert max((each - RED).abs().max() for each in found) <= 2


def test_a_pyramid_with_trimmed_tiles_is_a_valid_tiff(tmp_path: Path):
    image = pyvips.Image.gaussnoise(513, 641).cast("uchar").copy(interpretation="b-w")
    path = tmp_path / "pyramid.tif"

    save_pyramid(image, path, Pyramid())

    assert check(path.read_bytes()) == ()
    assert open_image(path).hist_find().width == 256


def test_a_lossless_pyramid_has_the_pixels_of_the_image(tmp_path: Path):
    image = pyvips.Image.gaussnoise(301, 299).cast("uchar").copy(interpretation="b-w")
    path = tmp_path / "pyramid.tif"

    save_pyramid(image, path, Pyramid(compression="lzw"))

    assert (levels(path)[0] - image).abs().max() == 0
