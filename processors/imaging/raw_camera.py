"""Identifies raw camera files based on TIFF, whose first image is only a preview."""

import mmap
from collections.abc import Iterator
from pathlib import Path

from processors.imaging.format_identification import Format
from processors.imaging.header import DamagedHeader
from processors.imaging.tiff_directory import Directory, directories, directory_at

DNG_VERSION, MAKE, PHOTOMETRIC, SUB_IMAGES = 50706, 271, 262, 330
SENSOR_PIXELS = (32803, 34892)
"""Photometric interpretations of sensor data with a colour filter (TIFF/EP; DNG 1.4)."""
DNG_PUIDS = {
    "1.0": "fmt/436",
    "1.1": "fmt/152",
    "1.2": "fmt/437",
    "1.3": "fmt/438",
    "1.4": "fmt/730",
}
MAX_SUB_IMAGES = 20
MAKERS = (
    (b"nikon", "Nikon Digital SLR Camera Raw Image File", "fmt/202", ("nef", "nrw")),
    (b"sony", "Sony ARW RAW Image File", None, ("arw", "sr2", "srf")),
    (b"pentax", "Pentax PEF Image File", "fmt/1781", ("pef",)),
    (b"hasselblad", "Hasselblad 3FR Raw Image", "fmt/1062", ("3fr", "fff")),
    (b"leaf", "Leaf Mosaic Raw Image", "fmt/1063", ("mos",)),
    (b"seiko epson", "Epson Raw Image Format", "fmt/641", ("erf",)),
    (b"kodak", "Kodak Digital Camera Raw Image File", "fmt/192", ("dcr", "kdc")),
)
MEDIA_TYPE = "image/x-raw"


def identify(path: Path) -> Format | None:
    """The raw format of a file based on TIFF; None for a plain or damaged TIFF."""
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            first = next(directories(data), None)
            if first is None:
                return None
            version = first.get(DNG_VERSION, ())
            if len(version) == 4:
                return _dng(f"{int(version[0])}.{int(version[1])}")
            if any(_is_sensor_data(each) for each in _images(first)):
                return _of_maker(first)
        except DamagedHeader:
            return None
    return None


def _images(first: Directory) -> Iterator[Directory]:
    yield first
    offsets = first.get(SUB_IMAGES, ())
    if isinstance(offsets, tuple):
        for offset in offsets[:MAX_SUB_IMAGES]:
            yield directory_at(first.data, first.layout, int(offset))


def _is_sensor_data(directory: Directory) -> bool:
    return directory.one(PHOTOMETRIC, 0) in SENSOR_PIXELS


def _dng(version: str) -> Format:
    name = "Digital Negative Format (DNG)"
    return Format("raw", name, "image/x-adobe-dng", DNG_PUIDS.get(version), version, ("dng",))


def _of_maker(first: Directory) -> Format:
    make = first.get(MAKE, b"")
    stated = make.lower() if isinstance(make, bytes) else b""
    for maker, name, puid, extensions in MAKERS:
        if stated.startswith(maker):
            return Format("raw", name, MEDIA_TYPE, puid, None, extensions)
    return Format("raw", "raw image of a camera, in a TIFF", MEDIA_TYPE, None, None, ("raw",))
