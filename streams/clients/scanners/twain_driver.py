"""Scanners of TWAIN: settings are asked, set and read back, then pages are transferred."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from streams.clients.scanners.capabilities import Capabilities, Device, Source
from streams.clients.scanners.capture_settings import CaptureSettings
from streams.clients.scanners.dib import read_dib, write_tiff
from streams.clients.scanners.scanner_driver import ScannedPage, ScannerProblem
from streams.clients.scanners.twain_map import (
    BITDEPTH,
    FEEDERENABLED,
    PIXEL_TYPES,
    PIXELFLAVOR,
    PIXELTYPE,
    ROWS,
    XFERCOUNT,
    differences,
    from_fix32,
    to_twain,
)
from streams.clients.scanners.twain_offers import (
    FILE,
    FILE_FORMAT,
    FILE_TIFF,
    KINDS,
    NATIVE,
    TRANSFER,
    feeder_is_loaded,
    offers_of,
    serial_number,
    writes_tiff,
)
from streams.clients.scanners.twain_session import Manager, TwainSession
from streams.clients.scanners.twain_structures import Identity, Kind
from streams.clients.scanners.twain_windows import windows_manager

NATIVE_BITS = (1, 8)
"""Bits per sample that an image in memory can have."""
MOST_PAGES = 32767
"""The highest number that CAP_XFERCOUNT can hold."""


class TwainDriver:
    """Finds and opens the sources of TWAIN."""

    name = "twain"

    def __init__(
        self, silence_seconds: float, manager: Callable[[], Manager] = windows_manager
    ) -> None:
        self._silence, self._manager = silence_seconds, manager

    def devices(self) -> list[Device]:
        """The sources that are installed. Raises ScannerProblem."""
        with _opened(self._manager) as session:
            return [_device(one, "") for one in session.sources()]

    def open(self, name: str) -> "TwainScanner":
        """The source with a name. Raises ScannerProblem."""
        with _opened(self._manager, name) as session:
            assert session.source is not None
            device = _device(session.source, serial_number(session))
        return TwainScanner(device, self._manager, self._silence)


@contextmanager
def _opened(manager: Callable[[], Manager], name: str | None = None) -> Iterator[TwainSession]:
    """A session with the manager, or with a source of it, which is closed in any case."""
    session = TwainSession(manager())
    try:
        session.open_manager()
        if name is not None:
            session.open_source(name)
        yield session
    finally:
        session.close()


def _device(source: Identity, serial: str) -> Device:
    def text(value: bytes) -> str:
        return value.decode("utf-8", "replace").strip()

    name, version = text(source.product_name), source.version
    stated = f"{version.major}.{version.minor} {text(version.info)}".strip()
    properties = {"twain": f"{source.protocol_major}.{source.protocol_minor}"}
    vendor = text(source.manufacturer)
    return Device("twain", name, vendor, name, serial or name, f"TWAIN {stated}", properties)


class TwainScanner:
    """One source. Each operation opens and closes it, so that other programs can use it between."""

    def __init__(self, device: Device, manager: Callable[[], Manager], silence: float) -> None:
        self.device = device
        self._manager, self._silence = manager, silence

    def capabilities(self) -> Capabilities:
        """What it can do with each of its sources of paper. Raises ScannerProblem."""
        with self._session() as session:
            offers = offers_of(session)
            loaded = Source.FEEDER if feeder_is_loaded(session) else None
        if not offers:
            found = f"{self.device.name} names no colours that can be used"
            raise ScannerProblem("scanner.answer-invalid", found)
        return Capabilities(offers, loaded)

    def prepare(self, settings: CaptureSettings) -> dict[str, Any]:
        """Set each value, and compare what the source has then. Raises ScannerProblem."""
        with self._session() as session:
            return _agreed(session, settings)

    def resume(self, known: list[dict[str, Any]]) -> None:
        """Nothing: each start gives new pages."""

    def sidecars(self) -> list[tuple[str | None, Path]]:
        """None."""
        return []

    def scan(self, settings: CaptureSettings, folder: Path, count: int) -> Iterator[ScannedPage]:
        """The pages of one load of the feeder, or one page of another source."""
        limit = count if settings.source.is_feeder else 1
        with self._session() as session:
            # A source forgets its settings when it is closed.
            _agreed(session, settings)
            if settings.source.is_feeder and limit <= MOST_PAGES:
                # Else the feeder takes in sheets that nobody asks for.
                session.set(XFERCOUNT, KINDS[XFERCOUNT], limit)
            session.enable()
            session.wait_until_ready(self._silence)
            for number in range(1, limit + 1):
                path = folder / f"load-{number:04d}.tif"
                _transfer(session, settings, path)
                more = session.end_transfer()
                yield ScannedPage(path)
                if not more:
                    break
        if number < limit:
            raise ScannerProblem("scanner.feeder-empty", f"the source ended after page {number}")

    @contextmanager
    def _session(self) -> Iterator[TwainSession]:
        with _opened(self._manager, self.device.name) as session:
            yield session


def _transfer(session: TwainSession, settings: CaptureSettings, path: Path) -> None:
    """Write the image that is ready to a file. Raises ScannerProblem."""
    if _mechanism(session, settings) == FILE:
        session.file_image(path)
        return
    info = session.image_info()
    dpi = tuple(
        from_fix32(one.whole, one.fraction) for one in (info.x_resolution, info.y_resolution)
    )
    with session.native_image() as address:
        raster = read_dib(address)
    if info.width > 0 < info.length and (raster.width, raster.height) != (info.width, info.length):
        found = f"{raster.width} x {raster.height} px, announced {info.width} x {info.length} px"
        raise ScannerProblem("scanner.image-incomplete", found)
    icc = settings.icc_profile.read_bytes() if settings.icc_profile else None
    write_tiff(path, raster, (dpi[0], dpi[1]), icc)


def _mechanism(session: TwainSession, settings: CaptureSettings) -> int:
    """How the image travels: as a file of the source, unless it needs a profile of ours."""
    if settings.icc_profile is None and writes_tiff(session):
        return FILE
    if settings.bits_per_sample in NATIVE_BITS:
        return NATIVE
    found = f"{settings.bits_per_sample} bits per sample need a source that writes TIFF files"
    raise ScannerProblem("scanner.value-refused", f"{found}, and no --icc-profile")


def _agreed(session: TwainSession, settings: CaptureSettings) -> dict[str, Any]:
    """The values that a source has after all were set, by the name of their capability.

    Raises ScannerProblem if one is not the one that was asked."""
    wanted = to_twain(settings)
    for number, value in wanted.items():
        bits = _depth(session, settings) if number == BITDEPTH else value
        session.set(number, KINDS[number], bits)
    mechanism = _mechanism(session, settings)
    session.set(TRANSFER, Kind.UINT16, mechanism)
    if mechanism == FILE:
        session.set(FILE_FORMAT, Kind.UINT16, FILE_TIFF)
    read_back: dict[int, float] = {}
    for number in wanted:
        current = session.current(number)
        if current is not None:
            read_back[number] = current.number
    differing = [*differences(settings, read_back), *_missing(read_back, settings)]
    if differing:
        raise ScannerProblem("scanner.setting-differs", "; ".join(differing))
    names = {row.number: row.capability for row in ROWS}
    return {names[number]: _in_words(number, value) for number, value in read_back.items()}


def _in_words(number: int, value: float) -> str:
    """A value of the source as a person reads it."""
    if number == PIXELTYPE and value in PIXEL_TYPES:
        return str(PIXEL_TYPES[int(value)])
    if KINDS[number] is Kind.BOOL:
        return "on" if value else "off"
    return f"{value:g}"


def _depth(session: TwainSession, settings: CaptureSettings) -> float:
    """The bits in the words of the source: those of a sample, or those of a pixel."""
    offered = session.get(BITDEPTH)
    bits = settings.bits_per_sample
    if offered is None or offered.values is None or offered.values.accepts(bits):
        return bits
    return bits * 3 if offered.values.accepts(bits * 3) else bits


def _missing(read_back: dict[int, float], settings: CaptureSettings) -> Iterator[str]:
    """Settings that the source cannot confirm, although they matter."""
    optional = {XFERCOUNT, PIXELFLAVOR, BITDEPTH}
    if not settings.source.is_feeder:
        optional.add(FEEDERENABLED)
    for number, value in to_twain(settings).items():
        if number not in read_back and number not in optional and value:
            name = next(row.capability for row in ROWS if row.number == number)
            yield f"{name} is not reported, asked {value:g}"
