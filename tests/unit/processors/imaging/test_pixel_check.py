"""Damage is found in every container and compression; what is only unusual is not damage."""

from pathlib import Path

import pytest
import pyvips
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from processors.imaging.decoding_result import Decoded, Undecodable
from processors.imaging.format_identification import identify
from processors.imaging.header_readers import read_header
from processors.imaging.pixel_check import decode_all_pixels
from tests.data.make import scene
from tests.images.holes import pixel_ranges
from tests.images.run import judge
from tests.images.writers import available, kinds
from tests.support.multi_image import write_one
from tests.support.tiff_builders import LONG, SHORT, ATiff

IMAGE = scene(320, 240)
PREVIEW = scene(64, 48).jpegsave_buffer()
BITONAL = (IMAGE[0] > 128).copy(interpretation="b-w")
HOLE = 300
SAMPLE = 45


def judged(path: Path, content: bytes) -> Decoded:
    path.write_bytes(content)
    format_ = identify(content)
    assert format_ is not None
    return decode_all_pixels(path, read_header(path, format_.family), format_.family)


def jpeg(**options) -> bytes:
    return IMAGE.jpegsave_buffer(Q=92, **options)


def tiff(compression: str, image: pyvips.Image = IMAGE, **options) -> bytes:
    return image.tiffsave_buffer(compression=compression, **options)


BARE = jpeg(keep="none")
FILES = {
    "baseline": jpeg(),
    "4:4:4": jpeg(subsample_mode="off"),
    "grey": IMAGE[1].jpegsave_buffer(Q=92),
    "progressive": jpeg(interlace=True),
    "with restarts": jpeg(restart_interval=5),
    "with optimal tables": jpeg(optimize_coding=True),
    "with a preview behind": jpeg() + PREVIEW,
    "with a text behind": jpeg() + b"\0\0Image_UTC_Data" + bytes(700) + b"SEFT",
    "JPEG in strips": tiff("jpeg", Q=92),
    "JPEG in tiles": tiff("jpeg", Q=92, tile=True, tile_width=128, tile_height=128),
    "deflate": tiff("deflate"),
    "deflate in tiles": tiff("deflate", tile=True, tile_width=64, tile_height=64),
    "LZW": tiff("lzw"),
    "LZW in tiles": tiff("lzw", tile=True, tile_width=64, tile_height=64),
    "PackBits": tiff("packbits", IMAGE[0] // 64 * 64),
    "G4": tiff("ccittfax4", BITONAL, bitdepth=1),
    "PNG": IMAGE.pngsave_buffer(),
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_an_intact_image_is_not_damaged(tmp_path: Path, name: str):
    decoded = judged(tmp_path / "image", FILES[name])

    assert decoded.unjudged is None or name == "progressive"
    behind = "behind" in name
    assert bool(decoded.irregular) == behind, decoded


@pytest.mark.parametrize("name", sorted(FILES))
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(place=st.floats(0.0, 1.0), fill=st.sampled_from([0, 255]))
def test_a_hole_in_the_pixels_is_found(tmp_path: Path, name: str, place: float, fill: int):
    content = FILES[name]
    (tmp_path / "intact").write_bytes(content)
    start, end = max(pixel_ranges(tmp_path / "intact"), key=lambda each: each[1] - each[0])
    at = start + 4 + int((end - start - HOLE - 8) * place)
    damaged = content[:at] + bytes([fill]) * HOLE + content[at + HOLE :]

    with pytest.raises(Undecodable) as damage:
        judged(tmp_path / "image", damaged)

    assert not damage.value.unsupported


@pytest.mark.parametrize(
    ("content", "unusual"),
    [
        (BARE[:2] + b"\xff\xe0\0\x10JFIF\0\2\1\1\0\1\0\1\0\0" + BARE[2:], "JFIF version 2.01"),
        (
            jpeg().replace(b"\0\2\x11\3\x11\0\x3f\0", b"\0\2\x11\3\x11\0\0\0"),
            "the scan states the coefficients 0/0/0",
        ),
        (
            BARE[:2] + b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\2" + BARE[2:],
            "the Adobe marker states the colour transform 2",
        ),
        (jpeg() + PREVIEW, f"{len(PREVIEW)} bytes follow the end of the image, beginning with an"),
    ],
)
def test_what_readers_of_jpeg_ignore_is_unusual(tmp_path: Path, content: bytes, unusual: str):
    (found,) = judged(tmp_path / "image", content).irregular

    assert unusual in found


def test_what_carries_no_redundancy_is_counted(tmp_path: Path):
    plain = judged(tmp_path / "plain", tiff("none"))
    progressive = judged(tmp_path / "progressive", jpeg(interlace=True))

    assert plain.unjudged == "230400 bytes of uncompressed pixels, which have no redundancy"
    assert "bytes of refined or arithmetically coded values" in (progressive.unjudged or "")


def test_the_last_rows_of_a_jpeg_are_judged(tmp_path: Path):
    for options in ({}, {"subsample_mode": "off"}, {"interlace": True}):
        content = jpeg(**options)
        end = content.rindex(b"\xff\xd9")

        with pytest.raises(Undecodable):
            judged(tmp_path / "image", content[: end - 40] + content[end:])


def test_a_layout_that_the_decoder_does_not_support_is_not_called_damage(tmp_path: Path):
    planes = {258: (SHORT, [8, 8, 8]), 277: (SHORT, [3]), 284: (SHORT, [2]), 530: (SHORT, [2, 2])}
    strips = {262: (SHORT, [6]), 273: (LONG, [8, 72, 136]), 279: (LONG, [64, 64, 64])}

    with pytest.raises(Undecodable) as refused:
        judged(tmp_path / "image", ATiff(pixels=bytes(192), tags=planes | strips).bytes())

    assert refused.value.unsupported


def test_a_sample_of_many_writers_is_judged_correctly():
    some = [kind for kind in kinds() if available(kind)][::2]

    figures = judge(SAMPLE, SAMPLE, seed=5, some=some)

    assert (figures.refused, figures.silent) == ([], [])
    assert figures.sound > 30
    assert figures.holes == SAMPLE
    assert len(figures.writers) >= 5


@pytest.mark.parametrize("options", [0, 1])
def test_a_hole_in_a_fax_is_never_taken_for_what_the_decoder_does_not_support(
    tmp_path: Path, options: int
):
    path = write_one(tmp_path / "page.tif", 1)
    with Image.open(path) as page:
        page.load()
        page.save(path, compression="group3", tiffinfo={292: options})
    with tifffile.TiffFile(path) as file:
        start, length = file.pages[0].dataoffsets[0], file.pages[0].databytecounts[0]
    whole = path.read_bytes()
    header = read_header(path, "tiff")

    for at in range(start + 100, start + length - 400, (length - 500) // 12):
        path.write_bytes(whole[:at] + bytes(300) + whole[at + 300 :])
        with pytest.raises(Undecodable) as raised:
            decode_all_pixels(path, header, "tiff")
        assert not raised.value.unsupported, raised.value.found
