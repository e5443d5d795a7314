"""Converts the colours of masters for the screen: to sRGB, or to grey with the curve of sRGB.

The embedded ICC profile is converted to sRGB, relative colorimetric with black point compensation.
Without a usable profile, RGB is treated as sRGB, CMYK as libvips' built-in CMYK profile, and grey
as grey with the curve of sRGB. 16 bits are reduced to 8.

Negatives are inverted after the conversion. The ICC profile describes what the scanner measured,
which is the negative. After the conversion all three channels have the same known curve, so that a
neutral stays neutral when it is inverted. The orange mask of colour film remains, as its
complement.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

import pyvips

from processors.imaging.icc import description

Rendition = Callable[[pyvips.Image], pyvips.Image]

PROFILE = "icc-profile-data"
TRANSFORM = {"intent": "relative", "black_point_compensation": True}
_INTENT = "relative colorimetric with black point compensation"
SRGB_TOLERANCE = 1
"""A profile that moves no value (0 to 255) by more than this counts as sRGB."""
SPACE = slice(16, 20)
"""Bytes of a profile that name its colour space (ICC.1:2022, 7.2.8)."""
SPACES = {1: b"GRAY", 3: b"RGB ", 4: b"CMYK"}
TABLES = ({b"A2B0"}, {b"A2B1"})
NEEDED = {
    b"GRAY": ({b"kTRC"}, *TABLES),
    b"RGB ": ({b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"}, *TABLES),
    b"CMYK": TABLES,
}
"""Tags that a profile must have, by colour space (ICC.1:2022, 8)."""
GREYS = ("b-w", "grey16")
COLOURS = ("srgb", "rgb", "rgb16")


@dataclass(frozen=True)
class Colour:
    """The conversion of a master for the screen."""

    rendition: Rendition
    """Converts the master's pixels, without alpha, to 8 bit sRGB or grey."""
    grey: bool
    detail: str
    """The conversion in words."""
    unusable: str | None = None
    """Name of an embedded profile that is damaged or does not match the image."""


def colour_of(master: pyvips.Image, *, negative: bool = False) -> Colour:
    """The conversion for a master without alpha; only its header is read."""
    grey = master.interpretation in GREYS or master.bands < 3
    profile = _embedded(master)
    plan = (_grey_rendition if grey else _colour_rendition)(master, profile)
    unusable = None
    if plan is None:
        unusable = description(profile or b"")
        plan = (_grey_rendition if grey else _colour_rendition)(master, None)
        assert plan is not None
    rendition, detail = plan
    if unusable:
        detail = f"embedded profile {unusable!r} not usable, {detail}"
    if master.format not in ("uchar", "char"):
        detail += "; reduced to 8 bits"
    if negative:
        return Colour(_inverted(rendition), grey, f"{detail}; inverted after conversion", unusable)
    return Colour(rendition, grey, detail, unusable)


def _embedded(master: pyvips.Image) -> bytes | None:
    if not master.get_typeof(PROFILE):
        return None
    try:
        profile: bytes = master.get(PROFILE)
    except RuntimeError:
        return b""  # The tag exists and is empty.
    return profile


def _inverted(rendition: Rendition) -> Rendition:
    return lambda image: rendition(image).invert()


def _grey_rendition(master: pyvips.Image, profile: bytes | None) -> tuple[Rendition, str] | None:
    """Grey has one sample, so that a lookup table is the complete conversion."""
    if profile is None:
        return _eight_bit_grey, "grey without ICC profile, values unchanged"
    deep = master.format == "ushort"
    ramp = pyvips.Image.identity(ushort=deep).copy(interpretation="grey16" if deep else "b-w")
    if profile[SPACE] == b"RGB ":
        # Grey images often have an RGB profile: convert grey as three equal samples.
        ramp = ramp.bandjoin([ramp, ramp]).copy(interpretation="rgb16" if deep else "srgb")
    table = _transformed(ramp, profile)
    if table is None:
        return None
    table = table[1].copy(interpretation="b-w").copy_memory()
    named = f"from {description(profile)!r} to grey with the curve of sRGB, {_INTENT}"

    def rendition(image: pyvips.Image) -> pyvips.Image:
        return _without_profile(image[0].maplut(table)).copy(interpretation="b-w")

    return rendition, named


