"""Scanners that SANE reaches, through its program scanimage."""

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from streams.clients.scanners.capabilities import (
    Capabilities,
    ColourMode,
    Device,
    Source,
    SourceCapabilities,
    Steps,
    Values,
    joined,
)
from streams.clients.scanners.capture_settings import CaptureSettings
from streams.clients.scanners.sane_child import SaneChild, config_folder
from streams.clients.scanners.sane_options import SaneOption, read_options
from streams.clients.scanners.scanner_driver import ScannedPage, ScannerProblem
from streams.clients.scanners.twain_map import mode_of_sane, source_of_sane, to_sane_fixed

FIELDS = "%d|%v|%m%n"
RESOLUTIONS = ("resolution", "x-resolution", "y-resolution")
SIZES = {"x": "width_mm", "y": "height_mm"}
TOLERANCE_MM = 1.0
"""Devices round the scan area to whole steps of their motor."""
TOLERANCE = 0.001
Options = dict[str, SaneOption]


class SaneDriver:
    """Finds and opens the scanners of SANE."""

    name = "sane"

    def __init__(self, folder: Path, configured: Path | None, silence_seconds: float) -> None:
        """`folder` takes the configuration of each call; `configured` is the station's own."""
        self._folder, self._configured = folder, configured
        self._silence = silence_seconds

    def devices(self) -> list[Device]:
        """The devices that the configured backends find. Raises ScannerProblem."""
        return _listed(self._child(""))

    def open(self, name: str) -> "SaneScanner":
        """The device with a name. Raises ScannerProblem."""
        child = self._child(name)
        version = _version(child)
        listed: dict[str, Device] = {}
        with suppress(ScannerProblem):
            listed = {one.name: one for one in _listed(child)}
        # A device of a server in the network answers to its name without being listed.
        unlisted = Device("sane", name, serial=name, driver_version=version)
        device = listed.get(name) or unlisted
        return SaneScanner(device, child)

    def _child(self, device: str) -> SaneChild:
        config = config_folder(self._folder, device, self._configured)
        return SaneChild(config, self._configured, self._silence)


def _listed(child: SaneChild) -> list[Device]:
    version = _version(child)
    rows = [line.split("|") for line in child.ask("-f", FIELDS).splitlines()]
    return [
        Device("sane", row[0], row[1], row[2], serial=row[0], driver_version=version)
        for row in rows
        if len(row) >= 3
    ]


def _version(child: SaneChild) -> str:
    return child.ask("--version").strip()


class SaneScanner:
    """One device of SANE."""

    def __init__(self, device: Device, child: SaneChild) -> None:
        self.device = device
        self._child = child
        self._arguments: list[str] = []

    def capabilities(self) -> Capabilities:
        """What it can do with each of its sources. Raises ScannerProblem."""
        options = self._options()
        choice = options.get("source")
        if choice is None or not choice.is_active or not choice.words:
            return Capabilities((_capabilities(Source.FLATBED, options),))
        found: dict[Source, SourceCapabilities] = {}
        for word in choice.words:
            source = source_of_sane(word)
            if source is not None and source not in found:
                found[source] = _capabilities(source, self._options(choice.argument(word)))
        return Capabilities(tuple(found.values()))

    def prepare(self, settings: CaptureSettings) -> dict[str, Any]:
        """Check each value against the constraint of its option, set all, and compare what the
        device then has. Raises ScannerProblem."""
        first = self._source_and_mode(settings, self._options())
        offered = self._options(*(option.argument(value) for option, value in first))
        chosen = [*first, *_values(settings, offered)]
        arguments = [option.argument(value) for option, value in chosen]
        confirmed = self._options(*arguments)
        differing = [
            f"{option.name} is {confirmed[option.name].current}, asked {value}"
            for option, value in chosen
            if option.name in confirmed and not _is_kept(option, value, confirmed)
        ]
        if differing:
            raise ScannerProblem("scanner.setting-differs", "; ".join(differing))
        self._arguments = arguments
        return {option.name: confirmed[option.name].current for option, _ in chosen}

    def resume(self, known: list[dict[str, Any]]) -> None:
        """Nothing: each start gives new pages."""

    def sidecars(self) -> list[tuple[str | None, Path]]:
        """None."""
        return []

    def scan(self, settings: CaptureSettings, folder: Path, count: int) -> Iterator[ScannedPage]:
        """The pages of one load of the feeder, or one page of another source."""
        icc = [f"--icc-profile={settings.icc_profile}"] if settings.icc_profile else []
        pages = count if settings.source.is_feeder else 1
        # Only --batch writes under another name until a page is complete; --output-file does not.
        batch = (f"--batch={folder}/load-%04d.tif", f"--batch-count={pages}")
        device = f"--device-name={self.device.name}"
        arguments = [device, *self._arguments, *icc, "--format=tiff", *batch]
        scanned = 0
        for path in self._child.run(arguments, folder, "load-*.tif"):
            scanned += 1
            yield ScannedPage(path)
        if not scanned:
            raise ScannerProblem("scanner.no-image", "scanimage ended without a file")

    def _options(self, *arguments: str) -> Options:
        answer = self._child.ask(f"--device-name={self.device.name}", *arguments, "--all-options")
        options = read_options(answer)
        if not options:
            raise ScannerProblem("scanner.answer-invalid", "scanimage printed no options")
        return options

    def _source_and_mode(
        self, settings: CaptureSettings, options: Options
    ) -> list[tuple[SaneOption, str]]:
        """Source and mode come first: what other options accept depends on them."""
        chosen = []
        source, mode, depth = (options.get(name) for name in ("source", "mode", "depth"))
        if source and source.is_active and source.words:
            words = [one for one in source.words if source_of_sane(one) is settings.source]
            chosen.append((source, _first(words, "source", settings.source, source)))
        if mode and mode.is_active and mode.words:
            bits = settings.bits_per_sample if depth else None
            words = [one for one in mode.words if mode_of_sane(one, bits) is settings.mode]
            # Lineart before Gray with a depth of 1.
            words.sort(key=lambda one: mode_of_sane(one) is not settings.mode)
            chosen.append((mode, _first(words, "mode", settings.mode, mode)))
        return chosen


