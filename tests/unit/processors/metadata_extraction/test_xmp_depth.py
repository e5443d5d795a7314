"""XMP that is nested by the thousand is told and not read."""

import pytest

from processors.metadata_extraction.exiftool import UnusableMetadata
from processors.metadata_extraction.xmp_depth import MAX_DEPTH, depth_of, refuse_deep_xmp
from tests.support.tiff_builders import ATiff

UNDEFINED = 7


@pytest.mark.parametrize(
    ("packet", "depth"),
    [
        (b"", 0),
        (b"<a/>", 1 - 1),
        (b"<a><b x='1'/><c>t</c></a>", 2),
        (b"<a><b>", 2),
        (b"</a></a>", 0),
    ],
)
def test_depth(packet: bytes, depth: int):
    assert depth_of(packet) == depth


def test_a_tiff_with_deep_xmp_is_refused_and_one_with_plain_xmp_is_not(tmp_path):
    for depth in (MAX_DEPTH, MAX_DEPTH + 1):
        packet = b"<a>" * depth + b"</a>" * depth
        path = tmp_path / f"{depth}.tif"
        path.write_bytes(ATiff(tags={700: (UNDEFINED, packet)}).bytes())

    refuse_deep_xmp(tmp_path / f"{MAX_DEPTH}.tif")
    with pytest.raises(UnusableMetadata, match="nested 101 levels deep"):
        refuse_deep_xmp(tmp_path / f"{MAX_DEPTH + 1}.tif")