def _colour_rendition(master: pyvips.Image, profile: bytes | None) -> tuple[Rendition, str] | None:
    if master.interpretation == "cmyk" or (profile is None and master.bands == 4):
        return _from_cmyk(master, profile)
    if profile is None:
        if master.interpretation in COLOURS:
            return _eight_bit_colour, "RGB without ICC profile, treated as sRGB"
        return _eight_bit_colour, f"from {master.interpretation} to sRGB"
    cube = _transformed(_cube(), profile)
    if cube is None:
        return None
    if (_cube() - cube).abs().max() <= SRGB_TOLERANCE:
        # A conversion would only cost time and a second rounding.
        return _eight_bit_colour, f"{description(profile)!r} is sRGB, values unchanged"
    return _by_profile, f"from {description(profile)!r} to sRGB, {_INTENT}"


def _from_cmyk(master: pyvips.Image, profile: bytes | None) -> tuple[Rendition, str] | None:
    if profile is None:
        options = {**TRANSFORM, "input_profile": "cmyk"}
        detail = f"CMYK without ICC profile, from the CMYK profile of libvips to sRGB, {_INTENT}"
        return lambda image: image.icc_transform("srgb", depth=8, **options), detail
    white = pyvips.Image.black(1, 1, bands=4).copy(interpretation="cmyk")
    if _transformed(white, profile) is None:
        return None
    return _by_profile, f"from {description(profile)!r} to sRGB, {_INTENT}"


def _by_profile(image: pyvips.Image) -> pyvips.Image:
    return image.icc_transform("srgb", embedded=True, depth=8, **TRANSFORM)


def _eight_bit_colour(image: pyvips.Image) -> pyvips.Image:
    if image.interpretation in ("srgb", "rgb") and image.format == "uchar":
        return _without_profile(image)
    return _without_profile(image.colourspace("srgb").cast("uchar"))


def _eight_bit_grey(image: pyvips.Image) -> pyvips.Image:
    grey = image[0]
    if grey.format != "uchar":
        grey = grey.copy(interpretation="grey16").colourspace("b-w").cast("uchar")
    return _without_profile(grey).copy(interpretation="b-w")


def _without_profile(image: pyvips.Image) -> pyvips.Image:
    plain = image.copy()
    plain.remove(PROFILE)
    return plain


def _transformed(sample: pyvips.Image, profile: bytes) -> pyvips.Image | None:
    """Sample pixels converted to sRGB; None if the profile is unusable for them."""
    # libvips silently uses sRGB instead of an unusable profile.
    if profile[SPACE] != SPACES.get(sample.bands) or not _is_complete(profile):
        return None
    tagged = sample.copy()
    tagged.set_type(pyvips.GValue.blob_type, PROFILE, profile)
    try:
        return tagged.icc_transform("srgb", embedded=True, depth=8, **TRANSFORM).copy_memory()
    except pyvips.Error:
        return None


def _is_complete(profile: bytes) -> bool:
    try:
        (count,) = struct.unpack_from(">I", profile, 128)
        entries = struct.iter_unpack(">4sII", profile[132 : 132 + 12 * min(count, 100)])
        tags = {name for name, offset, size in entries if offset + size <= len(profile)}
    except struct.error:
        return False
    return any(needed <= tags for needed in NEEDED[profile[SPACE]])


def _cube() -> pyvips.Image:
    """Colours evenly distributed in the RGB cube, 16 steps per channel."""
    step = 255 // 15
    position = pyvips.Image.xyz(16 * 16, 16)
    red, green = position[0] % 16, (position[0] / 16).floor()
    return (red.bandjoin([green, position[1]]) * step).cast("uchar").copy(interpretation="srgb")
