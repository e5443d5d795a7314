"""ICC profiles in pages of network scanners."""

from pathlib import Path

import pytest
import pyvips

from processors.imaging.header_readers import read_header
from streams.clients.scanners.icc_embedding import embed_icc
from tests.support.icc_builders import ADOBE_LIKE, grey_profile, matrix_profile_v2, to_xyz_d50

COLOUR = matrix_profile_v2("Adobe-like", to_xyz_d50(ADOBE_LIKE), 2.2)
LARGE = COLOUR + bytes(150_000)


def page(path: Path, kind: str) -> Path:
    image = pyvips.Image.gaussnoise(60, 40, seed=1).cast("uchar").bandjoin([1, 2])
    path.write_bytes(image.copy(interpretation="srgb").write_to_buffer(f".{kind}"))
    return path


def read(path: Path) -> pyvips.Image:
    # From bytes: libvips remembers what it has read from a file.
    return pyvips.Image.new_from_buffer(path.read_bytes(), "", fail_on="warning")


@pytest.mark.parametrize("icc", [COLOUR, LARGE], ids=["small", "in several segments"])
@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_embeds_a_profile_and_leaves_the_pixels(tmp_path: Path, kind: str, icc: bytes):
    path = page(tmp_path / f"a.{kind}", kind)
    pixels = read(path).write_to_memory()

    embed_icc(path, icc)

    assert read_header(path, "jpeg" if kind == "jpg" else kind).icc == icc
    assert read(path).write_to_memory() == pixels


@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_a_profile_of_the_device_itself_stays(tmp_path: Path, kind: str):
    path = page(tmp_path / f"a.{kind}", kind)
    embed_icc(path, COLOUR)
    before = path.read_bytes()

    embed_icc(path, grey_profile("grey", 2.2))

    assert path.read_bytes() == before


def test_a_file_of_another_format_stays(tmp_path: Path):
    path = page(tmp_path / "a.tif", "tif")
    before = path.read_bytes()

    embed_icc(path, COLOUR)

    assert path.read_bytes() == before
