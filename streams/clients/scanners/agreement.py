"""Agrees with a device on settings that keep a profile, or says what it cannot do."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from processors.profile import Profile
from streams.clients.scanners.capabilities import (
    Capabilities,
    ColourMode,
    Source,
    SourceCapabilities,
    joined,
)
from streams.clients.scanners.capture_settings import CaptureSettings, Wishes

USUAL_DPI = 300
"""Resolution for a profile that requires none."""
COMPRESSIONS = {"tiff": "none", "bigtiff": "none", "png": "deflate", "jpeg": "jpeg"}
"""Compression of the files that drivers deliver; a format that loses nothing comes first."""
LOSSY = ("jpeg",)
"""Formats that lose details."""
ORDER = (Source.FLATBED, Source.FEEDER, Source.FEEDER_DUPLEX, Source.CAMERA, Source.FOLDER)


@dataclass(frozen=True)
class Shortfall:
    """Something that a profile or a person asks for and a device cannot do."""

    setting: str
    wanted: str
    offered: str

    def __str__(self) -> str:
        return f"{self.setting}: wanted {self.wanted}; the device offers {self.offered}"


@dataclass(frozen=True)
class Agreement:
    """Settings that keep a profile, or everything that prevents it."""

    settings: CaptureSettings | None
    shortfalls: tuple[Shortfall, ...] = ()
    source: Source | None = None
    """The source that the shortfalls are about, if the device has others, too."""

    @property
    def text(self) -> str:
        """What the device cannot do, in words."""
        of_source = f"{self.source.value}: " if self.source else ""
        return of_source + "; ".join(str(one) for one in self.shortfalls)


def agree(profile: Profile, capabilities: Capabilities, wishes: Wishes) -> Agreement:
    """The settings for a source that can keep the profile; if none can, the one that comes nearest
    decides what is reported."""
    refused: list[Agreement] = []
    several = len({one.source for one in capabilities.sources}) > 1
    for offered in _sources(capabilities, wishes):
        agreement = _with_source(profile, offered, wishes)
        if agreement.settings is not None:
            return agreement
        refused.append(replace(agreement, source=offered.source if several else None))
    if refused:
        return min(refused, key=lambda one: len(one.shortfalls))
    sources = joined(one.source.value for one in capabilities.sources)
    return Agreement(None, (Shortfall("source", str(wishes.source or "any"), sources),))


def profiles_kept(
    profiles: Iterable[Profile], capabilities: Capabilities, wishes: Wishes
) -> tuple[str, ...]:
    """The names of the profiles that the device can keep."""
    return tuple(
        one.name for one in profiles if agree(one, capabilities, wishes).settings is not None
    )


def _sources(capabilities: Capabilities, wishes: Wishes) -> Iterator[SourceCapabilities]:
    """The sources to try, the preferred one first: the one that has paper, else the flatbed."""
    if wishes.source is not None:
        order: tuple[Source | None, ...] = (wishes.source,)
    else:
        order = (capabilities.loaded, *(one for one in ORDER if one != capabilities.loaded))
    for source in order:
        # A device may offer several groups of settings that go together.
        yield from (one for one in capabilities.sources if one.source is source)


def _with_source(profile: Profile, offered: SourceCapabilities, wishes: Wishes) -> Agreement:
    missing: list[Shortfall] = []
    format_ = _format(profile, offered, missing)
    mode = _mode(profile, offered, wishes, missing)
    dpi = _resolution(profile, offered, wishes, missing)
    if format_ is not None and mode is not None:
        _icc(profile, offered, wishes, format_, mode[0], missing)
    if missing or format_ is None or mode is None or dpi is None:
        return Agreement(None, tuple(missing))
    embeds = format_ in offered.icc_formats
    settings = CaptureSettings(
        source=offered.source,
        mode=mode[0],
        bits_per_sample=mode[1],
        resolution_dpi=dpi,
        format=format_,
        width_mm=offered.max_width_mm,
        height_mm=offered.max_height_mm,
        icc_profile=wishes.icc_profile if embeds else None,
    )
    return Agreement(settings)


def _format(profile: Profile, offered: SourceCapabilities, missing: list[Shortfall]) -> str | None:
    accepted = [
        one
        for one, compression in COMPRESSIONS.items()
        if one in profile.formats
        and compression in profile.compressions
        and not (one in LOSSY and profile.lossy_master == "refuse")
    ]
    for one in accepted:
        if one in offered.formats:
            return one
    missing.append(Shortfall("format", " or ".join(accepted), joined(offered.formats)))
    return None


def _mode(
    profile: Profile, offered: SourceCapabilities, wishes: Wishes, missing: list[Shortfall]
) -> tuple[ColourMode, int] | None:
    """The most colours that both sides accept, with the fewest bits that keep their tones."""
    wanted = [
        (mode, bits)
        for mode in (ColourMode.RGB, ColourMode.GREYSCALE, ColourMode.BITONAL)
        if mode in profile.colour_spaces and wishes.mode in (None, mode)
        for bits in sorted(profile.bits_per_sample)
        if (bits == 1) == (mode is ColourMode.BITONAL)
    ]
    for one in wanted:
        if one in offered.modes:
            return one
    names = joined(f"{mode} {bits} bit" for mode, bits in wanted)
    offers = joined(f"{mode} {bits} bit" for mode, bits in offered.modes)
    missing.append(Shortfall("colour", names, offers))
    return None


def _resolution(
    profile: Profile, offered: SourceCapabilities, wishes: Wishes, missing: list[Shortfall]
) -> float | None:
    values, lowest = offered.resolutions_dpi, profile.min_resolution_dpi
    wished = wishes.resolution_dpi
    if wished is not None:
        too_low = lowest is not None and wished < lowest and profile.low_resolution == "refuse"
        if values.accepts(wished) and not too_low:
            return wished
        least = f", at least {lowest:g} dpi" if too_low and lowest else ""
        missing.append(Shortfall("resolution", f"{wished:g} dpi{least}", f"{values} dpi"))
        return None
    found = values.lowest_from(lowest or USUAL_DPI)
    if found is None and (lowest is None or profile.low_resolution != "refuse"):
        found = values.highest
    if found is None:
        missing.append(Shortfall("resolution", f"{lowest:g} dpi or more", f"{values} dpi"))
    return found


def _icc(
    profile: Profile,
    offered: SourceCapabilities,
    wishes: Wishes,
    format_: str,
    mode: ColourMode,
    missing: list[Shortfall],
) -> None:
    embeds, wished = format_ in offered.icc_formats, wishes.icc_profile
    if wished is not None and not embeds:
        missing.append(Shortfall("ICC profile", wished.name, f"none in {format_}"))
    # The software of a vendor embeds its own; the check of each page finds out.
    needed = profile.missing_icc == "refuse" and offered.source is not Source.FOLDER
    if wished is None and needed and mode is not ColourMode.BITONAL:
        here = "none of its own; name the profile of this device with --icc-profile"
        offers = here if embeds else f"none in {format_}"
        missing.append(Shortfall("ICC profile", f"one in each {mode} page", offers))
