"""The grey copy shows the page without extra samples and pyramid levels."""

from pathlib import Path

import pytest
import pyvips

from processors.imaging.alpha import ALPHA_TAG, alpha_of, on_white
from processors.imaging.decode import GreyCopy, write_grey_copy
from processors.imaging.derivatives import Master


def copied(master: Path, dpi: int = 300) -> tuple[GreyCopy, pyvips.Image]:
    target = master.with_name("grey.tif")
    found = write_grey_copy(master, target, resolution_dpi=300.0, dpi=dpi, max_long_side_px=10_000)
    return found, pyvips.Image.new_from_file(str(target))


def a_tiff(path: Path, image: pyvips.Image, *kinds: int) -> Path:
    """The image as TIFF whose further samples are of these kinds (ExtraSamples, TIFF 6.0)."""
    image.copy(interpretation="srgb").tiffsave(str(path))
    data = bytearray(path.read_bytes())
    at = data.index((ALPHA_TAG).to_bytes(2, "little") + b"\x03\x00")
    assert int.from_bytes(data[at + 4 : at + 8], "little") == len(kinds) <= 2
    for number, kind in enumerate(kinds):
        data[at + 8 + 2 * number : at + 10 + 2 * number] = kind.to_bytes(2, "little")
    path.write_bytes(bytes(data))
    return path


def samples(*values: int) -> pyvips.Image:
    return (pyvips.Image.black(60, 40, bands=len(values)) + list(values)).cast("uchar")


@pytest.mark.parametrize("fourth", [0, 255])
def test_a_sample_that_is_not_alpha_is_ignored(tmp_path: Path, fourth: int) -> None:
    _, grey = copied(a_tiff(tmp_path / "infrared.tif", samples(50, 50, 50, fourth), 0))

    assert grey(20, 20) == pytest.approx([50], abs=2)


def test_alpha_is_flattened_on_white(tmp_path: Path) -> None:
    _, grey = copied(a_tiff(tmp_path / "alpha.tif", samples(50, 50, 50, 0), 2))

    assert grey(20, 20) == [255]


@pytest.mark.parametrize(("kinds", "alpha"), [((2, 0), 0), ((0, 2), 1), ((0, 0), None)])
def test_of_two_extra_samples_the_alpha_sample_is_used(
    tmp_path: Path, kinds: tuple[int, int], alpha: int | None
) -> None:
    further = [255 if number == alpha else 128 for number in (0, 1)]
    path = a_tiff(tmp_path / "both.tif", samples(200, 30, 30, *further), *kinds)

    assert alpha_of(path) == alpha
    assert on_white(pyvips.Image.new_from_file(str(path)), alpha)(20, 20) == [200, 30, 30]
    shown = Master(path, resolution_dpi=300.0, negative=False).screen_image(60)
    assert shown(20, 20) == pytest.approx([200, 30, 30], abs=2)


def test_a_pyramid_is_read_at_its_full_size(tmp_path: Path) -> None:
    path = tmp_path / "pyramid.tif"
    page = samples(90).resize(40)
    page.tiffsave(str(path), tile=True, pyramid=True, subifd=True)

    found, grey = copied(path)
    half, smaller = copied(path, dpi=150)

    assert (found.width_px, found.height_px, found.dpi) == (2400, 1600, 300)
    assert (grey.width, grey.height) == (2400, 1600)
    assert (half.dpi, smaller.width) == (150, 1200)


def test_a_resolution_that_makes_a_page_absurdly_small_does_not_shrink_it(tmp_path: Path) -> None:
    path = tmp_path / "page.tif"
    samples(90).resize(15).tiffsave(str(path))
    target = tmp_path / "grey.tif"

    found = write_grey_copy(path, target, resolution_dpi=1200.0, dpi=300, max_long_side_px=10_000)

    assert (found.width_px, found.height_px, found.dpi) == (900, 600, 300)


@pytest.mark.parametrize("orientation", [1, 6])
def test_the_copy_has_square_pixels(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "fax.tif"
    fax = samples(90).resize(10).copy(xres=204 / 25.4, yres=102 / 25.4)
    turned = fax.copy()
    turned.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    turned.tiffsave(str(path))

    found, grey = copied(path, dpi=300)

    upright = (600, 800)
    shown = upright if orientation == 1 else upright[::-1]
    assert (found.width_px, found.height_px) == (grey.width, grey.height) == shown
    stored = (600, 400) if orientation == 1 else (400, 600)
    assert (found.master_width_px, found.master_height_px) == stored
