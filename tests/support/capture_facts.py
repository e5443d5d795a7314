"""What a station states about a capture, as the facts about it have it."""

from typing import Any

from schemas.models import CaptureSetting

RESOLUTION = CaptureSetting(name="resolution_dpi", asked="300", confirmed="300")
_STATED = {
    "sequence": 1,
    "device_make": "Noname",
    "device_model": "frontend-tester",
    "device_serial": "S-1",
    "operator": "o-17",
    "driver": "sane",
    "driver_version": "sane 1.1",
    "profile": "as-delivered",
    "sha256": "ab" * 32,
}


def stated_capture(**changes: Any) -> dict[str, Any]:
    """The fields of a capture with a flatbed scanner; the settings have no confirmed source."""
    settings = (RESOLUTION, CaptureSetting(name="source", asked="flatbed"))
    return {**_STATED, "settings": settings, **changes}
