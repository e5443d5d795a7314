"""What a station states of a capture, in words: the device, its settings and the digests."""

import re
from collections.abc import Iterator
from datetime import datetime

from schemas.models import Act, Agent, CaptureAccepted, PageCaptured
from schemas.times import written

MAX_NAME_LENGTH, MAX_VALUE_LENGTH = 200, 100
MAX_DETAIL_LENGTH = 3500
"""Shorter than a detail of the log can be."""
DEVICE_ROLE, DRIVER_ROLE, OPERATOR_ROLE = "capture device", "executing program", "implementer"
DRIVERS = {
    "sane": "SANE",
    "escl": "eSCL client",
    "twain": "TWAIN driver",
    "watch": "watched folder",
}
"""Names of the drivers, as software."""
TARGET_CODE = re.compile(r"target\.[a-z0-9-]{1,57}\Z")
FILE = re.compile(r"sha256:[0-9a-f]{64}\Z")
Capture = PageCaptured | CaptureAccepted


def model_of(capture: Capture) -> str | None:
    """The maker and the model of the device; None if the station does not know them."""
    make, model = capture.device_make or "", capture.device_model or ""
    if model.casefold().startswith(make.casefold()):
        make = ""
    return f"{make} {model}".strip()[:MAX_NAME_LENGTH] or None


def device_of(capture: Capture) -> Agent | None:
    """The device as an agent, with the serial number, so that two of a model are two agents."""
    name, serial = model_of(capture), (capture.device_serial or "")[:MAX_NAME_LENGTH]
    if capture.driver in (None, "watch") or not (name or serial):
        return None
    known = f"{name or 'device'} ({serial})" if serial else str(name)
    return Agent(
        type="hardware", name=known, version=_cut(capture.driver_version), role=DEVICE_ROLE
    )


def driver_of(capture: Capture) -> Agent:
    """The driver as an agent."""
    name = DRIVERS.get(str(capture.driver)) or str(_cut(capture.driver))
    version = _cut(capture.driver_version)
    return Agent(type="software", name=name, version=version, role=DRIVER_ROLE)


def setting_texts(capture: Capture) -> Iterator[tuple[str, str]]:
    """Name and values of each setting, in words."""
    for one in capture.settings:
        asked = f"asked {_cut(one.asked)}" if one.asked is not None else ""
        kept = f"confirmed {_cut(one.confirmed)}" if one.confirmed is not None else ""
        yield one.name[:MAX_VALUE_LENGTH], ", ".join(filter(None, (asked, kept)))


def capture_acts(capture: PageCaptured) -> tuple[Act, ...]:
    """The act by which a device made a file, and what its target showed; none for a capture that
    names no driver."""
    if capture.driver is None:
        return ()
    person = capture.operator
    operator = Agent(type="person", name=person, role=OPERATOR_ROLE) if person else None
    agents = (driver_of(capture), device_of(capture), operator)
    return (
        Act(
            type="creation",
            outcome="suc",
            detail=_detail(capture, capture.head.occurred_at)[:MAX_DETAIL_LENGTH],
            agents=tuple(one for one in agents if one is not None),
            sources=(f"page:{capture.head.page_id}",),
            results=(f"sha256:{capture.sha256}",) if capture.sha256 else (),
        ),
        *_target_acts(capture),
    )


def _target_acts(capture: PageCaptured) -> tuple[Act, ...]:
    """What a station states about the colour target of a capture. Only these acts are taken from a
    station, and only with its own program as agent: the line makes all others itself."""
    stated = next((one for one in capture.acts if one.type == "validation"), None)
    if stated is None or stated.outcome not in ("suc", "war"):
        return ()
    if stated.code is not None and not TARGET_CODE.match(stated.code):
        return ()
    producer = capture.head.producer
    program = Agent(
        type="software",
        name=producer.name[:MAX_NAME_LENGTH],
        version=_cut(producer.version),
        role=DRIVER_ROLE,
    )
    target = next((one for one in stated.sources if FILE.match(one)), None)
    page = f"page:{capture.head.page_id}"
    return (
        Act(
            type="validation",
            outcome=stated.outcome,
            code=stated.code,
            detail=stated.detail[:MAX_DETAIL_LENGTH],
            agents=(program,),
            sources=(page, target) if target else (page,),
        ),
    )


def _detail(capture: PageCaptured, captured_at: datetime) -> str:
    device = device_of(capture)
    parts = [
        f"Captured at {written(captured_at)} by {device.name if device else 'an unknown device'}",
        f"driver {driver_of(capture).name} {driver_of(capture).version or ''}".strip(),
        f"profile {_cut(capture.profile) or 'none'}",
        *(f"{name}: {values}" for name, values in setting_texts(capture)),
        f"ICC profile: {_cut(capture.icc_profile) or 'none'}",
        f"SHA-256 of the pixels: {capture.pixels_sha256 or 'not computed'}",
    ]
    return f"{'; '.join(parts)}."


def _cut(text: str | None) -> str | None:
    return text[:MAX_VALUE_LENGTH] if text else None
