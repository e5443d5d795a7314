"""What a package says of the captures of its masters."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from processors.captures import DRIVERS, setting_texts
from schemas.models import CaptureAccepted

FILES_OF_OTHER_SOFTWARE = "watch"
"""Driver that knows no device."""
ADDRESS = ":/\\"
"""Characters of an address, which a station states for a device without a serial number."""


@dataclass(frozen=True, slots=True)
class CaptureDevice:
    """A device with its settings. Most pages of an item have the same one."""

    driver: str
    driver_version: str | None
    make: str | None
    model: str | None
    serial: str | None
    settings: tuple[tuple[str, str], ...]
    """Name and values of each setting, in words."""
    source: str | None
    """From where it took the page: flatbed, feeder, feeder-duplex or camera."""

    @property
    def is_known(self) -> bool:
        """Whether it is a device, and not a folder to which other software writes."""
        return self.driver != FILES_OF_OTHER_SOFTWARE

    @property
    def serial_number(self) -> str | None:
        """Its serial number; None if only its address is known."""
        is_address = any(one in ADDRESS for one in self.serial or "")
        return None if is_address else self.serial

    @property
    def software(self) -> str:
        """The name of its driver."""
        return DRIVERS.get(self.driver, self.driver)


@dataclass(frozen=True, slots=True)
class MasterCapture:
    """The capture of a master."""

    device: CaptureDevice
    captured_at: datetime
    operator: str | None
    sha256: str
    """SHA-256 of the captured file: a corrected file was not captured so."""


def capture_of(fact: CaptureAccepted, known: dict[Any, CaptureDevice]) -> MasterCapture | None:
    """The capture in a fact, or None for one that describes no device. Equal devices of an item
    become one object."""
    if fact.driver is None or fact.sha256 is None or fact.captured_at is None:
        return None
    device = CaptureDevice(
        driver=fact.driver,
        driver_version=fact.driver_version,
        make=fact.device_make,
        model=fact.device_model,
        serial=fact.device_serial,
        settings=tuple(setting_texts(fact)),
        source=next((one.asked for one in fact.settings if one.name == "source"), None),
    )
    device = known.setdefault(device, device)
    return MasterCapture(device, fact.captured_at, fact.operator, fact.sha256)
