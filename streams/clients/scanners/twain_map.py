"""The words of TWAIN and SANE for the same setting, both ways."""

import math
from dataclasses import dataclass

from streams.clients.scanners.capabilities import ColourMode, Source
from streams.clients.scanners.capture_settings import MM_PER_INCH, CaptureSettings

XFERCOUNT, FEEDERENABLED, DUPLEXENABLED = 0x0001, 0x1002, 0x1013
PIXELTYPE, UNITS, XFERMECH, BITDEPTH = 0x0101, 0x0102, 0x0103, 0x112B
XRESOLUTION, YRESOLUTION, PIXELFLAVOR = 0x1118, 0x1119, 0x111F
INCHES = 0
CHOCOLATE, VANILLA = 0, 1
PIXEL_TYPES = {0: ColourMode.BITONAL, 1: ColourMode.GREYSCALE, 2: ColourMode.RGB}
"""TWPT_BW, TWPT_GRAY, TWPT_RGB."""
SAMPLES = {ColourMode.BITONAL: 1, ColourMode.GREYSCALE: 1, ColourMode.RGB: 3}


@dataclass(frozen=True)
class Row:
    """One setting in the words of each protocol."""

    setting: str
    capability: str
    number: int
    sane_options: tuple[str, ...]
    """Names of the option, the preferred one first; empty if SANE has none."""

    @property
    def words(self) -> tuple[str, ...]:
        """Every name of the setting in a protocol."""
        return (self.capability, *self.sane_options)


ROWS = (
    Row("resolution_dpi", "ICAP_XRESOLUTION", XRESOLUTION, ("x-resolution", "resolution")),
    Row("resolution_dpi", "ICAP_YRESOLUTION", YRESOLUTION, ("y-resolution", "resolution")),
    Row("units", "ICAP_UNITS", UNITS, ()),
    Row("mode", "ICAP_PIXELTYPE", PIXELTYPE, ("mode",)),
    Row("bits_per_sample", "ICAP_BITDEPTH", BITDEPTH, ("depth",)),
    Row("source", "CAP_FEEDERENABLED", FEEDERENABLED, ("source",)),
    Row("source", "CAP_DUPLEXENABLED", DUPLEXENABLED, ("source", "adf-mode")),
    Row("pages", "CAP_XFERCOUNT", XFERCOUNT, ()),
    Row("transfer", "ICAP_XFERMECH", XFERMECH, ()),
    Row("photometric", "ICAP_PIXELFLAVOR", PIXELFLAVOR, ()),
    Row("width_mm", "ICAP_PHYSICALWIDTH", 0x1111, ("x",)),
    Row("height_mm", "ICAP_PHYSICALHEIGHT", 0x1112, ("y",)),
    Row("brightness", "ICAP_BRIGHTNESS", 0x1101, ("brightness",)),
    Row("contrast", "ICAP_CONTRAST", 0x1103, ("contrast",)),
    Row("gamma", "ICAP_GAMMA", 0x1108, ("analog-gamma", "gamma-table")),
    Row("shadow", "ICAP_SHADOW", 0x1113, ("shadow",)),
    Row("highlight", "ICAP_HIGHLIGHT", 0x110A, ("highlight",)),
    Row("threshold", "ICAP_THRESHOLD", 0x1123, ("threshold",)),
)
SANE_STATUS = {
    1: ("scanner.unsupported", "Operation not supported"),
    2: ("scanner.cancelled", "Operation was cancelled"),
    3: ("scanner.busy", "Device busy"),
    4: ("scanner.value-refused", "Invalid argument"),
    5: ("scanner.no-image", "End of file reached"),
    6: ("scanner.jammed", "Document feeder jammed"),
    7: ("scanner.feeder-empty", "Document feeder out of documents"),
    8: ("scanner.cover-open", "Scanner cover is open"),
    9: ("scanner.io-failed", "Error during device I/O"),
    10: ("scanner.no-memory", "Out of memory"),
    11: ("scanner.access-denied", "Access to resource has been denied"),
}
"""Code and text of each SANE status that is an error."""
TWAIN_CONDITIONS = {
    1: "scanner.io-failed",
    2: "scanner.no-memory",
    3: "scanner.not-found",
    4: "scanner.busy",
    5: "scanner.io-failed",
    6: "scanner.unsupported",
    10: "scanner.value-refused",
    13: "scanner.unsupported",
    14: "scanner.unsupported",
    16: "scanner.access-denied",
    20: "scanner.jammed",
    21: "scanner.jammed",
    22: "scanner.io-failed",
    23: "scanner.io-failed",
    24: "scanner.cover-open",
    25: "scanner.jammed",
    29: "scanner.feeder-empty",
}
"""Code of each TWAIN condition code (TWCC) that a scan can end with. 21 is a double feed, 24 an
open cover (interlock), 25 a damaged corner: each time a person has to look at the sheet."""
_MODES = (
    (ColourMode.BITONAL, ("lineart", "black & white", "black and white", "binary", "halftone")),
    (ColourMode.GREYSCALE, ("gray", "grey")),
    (ColourMode.RGB, ("color", "colour", "rgb")),
)
_FEEDERS = ("adf", "feeder")
_FLATBEDS = ("flatbed", "platen", "normal")


