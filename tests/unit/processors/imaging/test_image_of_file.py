"""An image is taken out of a file with several: the same pixels, and nothing of the others."""

import struct
from pathlib import Path

import pytest
import pyvips
import tifffile

from processors.imaging.header import DamagedHeader
from processors.imaging.header_readers import irregularities, read_header
from processors.imaging.image_of_file import count_images, image_alone
from processors.imaging.tiff_directory import (
    directory_at,
    first_offset,
    is_full_image,
    layout_of,
)
from tests.support.multi_image import page_sizes, write_scan
from tests.support.tiff_builders import LONG, SHORT, ATiff


def test_reduced_copies_are_not_counted(tmp_path: Path) -> None:
    assert count_images(write_scan(tmp_path / "scan.tif")) == 5


def test_an_image_alone_has_the_pixels_that_a_decoder_finds_in_the_file(tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "scan.tif")

    # The third directory is a reduced copy.
    for number, directory in enumerate((0, 1, 3, 4, 5), 1):
        with image_alone(scan, number, tmp_path) as path:
            header, broken = read_header(path, "tiff"), irregularities(path, "tiff")
            alone = pyvips.Image.new_from_file(str(path)).copy_memory()
        among = pyvips.Image.new_from_file(str(scan), page=directory)
        assert (header.width_px, header.height_px) == page_sizes()[number - 1]
        assert (header.images, broken) == (1, ())
        assert (alone - among).abs().max() == 0


def test_the_file_that_was_made_is_removed(tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "scan.tif", 2)

    with image_alone(scan, 2, tmp_path) as path:
        assert path.exists()

    assert list(tmp_path.iterdir()) == [scan]


def test_a_page_without_a_number_is_read_from_its_file(tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "scan.tif", 2)

    with image_alone(scan, None, tmp_path) as path:
        assert path == scan


def test_only_what_an_image_needs_takes_space(tmp_path: Path) -> None:
    scan = tmp_path / "scan.tif"
    noise = pyvips.Image.gaussnoise(2000, 2000).cast("uchar").numpy()
    with tifffile.TiffWriter(scan) as writer:
        for _ in range(4):
            writer.write(noise)

    with image_alone(scan, 3, tmp_path) as path:
        written = path.stat().st_blocks * 512

    assert written < 0.3 * scan.stat().st_size


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_layout_of_a_file_is_read(tmp_path: Path, big: bool, order: str) -> None:
    scan = tmp_path / "scan.tif"
    with tifffile.TiffWriter(scan, bigtiff=big, byteorder=order) as writer:
        for value in (10, 20, 30):
            writer.write(pyvips.Image.black(40 + value, 30).linear(1, value).cast("uchar").numpy())

    with image_alone(scan, 2, tmp_path) as path:
        image = pyvips.Image.new_from_file(str(path))
        assert (image.width, image.avg()) == (60, 20)


def test_a_file_has_no_image_behind_its_last(tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "scan.tif", 2)

    with (
        pytest.raises(DamagedHeader, match="image 3 is missing: the number of images is 2"),
        image_alone(scan, 3, tmp_path),
    ):
        pass


def test_what_cannot_be_read_behind_an_image_counts_as_one_more(tmp_path: Path) -> None:
    scan = write_scan(tmp_path / "scan.tif", 3, thumbnail=False)
    with tifffile.TiffFile(scan) as file:
        second = file.pages[1].offset
    content = bytearray(scan.read_bytes())
    (entries,) = struct.unpack_from("<H", content, second)
    struct.pack_into("<I", content, second + 2 + 12 * entries, len(content) + 100)
    scan.write_bytes(content)

    assert count_images(scan) == 3
    with image_alone(scan, 2, tmp_path) as path:
        assert pyvips.Image.new_from_file(str(path)).avg() > 0
    with pytest.raises(DamagedHeader), image_alone(scan, 3, tmp_path):
        pass


def test_another_format_has_one_image(tmp_path: Path) -> None:
    png = tmp_path / "page.png"
    pyvips.Image.black(8, 8).pngsave(str(png))

    assert count_images(png) == 1
    with pytest.raises(DamagedHeader, match="no TIFF"), image_alone(png, 2, tmp_path):
        pass


@pytest.mark.parametrize(
    "tags",
    [
        {254: (LONG, [1])},
        {254: (LONG, [4])},
        {254: (LONG, [5])},
        {255: (SHORT, [2])},
    ],
)
def test_reduced_copies_and_masks_are_no_images(tags: dict[int, tuple[int, list[int]]]) -> None:
    data = ATiff(tags=tags).bytes()

    assert not is_full_image(directory_at(data, layout_of(data), first_offset(data)))
