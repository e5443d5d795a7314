"""What a master's numbers become on the screen: sRGB, or grey on the tone curve of sRGB.

Colour goes through the embedded ICC profile to sRGB, relative colorimetric with black point
compensation; without a usable profile RGB is taken for sRGB, CMYK for the press of libvips' own
profile, grey for grey on sRGB's curve. 16 bit become 8.

Negatives are inverted last. An ICC profile tells what the scanner saw, and that was the negative:
inverted before, the profile would be asked about colours that never lay on the glass. After it all
three channels stand on one known curve with equal numbers for grey, so that the mirrored image of
a neutral is a neutral. The orange mask of colour film stays, as its complement.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

import pyvips

from processors.imaging.icc import description

Rendition = Callable[[pyvips.Image], pyvips.Image]

PROFILE = "icc-profile-data"
HOW = {"intent": "relative", "black_point_compensation": True}
NEARLY = 1
"""Numbers (of 0 to 255) that a profile may move before it counts as another than sRGB."""
SPACE = slice(16, 20)
"""Where a profile names the space of its numbers (ICC.1:2022, 7.2.8)."""
SPACES = {1: b"GRAY", 3: b"RGB ", 4: b"CMYK"}
TABLES = ({b"A2B0"}, {b"A2B1"})
NEEDED = {
    b"GRAY": ({b"kTRC"}, *TABLES),
    b"RGB ": ({b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"}, *TABLES),
    b"CMYK": TABLES,
}
"""Tags without which a profile leads nowhere (ICC.1:2022, 8)."""
GREYS = ("b-w", "grey16")
COLOURS = ("srgb", "rgb", "rgb16")


@dataclass(frozen=True)
class Colour:
    """How one master is shown, in work and in words."""

    rendition: Rendition
    """From the master's pixels, alpha gone, to 8 bit sRGB or grey."""
    grey: bool
    told: str
    unusable: str | None = None
    """Name of an embedded profile that is damaged or for another kind of image."""


def colour_of(master: pyvips.Image, *, negative: bool = False) -> Colour:
    """How this master is shown; only its header is read. Alpha must be flattened before."""
    grey = master.interpretation in GREYS or master.bands < 3
    profile = _embedded(master)
    plan = (_grey if grey else _in_colour)(master, profile)
    unusable = None
    if plan is None:
        unusable = description(profile or b"")
        plan = (_grey if grey else _in_colour)(master, None)
        assert plan is not None
    rendition, told = plan
    if unusable:
        told = f"embedded profile {unusable!r} not usable, {told}"
    if master.format not in ("uchar", "char"):
        told += "; reduced to 8 bit"
    if negative:
        return Colour(_inverted(rendition), grey, f"{told}; inverted last", unusable)
    return Colour(rendition, grey, told, unusable)


def _embedded(master: pyvips.Image) -> bytes | None:
    if not master.get_typeof(PROFILE):
        return None
    try:
        profile: bytes = master.get(PROFILE)
    except RuntimeError:
        return b""  # The tag is there and holds nothing.
    return profile


def _inverted(rendition: Rendition) -> Rendition:
    return lambda image: rendition(image).invert()


def _grey(master: pyvips.Image, profile: bytes | None) -> tuple[Rendition, str] | None:
    """Grey is one number, so that a table of all numbers is the whole conversion."""
    if profile is None:
        return _eight_bit_grey, "grey without ICC profile kept as it is"
    deep = master.format == "ushort"
    ramp = pyvips.Image.identity(ushort=deep).copy(interpretation="grey16" if deep else "b-w")
    if profile[SPACE] == b"RGB ":
        # Often met, though no profile for grey: such a grey has three equal numbers.
        ramp = ramp.bandjoin([ramp, ramp]).copy(interpretation="rgb16" if deep else "srgb")
    table = _transformed(ramp, profile)
    if table is None:
        return None
    table = table[1].copy(interpretation="b-w").copy_memory()
    named = f"from {description(profile)!r} to grey on the curve of sRGB, {_HOW_TOLD}"

    def rendition(image: pyvips.Image) -> pyvips.Image:
        return _without_profile(image[0].maplut(table)).copy(interpretation="b-w")

    return rendition, named


def _in_colour(master: pyvips.Image, profile: bytes | None) -> tuple[Rendition, str] | None:
    if master.interpretation == "cmyk" or (profile is None and master.bands == 4):
        return _from_cmyk(master, profile)
    if profile is None:
        if master.interpretation in COLOURS:
            return _eight_bit_colour, "RGB without ICC profile taken for sRGB"
        return _eight_bit_colour, f"from {master.interpretation} to sRGB"
    cube = _transformed(_cube(), profile)
    if cube is None:
        return None
    if (_cube() - cube).abs().max() <= NEARLY:
        # Left alone: a conversion would cost time and round twice for nothing.
        return _eight_bit_colour, f"{description(profile)!r} is sRGB, numbers kept"
    return _by_profile, f"from {description(profile)!r} to sRGB, {_HOW_TOLD}"


_HOW_TOLD = "relative colorimetric with black point compensation"


def _from_cmyk(master: pyvips.Image, profile: bytes | None) -> tuple[Rendition, str] | None:
    if profile is None:
        how = {**HOW, "input_profile": "cmyk"}
        told = f"CMYK without ICC profile, by libvips' own press profile to sRGB, {_HOW_TOLD}"
        return lambda image: image.icc_transform("srgb", depth=8, **how), told
    white = pyvips.Image.black(1, 1, bands=4).copy(interpretation="cmyk")
    if _transformed(white, profile) is None:
        return None
    return _by_profile, f"from {description(profile)!r} to sRGB, {_HOW_TOLD}"


def _by_profile(image: pyvips.Image) -> pyvips.Image:
    return image.icc_transform("srgb", embedded=True, depth=8, **HOW)


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
    """A few pixels through a profile to sRGB; None when the profile is of no use for them."""
    # libvips would take sRGB instead of a profile that it cannot use, and not say so.
    if profile[SPACE] != SPACES.get(sample.bands) or not _is_whole(profile):
        return None
    tagged = sample.copy()
    tagged.set_type(pyvips.GValue.blob_type, PROFILE, profile)
    try:
        return tagged.icc_transform("srgb", embedded=True, depth=8, **HOW).copy_memory()
    except pyvips.Error:
        return None


def _is_whole(profile: bytes) -> bool:
    try:
        (count,) = struct.unpack_from(">I", profile, 128)
        entries = struct.iter_unpack(">4sII", profile[132 : 132 + 12 * min(count, 100)])
        tags = {name for name, offset, size in entries if offset + size <= len(profile)}
    except struct.error:
        return False
    return any(needed <= tags for needed in NEEDED[profile[SPACE]])


def _cube() -> pyvips.Image:
    """Colours evenly over the cube, 16 steps a side."""
    step = 255 // 15
    place = pyvips.Image.xyz(16 * 16, 16)
    red, green = place[0] % 16, (place[0] / 16).floor()
    return (red.bandjoin([green, place[1]]) * step).cast("uchar").copy(interpretation="srgb")
