"""Small files of scanners: good ones of several writers, and ones that violate a profile."""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyvips
import tifffile
from PIL import Image

from tests.support.icc_builders import ADOBE_LIKE, grey_profile, matrix_profile_v2, to_xyz_d50

COLUMNS = to_xyz_d50(ADOBE_LIKE)
RGB_ICC = matrix_profile_v2("eciRGB v2", COLUMNS, 1.8)
ADOBE_ICC = matrix_profile_v2("Adobe RGB (1998)", COLUMNS, 2.2)
SRGB_ICC = matrix_profile_v2("sRGB IEC61966-2.1", COLUMNS, 2.2)
GREY_ICC = grey_profile("Gray Gamma 2.2", 2.2)
FOREIGN_ICC = matrix_profile_v2("Monitor of room 4", COLUMNS, 2.2)
INPUT_ICC = matrix_profile_v2("Scanner 12345", COLUMNS, 1.9).replace(b"mntrRGB ", b"scnrRGB ")
LINK_ICC = RGB_ICC.replace(b"mntrRGB ", b"linkRGB ")
SHAPE = (40, 60)
LONG, SHORT = 4, 3
Pixels = np.ndarray


def page(mode: str, bits: int = 8, shape: tuple[int, int] = SHAPE, seed: int = 1) -> Pixels:
    """Paper with lines of dark marks; `blank` in the mode leaves them out."""
    draw = np.random.default_rng(seed)
    grey = draw.normal(225, 3, shape)
    if "blank" not in mode:
        for row in range(6, shape[0] - 6, 8):
            marks = draw.random(shape[1] - 12) < 0.5
            grey[row : row + 3, 6:-6][:, marks] = 40
    values = np.clip(grey, 0, 255).astype(np.uint8)
    if bits == 1:
        return values > 128
    deep = values.astype(np.uint16) * 257 if bits == 16 else values
    return np.dstack([deep, deep - deep // 20, deep - deep // 10]) if "rgb" in mode else deep


def tiff(
    samples: Pixels,
    *,
    dpi: float | tuple[float, float] | None = 300,
    unit: str = "INCH",
    icc: bytes | None = RGB_ICC,
    order: str = "<",
    big: bool = False,
    pages: int = 1,
    **options: Any,
) -> bytes:
    """A TIFF by tifffile."""
    both = dpi if isinstance(dpi, tuple) or dpi is None else (dpi, dpi)
    colours = "rgb" if samples.ndim == 3 else "minisblack"
    options = {"photometric": colours, **options}
    with io.BytesIO() as file:
        with tifffile.TiffWriter(file, byteorder=order, bigtiff=big) as writer:
            for _ in range(pages):
                writer.write(
                    samples,
                    resolution=both,
                    resolutionunit=unit if both else None,
                    iccprofile=icc,
                    metadata=None,
                    software=False,
                    **options,
                )
        return file.getvalue()


def by_pillow(samples: Pixels, form: str, icc: bytes | None, dpi: float, **options: Any) -> bytes:
    """A file by Pillow."""
    with io.BytesIO() as file:
        image = Image.fromarray(samples)
        image.save(file, form, dpi=(dpi, dpi), icc_profile=icc or b"", **options)
        return file.getvalue()


def by_libvips(samples: Pixels, icc: bytes | None, dpi: float, **options: Any) -> bytes:
    """A TIFF by libvips."""
    values = samples.astype(np.uint8) * 255 if samples.dtype == bool else samples
    deep = "rgb16" if values.ndim == 3 else "grey16"
    plain = "srgb" if values.ndim == 3 else "b-w"
    image = pyvips.Image.new_from_array(
        values, interpretation=deep if values.dtype == np.uint16 else plain
    ).copy(xres=dpi / 25.4, yres=dpi / 25.4)
    if icc is not None:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    content: bytes = image.tiffsave_buffer(**options)
    return content


def with_tag(content: bytes, tag: int, value: int) -> bytes:
    """A little-endian TIFF whose first directory has another number in a tag."""
    at = _entry(content, tag)
    (kind,) = struct.unpack_from("<H", content, at + 2)
    packed = struct.pack(
        "<HH" if kind == SHORT else "<I", *((value, 0) if kind == SHORT else (value,))
    )
    return content[: at + 8] + packed + content[at + 12 :]


def without_tag(content: bytes, tag: int) -> bytes:
    """The same without a tag: the entries behind it move up."""
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    at, end = _entry(content, tag), start + 2 + 12 * count
    table = content[start + 2 : at] + content[at + 12 : end + 4] + bytes(12)
    return content[:start] + struct.pack("<H", count - 1) + table + content[end + 4 :]


def with_two_entries_swapped(content: bytes) -> bytes:
    """The same with its first two entries in the wrong order."""
    (start,) = struct.unpack_from("<I", content, 4)
    one, other = content[start + 2 : start + 14], content[start + 14 : start + 26]
    return content[: start + 2] + other + one + content[start + 26 :]


def _entry(content: bytes, tag: int) -> int:
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from("<H", content, at) == (tag,):
            return at
    raise KeyError(tag)


@dataclass(frozen=True)
class Capture:
    """A file that a device delivers, and the profile that it has to keep."""

    name: str
    content: bytes
    profile: str
    changes: dict[str, Any]
    codes: tuple[str, ...] = ()
    """For a violation, the code of the refusal; for a good capture, those of its warnings."""
    extension: str = ".tif"


def violations() -> Iterator[Capture]:
    """Captures that are refused, each with its code."""
    yield from _wrong_resolution()
    yield from _wrong_kind()
    yield from _wrong_layout()
    yield from _wrong_icc()
    yield from _damaged()


def _of(
    name: str, content: bytes, code: str, profile: str = "fadgi-3-bound-volume", **changes: Any
) -> Capture:
    extension = changes.pop("extension", ".tif")
    return Capture(name, content, profile, changes, (code,), extension)


def _wrong_resolution() -> Iterator[Capture]:
    rgb, low, unknown = page("rgb"), "page.resolution-too-low", "page.resolution-unknown"
    yield _of("100 dpi", tiff(rgb, dpi=100), low)
    yield _of("150 dpi in centimetres", tiff(rgb, dpi=150 / 2.54, unit="CENTIMETER"), low)
    yield _of("dots per centimetre with the unit inch", tiff(rgb, dpi=300 / 2.54), low)
    yield _of("just below the tolerance", tiff(rgb, dpi=293), low)
    yield _of("395 dpi for four stars", tiff(rgb, dpi=395), low, "fadgi-4-bound-volume")
    yield _of("no unit", tiff(rgb, unit="NONE"), unknown)
    yield _of("unknown unit", with_tag(tiff(rgb), 296, 7), unknown, irregular_tiff="warn")
    yield _of("no resolution", without_tag(tiff(rgb), 282), unknown, irregular_tiff="warn")
    yield _of("resolution 0", tiff(rgb, dpi=(0, 0)), unknown, irregular_tiff="warn")
    yield _of("300 x 600 dpi", tiff(rgb, dpi=(300, 600)), "page.pixels-not-square")
    exif = Image.Exif()
    exif.update({282: 72.0, 283: 72.0, 296: 2})
    both = by_pillow(rgb, "JPEG", SRGB_ICC, 300, exif=exif)
    yield _of(
        "JPEG with two resolutions", both, "page.resolution-conflicting", "metamorfoze-extra-light",
        extension=".jpg",
    )  # fmt: skip


def _wrong_kind() -> Iterator[Capture]:
    rgb, grey, code = page("rgb"), page("grey"), "page.format-not-supported"
    grey_icc: dict[str, Any] = {"icc": GREY_ICC}
    yield _of("1 bit", tiff(page("grey", 1), icc=None), code)
    yield _of("4 bit", by_libvips(grey, GREY_ICC, 300, bitdepth=4), code)
    yield _of("32 bit", tiff(grey.astype(np.float32), **grey_icc), code)
    yield _of("8 bit instead of 16", tiff(rgb, dpi=600), code, "fadgi-4-photograph")
    yield _of("16 bit instead of 8", tiff(page("rgb", 16)), code, "metamorfoze-light")
    yield _of(
        "grey instead of colour", tiff(grey, dpi=400, **grey_icc), code, "fadgi-4-bound-volume"
    )
    yield _of("colour instead of grey", tiff(rgb), code, "microfilm")
    yield _of("CMYK", tiff(np.dstack([rgb, grey]), icc=None, photometric="separated"), code)
    yield _of("CIELAB", tiff(rgb, icc=None, photometric="cielab"), code)
    yield _of("grey in a bitonal batch", tiff(grey, icc=None), code, "bitonal-text")
    yield _of("PackBits", tiff(rgb, compression="packbits"), code)
    yield _of("JPEG in TIFF", by_libvips(rgb, RGB_ICC, 300, compression="jpeg"), code)
    yield _of("Zstandard", tiff(rgb, compression="zstd"), code)
    yield _of("LZW where none is accepted", tiff(rgb, compression="lzw"), code, "metamorfoze-full")
    yield _of("BigTIFF where TIFF is accepted", tiff(rgb, big=True), code, "metamorfoze-full")
    yield _of("JPEG", by_pillow(rgb, "JPEG", RGB_ICC, 300), code, extension=".jpg")
    yield _of("PNG", by_pillow(rgb, "PNG", RGB_ICC, 300), code, extension=".png")
    lossy = by_pillow(rgb, "JPEG", SRGB_ICC, 300)
    yield _of(
        "lossy", lossy, "page.master-lossy", "metamorfoze-extra-light", lossy_master="refuse",
        extension=".jpg",
    )  # fmt: skip
    limits = {"max_width_px": 50, "max_height_px": 100, "max_pixels": 10**6, "max_bytes": 10**6}
    yield _of("too wide", tiff(rgb), "page.too-large", limits=limits)
    yield _of("too many bytes", tiff(rgb), "page.too-large", limits={"max_bytes": 1000})


def _wrong_layout() -> Iterator[Capture]:
    rgb, grey = page("rgb"), page("grey")
    colours = np.arange(768, dtype=np.uint16).reshape(3, 256)
    yield _of("palette", tiff(grey, photometric="palette", colormap=colours), "page.palette-image")
    alpha, rgba = {"extrasamples": ["unassalpha"]}, np.dstack([rgb, grey])
    extra = "page.extra-samples"
    yield _of("transparency", tiff(rgba, **alpha), extra)
    yield _of("infrared", tiff(rgba, extrasamples=["unspecified"]), extra)
    yield _of(
        "grey and transparency",
        tiff(np.dstack([grey, grey]), icc=GREY_ICC, photometric="minisblack", planarconfig="contig", **alpha),
        extra,
    )  # fmt: skip
    yield _of(
        "three samples of grey",
        tiff(rgb, icc=GREY_ICC, photometric="minisblack", planarconfig="contig"),
        extra,
    )
    planes = tiff(np.moveaxis(rgb, -1, 0), photometric="rgb", planarconfig="separate")
    yield _of("separate planes", planes, "page.planes-separate")
    yield _of("two images", tiff(rgb, pages=2), "page.more-images")
    turned = tiff(rgb, extratags=[(274, SHORT, 1, 6, True)])
    yield _of("orientation tag", turned, "page.orientation-set", turned="refuse")
    yield _of("no photometric interpretation", without_tag(tiff(rgb), 262), "page.image-ambiguous")
    yield _of("tags out of order", with_two_entries_swapped(tiff(rgb)), "page.structure-irregular")


def _wrong_icc() -> Iterator[Capture]:
    rgb, grey = page("rgb"), page("grey")
    yield _of("no ICC profile", tiff(rgb, icc=None), "page.icc-missing")
    yield _of("no ICC profile in grey", tiff(grey, icc=None), "page.icc-missing")
    yield _of("ICC profile of grey in colour", tiff(rgb, icc=GREY_ICC), "page.icc-mismatch")
    yield _of("ICC profile of colour in grey", tiff(grey, icc=RGB_ICC), "page.icc-mismatch")
    yield _of("link between devices", tiff(rgb, icc=LINK_ICC), "page.icc-mismatch")
    yield _of("truncated ICC profile", tiff(rgb, icc=RGB_ICC[:-40]), "page.icc-damaged")
    broken = RGB_ICC.replace(b"acsp", b"abcd")
    yield _of("ICC profile without signature", tiff(rgb, icc=broken), "page.icc-damaged")
    code = "page.icc-not-accepted"
    yield _of("ICC profile of a monitor", tiff(rgb, icc=FOREIGN_ICC), code)
    yield _of("sRGB instead of eciRGB", tiff(rgb, icc=SRGB_ICC), code, "metamorfoze-full")
    yield _of(
        "profile of a device instead of eciRGB", tiff(rgb, icc=INPUT_ICC), code, "metamorfoze-light"
    )


def _damaged() -> Iterator[Capture]:
    code, large = "page.not-decodable", tiff(page("rgb", shape=(200, 300)), rowsperstrip=20)
    yield _of("cut in the middle", large[: len(large) // 2], code)
    yield _of("cut before the end", large[:-50], code)
    yield _of("header alone", large[:8], code)
    yield _of("nothing", b"", code)
    yield _of("zeros", bytes(5000), code)
    yield _of("HTML", b"<html>" + b" " * 2000 + b"</html>", code)
    pdf = b"%PDF-1.7\n" + bytes(2000)
    yield _of("PDF", pdf, "page.format-not-supported")
    yield _of("more rows stated than there are", with_tag(large, 257, 900), code)
    yield _of("wider than its rows", with_tag(large, 256, 400), code)
    yield _of("directory outside", large[:4] + struct.pack("<I", 10**8) + large[8:], code)
    extra_light: dict[str, Any] = {"profile": "metamorfoze-extra-light", "extension": ".jpg"}
    jpeg = by_pillow(page("rgb", shape=(200, 300)), "JPEG", SRGB_ICC, 300)
    yield _of("cut JPEG", jpeg[: len(jpeg) * 2 // 3], code, **extra_light)
    png = by_pillow(page("rgb", shape=(200, 300)), "PNG", SRGB_ICC, 300)
    yield _of("cut PNG", png[: len(png) * 2 // 3], code, "as-delivered", extension=".png")
    wrong = png.replace(png[-60:-50], bytes(10))
    yield _of("PNG with a wrong checksum", wrong, code, "as-delivered", extension=".png")
