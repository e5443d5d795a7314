"""Documents of network scanners, as different devices write them."""

import pytest
from lxml import etree

from streams.clients.scanners.capabilities import Choice, ColourMode, Source, Steps
from streams.clients.scanners.capture_settings import CaptureSettings
from streams.clients.scanners.escl_capabilities import read_capabilities
from streams.clients.scanners.escl_documents import (
    read_status,
    scan_settings,
)
from streams.clients.scanners.scanner_driver import ScannerProblem

ADDRESS = "http://scanner/eSCL"
NAMESPACES = (
    'xmlns:scan="http://schemas.hp.com/imaging/escl/2011/05/03"'
    ' xmlns:pwg="http://www.pwg.org/schemas/2010/12/sm"'
)
PROFILE = """<scan:SettingProfile{name}><scan:ColorModes><scan:ColorMode>Grayscale8</scan:ColorMode>
<scan:ColorMode>RGB24</scan:ColorMode></scan:ColorModes>
<scan:DocumentFormats><pwg:DocumentFormat>image/jpeg</pwg:DocumentFormat>
<scan:DocumentFormatExt>image/tiff</scan:DocumentFormatExt></scan:DocumentFormats>
<scan:SupportedResolutions>{resolutions}</scan:SupportedResolutions></scan:SettingProfile>"""
DISCRETE = "".join(
    f"<scan:DiscreteResolution><scan:XResolution>{dpi}</scan:XResolution>"
    f"<scan:YResolution>{dpi}</scan:YResolution></scan:DiscreteResolution>"
    for dpi in (75, 300, 600)
)
RANGE = """<scan:ResolutionRange><scan:XResolutionRange><scan:Min>50</scan:Min>
<scan:Max>1200</scan:Max><scan:Normal>300</scan:Normal><scan:Step>50</scan:Step>
</scan:XResolutionRange></scan:ResolutionRange>"""
OWN = PROFILE.format(
    name="", resolutions=f"<scan:DiscreteResolutions>{DISCRETE}</scan:DiscreteResolutions>"
)
SIZES = "<scan:MaxWidth>2550</scan:MaxWidth><scan:MaxHeight>3508</scan:MaxHeight>"


def capabilities(content: str) -> bytes:
    return f"<scan:ScannerCapabilities {NAMESPACES}>{content}</scan:ScannerCapabilities>".encode()


def platen(inside: str) -> str:
    return (
        f"<scan:Platen><scan:PlatenInputCaps>{SIZES}{inside}</scan:PlatenInputCaps></scan:Platen>"
    )


FULL = capabilities(
    "<pwg:Version>2.63</pwg:Version><pwg:MakeAndModel>Acme Copy 9</pwg:MakeAndModel>"
    "<pwg:SerialNumber>A-1</pwg:SerialNumber>"
    + platen(f"<scan:SettingProfiles>{OWN}</scan:SettingProfiles>")
    + f"<scan:Adf><scan:AdfSimplexInputCaps>{SIZES}{OWN}</scan:AdfSimplexInputCaps>"
    f"<scan:AdfDuplexInputCaps>{SIZES}{OWN}</scan:AdfDuplexInputCaps></scan:Adf>"
    f"<scan:Camera><scan:CameraInputCaps>{SIZES}{OWN}</scan:CameraInputCaps></scan:Camera>"
)


def test_reads_all_sources_of_a_device():
    stated = read_capabilities(FULL, ADDRESS)

    assert stated.device.model == "Acme Copy 9"
    assert (stated.device.vendor, stated.device.serial) == ("Acme", "A-1")
    assert [one.source for one in stated.capabilities.sources] == [
        Source.FLATBED,
        Source.FEEDER,
        Source.FEEDER_DUPLEX,
        Source.CAMERA,
    ]
    flatbed = stated.capabilities.sources[0]
    assert flatbed.modes == ((ColourMode.GREYSCALE, 8), (ColourMode.RGB, 8))
    assert flatbed.resolutions_dpi == Choice((75, 300, 600))
    assert set(flatbed.formats) == {"jpeg", "tiff"}
    assert flatbed.max_width_mm == pytest.approx(215.9)


