"""Adds what a station states of a capture to the MIX of a master."""

from lxml import etree

from processors.package.captured import CaptureDevice, MasterCapture
from processors.xml.writing import MIX, Maker
from schemas.times import written

_mix = Maker(MIX, {"mix": MIX})
CAPTURE, GENERAL = "ImageCaptureMetadata", "GeneralCaptureInformation"
DEVICES = ("ScannerCapture", "DigitalCameraCapture")
CAPTURE_DEVICES = {
    "feeder": "reflection print scanner",
    "feeder-duplex": "reflection print scanner",
    "camera": "digital still camera",
}
"""MIX's name by the source. The light of a flatbed may come from above or from below."""

Element = etree._Element


def with_capture(document: Element, capture: MasterCapture) -> Element:
    """The MIX of a master with the device, driver, operator and time of its capture, which replace
    what the file itself states of them."""
    captured = _section(document)
    known = capture.device.is_known
    old = captured.find(_name(GENERAL))
    general = _mix(GENERAL, *_general(capture, old, known))
    if old is not None:
        captured.remove(old)
    # After SourceInformation, the only element that may precede it.
    first = captured.find(_name("SourceInformation")) is not None
    captured.insert(int(first), general)
    if known:
        for name in DEVICES:
            for stated in captured.findall(_name(name)):
                captured.remove(stated)
        general.addnext(_device(capture.device))
    return document


def _name(local: str) -> str:
    return f"{{{MIX}}}{local}"


def _section(document: Element) -> Element:
    """The section of the document about its capture, which is made if there is none."""
    found = document.find(_name(CAPTURE))
    if found is None:
        found = _mix(CAPTURE)
        after = document.find(_name("ImageAssessmentMetadata"))
        if after is not None:
            after.addprevious(found)
        else:
            document.append(found)
    return found


def _general(capture: MasterCapture, old: Element | None, known: bool) -> list[Element | None]:
    def stated(name: str) -> str | None:
        return old.findtext(_name(name)) if old is not None else None

    at, device = stated("dateTimeCreated"), stated("captureDevice")
    if known:
        at = written(capture.captured_at)
        device = CAPTURE_DEVICES.get(capture.device.source or "", device)
    return [
        _text("dateTimeCreated", at),
        _text("imageProducer", capture.operator),
        _text("captureDevice", device),
    ]


def _device(device: CaptureDevice) -> Element:
    camera = device.source == "camera"
    kind, prefix, maker = (
        (DEVICES[1], "DigitalCamera", "digitalCamera")
        if camera
        else (DEVICES[0], "Scanner", "scanner")
    )
    software = (
        None
        if camera
        else _some(
            "ScanningSystemSoftware",
            _text("scanningSoftwareName", device.software),
            _text("scanningSoftwareVersionNo", device.driver_version),
        )
    )
    model = _some(
        f"{prefix}Model",
        _text(f"{maker}ModelName", device.model),
        _text(f"{maker}ModelSerialNo", device.serial_number),
    )
    return _mix(kind, _text(f"{maker}Manufacturer", device.make), model, software)


def _some(name: str, *children: Element | None) -> Element | None:
    kept = [child for child in children if child is not None]
    return _mix(name, *kept) if kept else None


def _text(name: str, value: str | None) -> Element | None:
    return _mix(name, value) if value else None
