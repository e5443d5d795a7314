"""Captures that keep their profile: every shipped profile, several writers, and unusual pages."""

from collections.abc import Iterator
from itertools import cycle
from typing import Any

import numpy as np
from PIL import Image

from processors.profile import Profile, canonical, names, resolve
from tests.support.captures import (
    FOREIGN_ICC,
    GREY_ICC,
    INPUT_ICC,
    RGB_ICC,
    SHORT,
    Capture,
    Pixels,
    by_libvips,
    by_pillow,
    page,
    tiff,
    with_two_entries_swapped,
)

SHAPES = {
    "page": (40, 60),
    "blank": (40, 60),
    "foldout": (40, 300),
    "cover": (60, 40),
    "target": (48, 48),
}
PILLOW = {"none": "raw", "lzw": "tiff_lzw", "deflate": "tiff_adobe_deflate", "ccitt-g4": "group4"}
TIFFFILE = {"none": None, "lzw": "lzw", "deflate": "zlib"}
LIBVIPS = {"none": "none", "lzw": "lzw", "deflate": "deflate", "ccitt-g4": "ccittfax4"}
OTHER_PIXELS = {"packbits", "jpeg", "jpeg-lossless", "ccitt-rle", "ccitt-g3"}


def scene(name: str, mode: str, bits: int) -> Pixels:
    """A blank leaf, a foldout, a cover, a target, or a page with text."""
    samples = page(f"blank {mode}" if name == "blank" else mode, bits, SHAPES[name])
    if name == "cover" and bits > 1:
        return samples // 4
    if name == "target" and bits > 1:
        steps = np.repeat(np.arange(8), 6)
        return (samples * (steps[None, :, None] if samples.ndim == 3 else steps) // 8).astype(
            samples.dtype
        )
    return samples


def good_captures() -> Iterator[Capture]:
    """Captures that no profile refuses, each with the codes of its warnings."""
    scenes = cycle(SHAPES)
    for name in names():
        profile = Profile.from_json(canonical(resolve(name)))
        for mode, bits in _modes(profile):
            for writer, content, codes in _written(profile, mode, bits, next(scenes)):
                yield Capture(f"{name} {mode} {bits} {writer}", content, name, {}, codes)
    yield from _unusual()


def _modes(profile: Profile) -> Iterator[tuple[str, int]]:
    for mode in profile.colour_spaces:
        for bits in profile.bits_per_sample:
            if bits in (1, 8, 16) and mode != "cmyk" and (bits == 1) == (mode == "bitonal"):
                yield mode, bits


def _written(
    profile: Profile, mode: str, bits: int, of: str
) -> Iterator[tuple[str, bytes, tuple[str, ...]]]:
    """The scene by each writer with each compression that the profile accepts."""
    colour = "rgb" if mode == "rgb" else "grey"
    samples = scene(of, colour, bits)
    icc = {"rgb": RGB_ICC, "greyscale": GREY_ICC, "bitonal": None}[mode]
    lowest = profile.min_resolution_dpi or 300
    edge = lowest * (1 - profile.resolution_tolerance) + 0.01
    for compression in profile.compressions:
        if compression in TIFFFILE:
            how = {"icc": icc, "compression": TIFFFILE[compression]}
            yield f"{of} {compression} tifffile", tiff(samples, dpi=edge, **how), ()
            if compression == "none":
                big_endian = tiff(samples, dpi=lowest / 2.54, unit="CENTIMETER", order=">", **how)
                yield f"{of} in centimetres, big-endian", big_endian, ()
        if compression in PILLOW and bits < 16 and (compression != "ccitt-g4" or bits == 1):
            how = {"compression": PILLOW[compression]}
            yield f"{of} {compression} Pillow", by_pillow(samples, "TIFF", icc, lowest, **how), ()
        if compression in LIBVIPS and (compression != "ccitt-g4" or bits == 1):
            options: dict[str, Any] = {"compression": LIBVIPS[compression]}
            options |= {"bitdepth": 1, "predictor": "none"} if bits == 1 else {}
            yield f"{of} {compression} libvips", by_libvips(samples, icc, lowest, **options), ()
    if "device" in profile.icc_profiles and mode == "rgb":
        yield f"{of} with the profile of the device", tiff(samples, dpi=lowest, icc=INPUT_ICC), ()


def _unusual() -> Iterator[Capture]:
    """Captures that are kept, with warnings."""
    rgb, grey = page("rgb"), page("grey")
    volume, extra_light = "fadgi-3-bound-volume", "metamorfoze-extra-light"

    def capture(
        name: str, content: bytes, *codes: str, profile: str = "as-delivered", suffix: str = ".tif"
    ) -> Capture:
        return Capture(f"unusual: {name}", content, profile, {}, tuple(sorted(codes)), suffix)

    lossy, turned = "page.master-lossy", "page.orientation-set"
    sideways = {"extratags": [(274, SHORT, 1, 6, True)]}
    yield capture("grey leaf in a colour volume", tiff(grey, icc=GREY_ICC), profile=volume)
    yield capture("turned leaf", tiff(rgb, **sideways), turned, profile=volume)
    yield capture("turned leaf as delivered", tiff(rgb, **sideways), turned)
    yield capture(
        "film without ICC profile", tiff(grey, icc=None), "page.icc-missing", profile="microfilm"
    )
    yield capture("no ICC profile", tiff(rgb, icc=None), "page.icc-missing")
    yield capture("ICC profile of a monitor", tiff(rgb, icc=FOREIGN_ICC))
    yield capture("ICC profile of grey in colour", tiff(rgb, icc=GREY_ICC), "page.icc-mismatch")
    yield capture("truncated ICC profile", tiff(rgb, icc=RGB_ICC[:-9]), "page.icc-damaged")
    yield capture("72 dpi as delivered", tiff(rgb, dpi=72))
    yield capture("no unit", tiff(rgb, unit="NONE"), "page.resolution-unknown")
    yield capture("fax", tiff(rgb, dpi=(204, 98)), "page.pixels-not-square")
    yield capture("two images", tiff(rgb, pages=2), "page.more-images")
    yield capture(
        "tags out of order", with_two_entries_swapped(tiff(rgb)), "page.structure-irregular"
    )
    yield capture(
        "G4 without ICC profile",
        by_pillow(page("grey", 1), "TIFF", None, 300, compression="group4"),
    )
    yield capture("one pixel", tiff(rgb[:1, :1]))
    yield capture(
        "transparency as delivered", tiff(np.dstack([rgb, grey]), extrasamples=["unassalpha"])
    )
    jpeg = by_pillow(rgb, "JPEG", RGB_ICC, 300)
    yield capture("JPEG of a camera", jpeg, lossy, suffix=".jpg")
    yield capture(
        "JPEG with a preview behind it",
        jpeg + jpeg[:600],
        lossy,
        "page.structure-unusual",
        suffix=".jpg",
    )
    yield capture("JPEG where it is accepted", jpeg, lossy, profile=extra_light, suffix=".jpg")
    yield capture("PNG", by_pillow(rgb, "PNG", RGB_ICC, 300), suffix=".png")
    yield capture("grey PNG of a scanner", by_pillow(grey, "PNG", GREY_ICC, 300), suffix=".png")
    exif = Image.Exif()
    exif[274] = 8
    with_exif = by_pillow(rgb, "JPEG", RGB_ICC, 300, exif=exif)
    yield capture("JPEG on its side", with_exif, lossy, turned, suffix=".jpg")
