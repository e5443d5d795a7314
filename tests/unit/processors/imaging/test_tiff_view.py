"""A decoder sees the main image of a TIFF in spite of irregular tags, and its pixels."""

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.imaging import tiff_header
from processors.imaging.decode import open_image
from processors.imaging.header_readers import irregularities, read_header
from processors.imaging.pixel_check import decode_all_pixels
from processors.imaging.tiff_structure import check
from processors.imaging.tiff_view import needs_view
from tests.support.tiff_builders import ASCII, LONG, PIXELS, RATIONAL, SHORT, SIDE, ATiff

PLANES = {258: (SHORT, [8, 8, 8]), 277: (SHORT, [3]), 279: (LONG, [192])}
TEXT_TAGS = (269, 270, 271, 272, 305, 306, 315, 316, 33432, 50_000, 65_000)
wrong_tags = st.dictionaries(
    st.sampled_from(TEXT_TAGS),
    st.one_of(
        st.tuples(st.sampled_from([ASCII, SHORT, LONG, 7, 12, 99]), st.binary(max_size=30)),
        st.tuples(st.just(ASCII), st.sampled_from([b"a\0b\0", b"2019:01:02 03:04:05", b"\0\0\0"])),
    ),
    max_size=5,
)


def rows(path: Path) -> list[list[int]]:
    image = open_image(path)
    return [[int(image(x, y)[0]) for x in range(image.width)] for y in range(image.height)]


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


EXPECTED = [list(PIXELS[y * SIDE : (y + 1) * SIDE]) for y in range(SIDE)]


@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    order=st.sampled_from("<>"),
    big=st.booleans(),
    tags=wrong_tags,
    shuffled=st.randoms(use_true_random=False),
    odd=st.booleans(),
)
def test_wrong_tags_leave_the_pixels_as_they_are(
    tmp_path: Path, order: str, big: bool, tags, shuffled, odd: bool
):
    file = ATiff(order=order, big=big, tags=tags, pixels=PIXELS + b"\0" * odd)
    file.tags[279] = (LONG, [len(PIXELS)])
    made, _ = file.made_entries()
    shuffled.shuffle(made)
    file.entries = made

    path = written(tmp_path / "image.tif", file.bytes())

    irregularities(path, "bigtiff" if big else "tiff")
    decode_all_pixels(path, read_header(path, "tiff"), "tiff")
    assert rows(path) == EXPECTED


def test_a_regular_file_is_read_as_it_is(tmp_path: Path):
    assert not needs_view(written(tmp_path / "image.tif", ATiff().bytes()))


def test_tiles_in_the_tags_of_strips_are_read(tmp_path: Path):
    pixels = bytes(range(256))
    sides = {tag: (SHORT, [16]) for tag in (256, 257, 322, 323)}
    content = ATiff(pixels=pixels, tags={**sides, 279: (LONG, [256])}, without=(278,)).bytes()
    path = written(tmp_path / "image.tif", content)

    assert rows(path) == [list(pixels[y * 16 : (y + 1) * 16]) for y in range(16)]
    assert check(content) == ("the tags of strips (273, 279) locate tiles",)


def test_a_reduced_copy_before_the_image_is_skipped(tmp_path: Path):
    first = ATiff(tags={254: (LONG, [1])}, following=1)
    at = len(first.bytes())
    values = {256: 4, 257: 2, 258: 8, 259: 1, 262: 1, 273: at, 277: 1, 278: 2, 279: 8}
    pixels = bytes(range(100, 108))
    entries = b"".join(struct.pack("<HHII", tag, LONG, 1, value) for tag, value in values.items())
    second = struct.pack("<H", len(values)) + entries + bytes(4)
    content = ATiff(tags={254: (LONG, [1])}, following=at + 8).bytes() + pixels + second
    path = written(tmp_path / "image.tif", content)

    header = tiff_header.read(content)

    assert (header.width_px, header.height_px, header.images) == (4, 2, 1)
    assert rows(path) == [[100, 101, 102, 103], [104, 105, 106, 107]]
    assert "the image is in directory 2, after a reduced copy" in check(content)


@pytest.mark.parametrize("colour", [(120, 128, 128, 120, 120, 120), (76, 85, 255, 254, 0, 0)])
@pytest.mark.parametrize("subsampling", [[1, 1], [2, 2]])
def test_uncompressed_ycbcr_is_read_in_its_colours(
    tmp_path: Path, subsampling: list[int], colour: tuple[int, ...]
):
    luma, blue, red, *expected = colour
    block = bytes([luma] * subsampling[0] * subsampling[1] + [blue, red])
    pixels = block * (64 // (subsampling[0] * subsampling[1]))
    tags = {**PLANES, 262: (SHORT, [6]), 279: (LONG, [len(pixels)]), 530: (SHORT, subsampling)}
    path = written(tmp_path / "image.tif", ATiff(pixels=pixels, tags=tags).bytes())

    decode_all_pixels(path, read_header(path, "tiff"), "tiff")

    assert open_image(path)(3, 3)[:3] == pytest.approx(expected, abs=1)


def test_a_resolution_of_zero_is_unknown_and_the_pixels_are_read(tmp_path: Path):
    zero = {tag: (RATIONAL, [0, 1]) for tag in (282, 283)}
    path = written(tmp_path / "image.tif", ATiff(tags=zero).bytes())

    assert rows(path) == EXPECTED
    (stated,) = read_header(path, "tiff").resolutions
    assert (stated.x_dpi, stated.y_dpi) == (0, 0)


@pytest.mark.parametrize(("tag", "value"), [(296, 0), (296, 7), (274, 0), (274, 9)])
def test_a_display_tag_with_an_undefined_value_leaves_the_pixels_as_they_are(
    tag: int, value: int, tmp_path: Path
):
    path = written(tmp_path / "page.tif", ATiff(tags={tag: (SHORT, [value])}).bytes())

    decoded = decode_all_pixels(path, read_header(path, "tiff"), "tiff")

    assert decoded.irregular == ()
    assert irregularities(path, "tiff") == (f"tag {tag} has the value {value}",)
    assert needs_view(path)
    assert rows(path) == EXPECTED
