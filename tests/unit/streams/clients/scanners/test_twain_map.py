"""TWAIN and SANE in the same words."""

import pytest

from streams.clients.scanners import twain_map
from streams.clients.scanners.capabilities import ColourMode, Source
from streams.clients.scanners.capture_settings import CaptureSettings
from streams.clients.scanners.scanner_driver import REACTIONS, ScannerProblem
from streams.clients.scanners.twain_map import (
    BITDEPTH,
    FEEDERENABLED,
    PIXELFLAVOR,
    PIXELTYPE,
    ROWS,
    SANE_STATUS,
    TWAIN_CONDITIONS,
    XFERCOUNT,
    XRESOLUTION,
    bits_per_sample,
    differences,
    mode_of_sane,
    source_of_sane,
    to_twain,
)

SETTINGS = CaptureSettings(Source.FEEDER, ColourMode.RGB, 8, 300, "tiff")


@pytest.mark.parametrize(
    ("text", "depth", "mode"),
    [
        ("Lineart", None, ColourMode.BITONAL),
        ("Black & White", None, ColourMode.BITONAL),
        ("Binary", 1, ColourMode.BITONAL),
        ("Gray", 8, ColourMode.GREYSCALE),
        ("Gray", 1, ColourMode.BITONAL),
        ("True Gray", None, ColourMode.GREYSCALE),
        ("Grayscale", None, ColourMode.GREYSCALE),
        ("Color", 8, ColourMode.RGB),
        ("24bit Color[Fast]", None, ColourMode.RGB),
        ("Infrared", None, None),
    ],
)
def test_reads_the_modes_of_sane(text: str, depth: int | None, mode: ColourMode | None):
    assert mode_of_sane(text, depth) is mode


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("Flatbed", Source.FLATBED),
        ("Platen", Source.FLATBED),
        ("ADF", Source.FEEDER),
        ("Automatic Document Feeder", Source.FEEDER),
        ("ADF Front", Source.FEEDER),
        ("ADF Duplex", Source.FEEDER_DUPLEX),
        ("Transparency Unit", None),
    ],
)
def test_reads_the_sources_of_sane(text: str, source: Source | None):
    assert source_of_sane(text) is source


def test_asks_twain_for_the_same_settings():
    asked = to_twain(SETTINGS)

    assert asked[PIXELTYPE] == 2
    assert asked[XRESOLUTION] == 300
    assert asked[FEEDERENABLED] is True
    assert asked[XFERCOUNT] == -1


def test_a_bitonal_image_is_vanilla_since_sane_has_1_for_black():
    bitonal = CaptureSettings(Source.FLATBED, ColourMode.BITONAL, 1, 300, "tiff")

    assert to_twain(bitonal)[PIXELFLAVOR] == 1
    assert to_twain(SETTINGS)[PIXELFLAVOR] == 0


@pytest.mark.parametrize(("depth", "bits"), [(8, 8), (24, 8), (48, 16), (16, 16)])
def test_bits_of_a_pixel_and_of_a_sample_mean_the_same(depth: int, bits: int):
    assert bits_per_sample(depth, ColourMode.RGB) == bits
    assert differences(SETTINGS, {BITDEPTH: depth}) == (
        [] if bits == 8 else ["ICAP_BITDEPTH is 16, asked 8"]
    )


def test_a_source_that_rounds_a_value_is_noticed():
    assert differences(SETTINGS, {**to_twain(SETTINGS), XRESOLUTION: 299}) == [
        "ICAP_XRESOLUTION is 299, asked 300"
    ]
    assert differences(SETTINGS, dict(to_twain(SETTINGS))) == []


@pytest.mark.parametrize("value", [0, 0.5, 215.9, -1.25, 32767.5])
def test_fixed_numbers_survive_both_ways(value: float):
    assert twain_map.from_fix32(*twain_map.to_fix32(value)) == pytest.approx(value, abs=1e-4)
    assert twain_map.to_sane_fixed(value) == round(value * 65536)


def test_a_number_that_would_overflow_is_refused():
    with pytest.raises(ValueError, match="99999 does not fit"):
        twain_map.to_sane_fixed(99999)


def test_each_setting_of_sane_has_a_row():
    names = {name for row in ROWS for name in row.sane_options}

    assert {"mode", "depth", "source", "resolution", "x-resolution", "x", "y"} <= names
    assert len({row.number for row in ROWS}) == len(ROWS)


def test_every_status_has_a_code_with_a_fix():
    codes = {code for code, _ in SANE_STATUS.values()} | set(TWAIN_CONDITIONS.values())

    assert len(SANE_STATUS) == 11
    assert len({code for code, _ in SANE_STATUS.values()}) == 11
    assert all(ScannerProblem(code, "x").fix for code in codes | set(REACTIONS))