@pytest.mark.parametrize(
    "content",
    [
        # Profiles of the device, named by its sources.
        "<scan:SettingProfiles>"
        + OWN.replace("<scan:SettingProfile>", '<scan:SettingProfile name="p1">')
        + "</scan:SettingProfiles>"
        + platen('<scan:SettingProfiles><scan:SettingProfile ref="p1"/></scan:SettingProfiles>'),
        # Profiles of the device alone.
        f"<scan:SettingProfiles>{OWN}</scan:SettingProfiles>" + platen(""),
        # A source without a part for its input.
        f"<scan:Platen>{SIZES}{OWN}</scan:Platen>",
    ],
    ids=["by name", "of the device", "without input caps"],
)
def test_reads_other_layouts(content: str):
    (source,) = read_capabilities(capabilities(content), ADDRESS).capabilities.sources

    assert source.source is Source.FLATBED
    assert source.resolutions_dpi == Choice((75, 300, 600))
    assert (ColourMode.RGB, 8) in source.modes


def test_reads_ranges_of_resolutions():
    inside = PROFILE.format(name="", resolutions=RANGE)

    (source,) = read_capabilities(capabilities(platen(inside)), ADDRESS).capabilities.sources

    assert source.resolutions_dpi == Steps(50, 1200, 50)


def test_reads_a_device_with_other_namespaces_and_without_optional_elements():
    content = b"""<?xml version='1.0'?><ScannerCapabilities xmlns="urn:other">
    <Platen><PlatenInputCaps/></Platen></ScannerCapabilities>"""

    stated = read_capabilities(content, ADDRESS)

    (source,) = stated.capabilities.sources
    assert stated.device.serial == ADDRESS
    assert source.formats == ("jpeg",)
    assert source.resolutions_dpi == Choice((300,))
    assert (source.max_width_mm, source.max_height_mm) == (None, None)


def test_reads_prefixes_that_are_not_declared():
    content = FULL.replace(NAMESPACES.encode(), b"")

    assert len(read_capabilities(content, ADDRESS).capabilities.sources) == 4


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>no</html>", b"not xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"],
)
def test_an_answer_that_is_not_from_a_scanner_is_refused(content: bytes):
    with pytest.raises(ScannerProblem) as problem:
        read_capabilities(content, ADDRESS)

    assert problem.value.code == "scanner.answer-invalid"


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("ScannerAdfJam", "scanner.jammed"),
        ("ScannerAdfMispick", "scanner.jammed"),
        ("ScannerAdfHatchOpen", "scanner.cover-open"),
        ("ScannerAdfEmpty", "scanner.feeder-empty"),
        ("ScannerAdfLoaded", None),
        ("", None),
    ],
)
def test_reads_the_state_of_the_feeder(state: str, code: str | None):
    document = f"<s:ScannerStatus xmlns:s='x'><s:State>Idle</s:State><s:AdfState>{state}</s:AdfState></s:ScannerStatus>"

    status = read_status(document.encode())

    assert (status.state, status.code) == ("Idle", code)
    assert status.is_feeder_loaded == (state == "ScannerAdfLoaded")


def test_asks_in_units_of_a_300th_inch():
    settings = CaptureSettings(
        Source.FEEDER_DUPLEX, ColourMode.GREYSCALE, 8, 300, "jpeg", 215.9, 297
    )

    asked = {
        etree.QName(one).localname: one.text
        for one in etree.fromstring(scan_settings(settings, "2.6")).iter()
    }

    assert (asked["Width"], asked["Height"]) == ("2550", "3508")
    assert (asked["InputSource"], asked["Duplex"]) == ("Feeder", "true")
    assert (asked["ColorMode"], asked["XResolution"]) == ("Grayscale8", "300")
    assert asked["DocumentFormat"] == asked["DocumentFormatExt"] == "image/jpeg"


def test_no_area_is_asked_for_when_the_device_states_none():
    settings = CaptureSettings(Source.FLATBED, ColourMode.RGB, 8, 300, "jpeg")

    assert b"ScanRegion" not in scan_settings(settings, "2.6")