def _first(words: list[str], name: str, wanted: object, option: SaneOption) -> str:
    if words:
        return words[0]
    found = f"{name} {wanted}; the device offers {joined(option.words)}"
    raise ScannerProblem("scanner.value-refused", found)


def _values(settings: CaptureSettings, options: Options) -> Iterator[tuple[SaneOption, str]]:
    """The other options with values that their constraints accept."""
    depth = options.get("depth")
    if depth and depth.is_active:
        yield depth, _checked(depth, settings.bits_per_sample)
    resolutions = [options[name] for name in RESOLUTIONS if name in options]
    for option in (one for one in resolutions if one.is_active):
        yield option, _checked(option, settings.resolution_dpi)
    for corner in ("l", "t"):
        if corner in options and isinstance(options[corner].numbers, Steps):
            yield options[corner], _checked(options[corner], 0)
    for name, field in SIZES.items():
        value = getattr(settings, field)
        if value is not None and name in options and options[name].is_active:
            yield options[name], _checked(options[name], value)


def _checked(option: SaneOption, value: float) -> str:
    """A number as an argument. scanimage itself would change one that the option does not accept,
    and lets a large one overflow, without an error."""
    accepted = _numbers(option)
    try:
        to_sane_fixed(value)
    except ValueError:
        accepted = None
    if accepted is None or not accepted.accepts(value):
        offers = accepted if accepted is not None else "values below 32768"
        found = f"{option.name} {value:g}{option.unit}; the device offers {offers}"
        raise ScannerProblem("scanner.value-refused", found)
    return f"{value:g}"


def _numbers(option: SaneOption) -> Values | None:
    return option.numbers or Steps(-32768, 32767)


def _is_kept(option: SaneOption, value: str, confirmed: Options) -> bool:
    got = confirmed[option.name].current
    try:
        wanted, found = float(value), float(got)
    except ValueError:
        return got == value
    if option.name in ("x", "y", "l", "t"):
        return abs(found - wanted) <= TOLERANCE_MM
    return math.isclose(found, wanted, rel_tol=TOLERANCE)


def _capabilities(source: Source, options: Options) -> SourceCapabilities:
    width, height = (_highest(options.get(name)) for name in SIZES)
    resolution = next((options[name] for name in RESOLUTIONS if name in options), None)
    return SourceCapabilities(
        source=source,
        modes=tuple(_modes(options)),
        resolutions_dpi=(resolution and resolution.numbers) or Steps(1, 32767),
        formats=("tiff",),
        max_width_mm=width,
        max_height_mm=height,
        icc_formats=("tiff",),
    )


def _highest(option: SaneOption | None) -> float | None:
    numbers = option.numbers if option else None
    return numbers.highest if numbers else None


def _modes(options: Options) -> Iterator[tuple[ColourMode, int]]:
    mode, depth = options.get("mode"), options.get("depth")
    depths = [bits for bits in (1, 8, 16) if depth and _numbers_accept(depth, bits)]
    seen: set[tuple[ColourMode, int]] = set()
    for word in mode.words if mode and mode.words else ("Gray",):
        plain = mode_of_sane(word)
        if plain is ColourMode.BITONAL:
            seen.add((plain, 1))
        elif plain is ColourMode.GREYSCALE and 1 in depths:
            seen.add((ColourMode.BITONAL, 1))
        if plain in (ColourMode.GREYSCALE, ColourMode.RGB):
            seen |= {(plain, bits) for bits in depths or [8] if bits > 1}
    yield from sorted(seen)


def _numbers_accept(option: SaneOption, value: float) -> bool:
    return option.numbers is not None and option.numbers.accepts(value)
