"""What a TWAIN source offers, in the words of all drivers."""

from collections.abc import Iterator

from streams.clients.scanners.capabilities import (
    Choice,
    ColourMode,
    Source,
    SourceCapabilities,
)
from streams.clients.scanners.twain_map import (
    BITDEPTH,
    DUPLEXENABLED,
    FEEDERENABLED,
    PIXEL_TYPES,
    PIXELFLAVOR,
    PIXELTYPE,
    UNITS,
    XFERCOUNT,
    XFERMECH,
    XRESOLUTION,
    YRESOLUTION,
    bits_per_sample,
    mm,
)
from streams.clients.scanners.twain_session import TwainSession
from streams.clients.scanners.twain_structures import Kind

KINDS = {
    XFERCOUNT: Kind.INT16,
    FEEDERENABLED: Kind.BOOL,
    DUPLEXENABLED: Kind.BOOL,
    UNITS: Kind.UINT16,
    PIXELTYPE: Kind.UINT16,
    BITDEPTH: Kind.UINT16,
    PIXELFLAVOR: Kind.UINT16,
    XRESOLUTION: Kind.FIX32,
    YRESOLUTION: Kind.FIX32,
}
"""The type of the value of each capability that is set."""
TRANSFER, FILE_FORMAT = XFERMECH, 0x010C
NATIVE, FILE = 0, 1
"""TWSX_NATIVE and TWSX_FILE."""
FILE_TIFF = 0
FEEDERLOADED, DUPLEX, SERIALNUMBER = 0x1003, 0x1012, 0x1024
PHYSICALWIDTH, PHYSICALHEIGHT = 0x1111, 0x1112
DEPTHS = (1, 8, 16)
USUAL_RESOLUTIONS = Choice((300.0,))


def offers_of(session: TwainSession) -> tuple[SourceCapabilities, ...]:
    """What a source offers with each of its sources of paper."""
    session.set(UNITS, KINDS[UNITS], 0)
    return tuple(one for one in map(lambda s: _offer(session, s), _papers(session)) if one.modes)


def _papers(session: TwainSession) -> Iterator[Source]:
    """The sources of paper: a feeder if it can be enabled, a flatbed if it can be disabled."""
    if session.current(FEEDERENABLED) is None:
        yield Source.FLATBED
        return
    if _is_set(session, FEEDERENABLED, 0):
        yield Source.FLATBED
    if _is_set(session, FEEDERENABLED, 1):
        yield Source.FEEDER
        duplex = session.current(DUPLEX)
        if duplex is not None and duplex.number:
            yield Source.FEEDER_DUPLEX


def _is_set(session: TwainSession, number: int, value: float) -> bool:
    session.set(number, KINDS[number], value)
    current = session.current(number)
    return current is not None and current.number == value


def _offer(session: TwainSession, source: Source) -> SourceCapabilities:
    session.set(FEEDERENABLED, KINDS[FEEDERENABLED], int(source.is_feeder))
    modes = tuple(sorted(set(_modes(session))))
    resolutions = session.get(XRESOLUTION)
    width, height = (session.current(one) for one in (PHYSICALWIDTH, PHYSICALHEIGHT))
    return SourceCapabilities(
        source=source,
        modes=modes,
        resolutions_dpi=(resolutions and resolutions.values) or USUAL_RESOLUTIONS,
        formats=("tiff",),
        max_width_mm=mm(width.number) if width else None,
        max_height_mm=mm(height.number) if height else None,
        icc_formats=("tiff",),
    )


def _modes(session: TwainSession) -> Iterator[tuple[ColourMode, int]]:
    """The colours, each with the bits that the source has for them."""
    types = session.get(PIXELTYPE)
    for number, mode in PIXEL_TYPES.items():
        known = types is not None and types.values is not None and types.values.accepts(number)
        if not known or not _is_set(session, PIXELTYPE, number):
            continue
        depths = session.get(BITDEPTH)
        found = depths.values if depths is not None else None
        usual = 1 if mode is ColourMode.BITONAL else 8
        stated = found.values if isinstance(found, Choice) else (usual,)
        for bits in (bits_per_sample(int(one), mode) for one in stated):
            if bits in DEPTHS and (bits == 1) == (mode is ColourMode.BITONAL):
                yield mode, bits


def feeder_is_loaded(session: TwainSession) -> bool:
    """Whether the feeder says that it has paper."""
    if not _is_set(session, FEEDERENABLED, 1):
        return False
    loaded = session.current(FEEDERLOADED)
    return loaded is not None and bool(loaded.number)


def serial_number(session: TwainSession) -> str:
    """The serial number, or an empty text."""
    stated = session.current(SERIALNUMBER)
    return stated.current if stated is not None and isinstance(stated.current, str) else ""


def writes_tiff(session: TwainSession) -> bool:
    """Whether the source itself writes TIFF files."""
    ways, forms = session.get(TRANSFER), session.get(FILE_FORMAT)
    return all(
        one is not None and one.values is not None and one.values.accepts(value)
        for one, value in ((ways, FILE), (forms, FILE_TIFF))
    )
