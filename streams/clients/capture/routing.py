"""Finds a device for a profile: the one that is named, or the first that can keep it."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from processors.profile import InvalidProfile, Profile, canonical, names, resolve
from streams.clients.scanners.agreement import Agreement, agree, profiles_kept
from streams.clients.scanners.capabilities import joined
from streams.clients.scanners.capture_settings import CaptureSettings, Wishes
from streams.clients.scanners.escl_access import OPEN, Access
from streams.clients.scanners.escl_driver import EsclDriver
from streams.clients.scanners.sane_driver import SaneDriver
from streams.clients.scanners.scanner_driver import Scanner, ScannerDriver, ScannerProblem
from streams.clients.scanners.twain_driver import TwainDriver
from streams.clients.scanners.watch_driver import WatchDriver

DRIVERS = ("sane", "escl", "twain", "watch")
SETTLE_SECONDS = 2.0
IS_WINDOWS = sys.platform == "win32"


@dataclass(frozen=True)
class Station:
    """What drivers need to know of this station."""

    work: Path
    """Folder for the files of drivers."""
    profiles: Path
    """The institution's own profiles."""
    sane_config: Path | None = None
    silence_seconds: float = 120
    idle_seconds: float = 30
    settle_seconds: float = SETTLE_SECONDS
    access: Access = OPEN

    def driver(self, name: str) -> ScannerDriver:
        """The driver with a name."""
        if name == "sane":
            return SaneDriver(self.work / "sane", self.sane_config, self.silence_seconds)
        if name == "escl":
            return EsclDriver(self.silence_seconds, access=self.access)
        if name == "twain":
            return TwainDriver(self.silence_seconds)
        return WatchDriver(self.settle_seconds, self.idle_seconds)


def drivers_here() -> tuple[str, ...]:
    """The drivers that this system can have."""
    return tuple(one for one in DRIVERS if (one != "twain") or IS_WINDOWS)


def driver_for(device: str) -> str:
    """The driver of a device by the form of its name: a URL, a folder, or a name of SANE or,
    on Windows, of TWAIN."""
    if device.startswith(("http://", "https://")):
        return "escl"
    if Path(device).is_dir():
        return "watch"
    return "twain" if IS_WINDOWS else "sane"


def load_profile(name: str, folder: Path) -> Profile:
    """The profile with a name. Raises UnknownProfile and InvalidProfile."""
    return Profile.from_json(canonical(resolve(name, folder)))


def all_profiles(folder: Path) -> Iterator[Profile]:
    """All profiles that are valid."""
    for name in names(folder):
        try:
            yield load_profile(name, folder)
        except InvalidProfile:
            continue


def find_scanner(
    station: Station, profile: Profile, wishes: Wishes, driver: str | None, device: str | None
) -> tuple[Scanner, CaptureSettings]:
    """A device that can keep a profile, and the settings for it. Raises ScannerProblem."""
    refused: list[tuple[Scanner, Agreement]] = []
    for scanner in _candidates(station, driver, device):
        agreement = agree(profile, scanner.capabilities(), wishes)
        if agreement.settings is not None:
            return scanner, agreement.settings
        refused.append((scanner, agreement))
    if not refused:
        raise ScannerProblem("scanner.not-found", f"no device found by {driver or 'any driver'}")
    found = "; ".join(f"{one.device.name}: {agreement.text}" for one, agreement in refused)
    kept = {
        name
        for one, _ in refused
        for name in profiles_kept(all_profiles(station.profiles), one.capabilities(), wishes)
    }
    raise ScannerProblem(
        "scanner.cannot-keep-profile", f"{profile.name}: {found}", kept=joined(sorted(kept))
    )


def _candidates(station: Station, driver: str | None, device: str | None) -> Iterator[Scanner]:
    if device is not None:
        yield station.driver(driver or driver_for(device)).open(device)
        return
    problems: list[ScannerProblem] = []
    for name in (driver,) if driver else drivers_here():
        try:
            one = station.driver(name)
            for found in one.devices():
                yield one.open(found.name)
        except ScannerProblem as problem:
            problems.append(problem)
    if problems and driver:
        raise problems[0]
