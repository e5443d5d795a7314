"""Settings that keep a profile, or what a device cannot do."""

from dataclasses import replace
from pathlib import Path

import pytest

from processors.profile import Profile, canonical, resolve
from streams.clients.scanners.agreement import agree, profiles_kept
from streams.clients.scanners.capabilities import (
    Capabilities,
    Choice,
    ColourMode,
    Source,
    SourceCapabilities,
    Steps,
)
from streams.clients.scanners.capture_settings import CaptureSettings, Wishes

NAMES = ("as-delivered", "bitonal-text", "book-colour", "negative", "photograph")
ICC = Path("device.icc")
FLATBED = SourceCapabilities(
    Source.FLATBED,
    ((ColourMode.BITONAL, 1), (ColourMode.GREYSCALE, 8), (ColourMode.RGB, 8), (ColourMode.RGB, 16)),
    Steps(50, 1200, 1),
    ("tiff",),
    216.0,
    297.0,
    icc_formats=("tiff",),
)


def profile(name: str) -> Profile:
    return Profile.from_json(canonical(resolve(name)))


def device(*sources: SourceCapabilities, loaded: Source | None = None) -> Capabilities:
    return Capabilities(sources or (FLATBED,), loaded)


def test_the_source_that_comes_nearest_is_reported_by_its_name():
    feeder = replace(
        FLATBED, source=Source.FEEDER, modes=((ColourMode.GREYSCALE, 8),), formats=("jpeg",)
    )
    glass = replace(FLATBED, formats=("jpeg",))

    agreement = agree(
        profile("book-colour"),
        device(glass, feeder, loaded=Source.FEEDER),
        Wishes(icc_profile=ICC),
    )

    assert agreement.settings is None
    assert agreement.text == "flatbed: format: wanted tiff or bigtiff; the device offers jpeg"


def test_takes_the_resolution_of_the_profile_and_the_full_area():
    agreement = agree(profile("book-colour"), device(), Wishes(icc_profile=ICC))

    assert agreement.settings == CaptureSettings(
        Source.FLATBED, ColourMode.RGB, 8, 300, "tiff", 216.0, 297.0, ICC
    )


@pytest.mark.parametrize(
    ("offered", "setting"),
    [
        (replace(FLATBED, resolutions_dpi=Choice((75, 150, 200))), "resolution"),
        (replace(FLATBED, modes=((ColourMode.GREYSCALE, 8),)), "colour"),
        (replace(FLATBED, formats=("jpeg",)), "format"),
        (replace(FLATBED, icc_formats=()), "ICC profile"),
    ],
)
def test_names_what_a_device_cannot_do(offered: SourceCapabilities, setting: str):
    agreement = agree(profile("book-colour"), device(offered), Wishes(icc_profile=ICC))

    assert agreement.settings is None
    assert [one.setting for one in agreement.shortfalls] == [setting]


def test_names_everything_that_a_device_cannot_do():
    offered = replace(
        FLATBED, modes=((ColourMode.BITONAL, 1),), resolutions_dpi=Choice((75,)), formats=("pdf",)
    )

    agreement = agree(profile("book-colour"), device(offered), Wishes())

    assert agreement.text == (
        "format: wanted tiff or bigtiff; the device offers pdf;"
        " colour: wanted rgb 8 bit, rgb 16 bit; the device offers bitonal 1 bit;"
        " resolution: wanted 300 dpi or more; the device offers 75 dpi"
    )


def test_names_the_profiles_that_a_device_can_keep():
    offered = replace(FLATBED, formats=("jpeg",), icc_formats=())

    kept = profiles_kept([profile(name) for name in NAMES], device(offered), Wishes())

    assert kept == ("as-delivered",)


def test_a_profile_that_requires_icc_needs_the_profile_of_the_device():
    agreement = agree(profile("book-colour"), device(), Wishes())

    assert "--icc-profile" in agreement.text


def test_a_bitonal_profile_needs_no_icc():
    settings = agree(profile("bitonal-text"), device(), Wishes()).settings

    assert settings is not None
    assert (settings.mode, settings.bits_per_sample) == (ColourMode.BITONAL, 1)


def test_a_source_with_paper_is_preferred():
    feeder = replace(FLATBED, source=Source.FEEDER)

    usual = agree(profile("as-delivered"), device(FLATBED, feeder), Wishes()).settings
    loaded = agree(
        profile("as-delivered"), device(FLATBED, feeder, loaded=Source.FEEDER), Wishes()
    ).settings

    assert usual is not None and usual.source is Source.FLATBED
    assert loaded is not None and loaded.source is Source.FEEDER


def test_another_source_is_used_if_only_that_one_keeps_the_profile():
    feeder = replace(FLATBED, source=Source.FEEDER)
    poor = replace(FLATBED, resolutions_dpi=Choice((75,)))

    settings = agree(profile("bitonal-text"), device(poor, feeder), Wishes()).settings

    assert settings is not None and settings.source is Source.FEEDER


def test_a_source_that_a_person_asks_for_is_not_replaced():
    agreement = agree(profile("as-delivered"), device(), Wishes(source=Source.FEEDER))

    assert agreement.text == "source: wanted feeder; the device offers flatbed"


@pytest.mark.parametrize("dpi", [200, 1201, 300.5])
def test_a_wished_resolution_is_neither_rounded_nor_below_the_profile(dpi: float):
    wishes = Wishes(resolution_dpi=dpi, icc_profile=ICC)

    agreement = agree(profile("book-colour"), device(), wishes)

    assert [one.setting for one in agreement.shortfalls] == ["resolution"]


def test_a_lenient_profile_takes_the_highest_resolution_of_a_poor_device():
    offered = replace(FLATBED, resolutions_dpi=Choice((75, 200)))

    settings = agree(profile("as-delivered"), device(offered), Wishes()).settings

    assert settings is not None and settings.resolution_dpi == 200


def test_a_profile_that_cannot_be_embedded_is_not_ignored():
    offered = replace(FLATBED, icc_formats=())

    agreement = agree(profile("as-delivered"), device(offered), Wishes(icc_profile=ICC))

    assert agreement.text == "ICC profile: wanted device.icc; the device offers none in tiff"