def mode_of_sane(text: str, depth: int | None = None) -> ColourMode | None:
    """The colours of a value of SANE's option `mode`, or None for one that is not known."""
    words = text.casefold()
    for mode, names in _MODES:
        if any(name in words for name in names):
            return ColourMode.BITONAL if depth == 1 and mode is ColourMode.GREYSCALE else mode
    return None


def source_of_sane(text: str) -> Source | None:
    """The source of a value of SANE's option `source`, or None for one that is not known."""
    words = text.casefold()
    if any(name in words for name in _FEEDERS):
        return Source.FEEDER_DUPLEX if "duplex" in words else Source.FEEDER
    return Source.FLATBED if any(name in words for name in _FLATBEDS) else None


def from_fix32(whole: int, fraction: int) -> float:
    """The number of a TW_FIX32."""
    return whole + fraction / 65536


def to_fix32(value: float) -> tuple[int, int]:
    """The two parts of a TW_FIX32. Raises ValueError for a number that it cannot hold."""
    if not -32768 <= value < 32768:
        raise ValueError(f"{value:g} does not fit in 16.16 bits")
    parts = round(value * 65536)
    return parts >> 16, parts & 0xFFFF


def to_sane_fixed(value: float) -> int:
    """A number as SANE_Fixed. Raises ValueError for one that would overflow."""
    whole, fraction = to_fix32(value)
    return (whole << 16) + fraction


def bits_per_sample(bit_depth: int, mode: ColourMode) -> int:
    """Bits of a sample of ICAP_BITDEPTH; many sources state the bits of the pixel."""
    samples = SAMPLES[mode]
    return bit_depth // samples if bit_depth >= 8 * samples and samples > 1 else bit_depth


def to_twain(settings: CaptureSettings) -> dict[int, float | int | bool]:
    """Capabilities of TWAIN with the values to set, in the order in which to set them."""
    pixel_type = next(key for key, mode in PIXEL_TYPES.items() if mode is settings.mode)
    return {
        XFERCOUNT: -1 if settings.source.is_feeder else 1,
        FEEDERENABLED: settings.source.is_feeder,
        DUPLEXENABLED: settings.source is Source.FEEDER_DUPLEX,
        UNITS: INCHES,
        PIXELTYPE: pixel_type,
        BITDEPTH: settings.bits_per_sample,
        # In SANE a 1 is black; TWAIN calls that vanilla.
        PIXELFLAVOR: VANILLA if settings.mode is ColourMode.BITONAL else CHOCOLATE,
        XRESOLUTION: settings.resolution_dpi,
        YRESOLUTION: settings.resolution_dpi,
    }


def differences(settings: CaptureSettings, read_back: dict[int, float]) -> list[str]:
    """What a TWAIN source confirmed otherwise than it was asked, in words."""
    found = []
    for number, wanted in to_twain(settings).items():
        if number not in read_back or number in (XFERCOUNT, PIXELFLAVOR):
            continue
        got = read_back[number]
        if number == BITDEPTH:
            got = bits_per_sample(int(got), settings.mode)
        if not math.isclose(got, wanted, rel_tol=1e-4):
            name = next(row.capability for row in ROWS if row.number == number)
            found.append(f"{name} is {got:g}, asked {wanted:g}")
    return found


def mm(inches: float) -> float:
    """Inches, the unit of TWAIN, in millimetres, the unit of SANE."""
    return inches * MM_PER_INCH
