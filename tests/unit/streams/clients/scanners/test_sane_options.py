"""What scanimage prints about the options of a device."""

import pytest

from streams.clients.scanners.capabilities import Choice, Steps
from streams.clients.scanners.sane_options import read_options

PRINTED = """
All options specific to device `epson2:libusb:001:004':
  Scan Mode:
    --mode Lineart|Gray|Color [Lineart]
        Selects the scan mode (e.g., lineart, monochrome, or color).
    --depth 8|16 [inactive]
        Number of bits per sample, typical values are 1 for "line-art" and 8
    --resolution 75|150|300|600dpi [75]
        Sets the resolution of the scanned image.
    --x-resolution 50..1200dpi (in steps of 50) [300] [advanced]
    --source Flatbed|Automatic Document Feeder [Flatbed]
    --brightness -100..100% (in steps of 1) [0]
    --gain auto|0..1.5 [0.5]
    --calibrate-mode[=(yes|no)] [no] [advanced]
    --page-loaded[=(yes|no)] [no] [read-only]
    --fixed -42.17..32768us (in steps of 2) [inactive]
    --print-options
        Print a list of all options.
  Geometry:
    -l 0..215.9mm [0]
        Top-left x position of scan area.
    -x 0..215.9mm (in steps of 0.0211639) [215.9]
"""
OPTIONS = read_options(PRINTED)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("depth", Choice((8, 16))),
        ("resolution", Choice((75, 150, 300, 600))),
        ("x-resolution", Steps(50, 1200, 50)),
        ("brightness", Steps(-100, 100, 1)),
        ("gain", Steps(0, 1.5)),
        ("l", Steps(0, 215.9)),
        ("x", Steps(0, 215.9, 0.0211639)),
        ("fixed", Steps(-42.17, 32768, 2)),
    ],
)
def test_reads_the_numbers_that_an_option_accepts(name: str, numbers: Steps | Choice):
    assert OPTIONS[name].numbers == numbers


def test_reads_the_words_that_an_option_accepts():
    assert OPTIONS["mode"].words == ("Lineart", "Gray", "Color")
    assert OPTIONS["source"].words == ("Flatbed", "Automatic Document Feeder")
    assert OPTIONS["calibrate-mode"].words == ("yes", "no")


def test_reads_the_current_values():
    assert (OPTIONS["mode"].current, OPTIONS["x"].current) == ("Lineart", "215.9")
    assert OPTIONS["x-resolution"].current == "300"


def test_an_option_that_cannot_be_set_is_not_active():
    active = {name: option.is_active for name, option in OPTIONS.items()}

    assert not active["depth"] and not active["page-loaded"]
    assert active["mode"] and active["x-resolution"]


def test_a_description_is_not_an_option():
    assert set(OPTIONS) & {"print-options", "art", "Sets"} == set()


def test_short_and_long_options_have_their_own_form():
    assert OPTIONS["x"].argument("200") == "-x200"
    assert OPTIONS["mode"].argument("Color") == "--mode=Color"
