"""A page's master is stored before it is judged, and judged by its bytes."""

import re
from pathlib import Path

import pytest

from processors.acquire_page import acquire_page
from processors.outcome import Done, Outcome, Rejected
from processors.tools import Tools
from schemas.models import PageAcquired
from streams import errors
from tests.unit.imaging_builders import an_admitted_page, memory_tools

CHECKOUT = Path(__file__).parents[2]
IMAGES = CHECKOUT / "tests" / "data" / "images"


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def acquired(tools: Tools, name: str, **changes) -> Outcome:
    content = (IMAGES / name).read_bytes()
    return acquire_page(an_admitted_page(tools, content, name=name, **changes), tools)


def fact_of(outcome: Outcome) -> PageAcquired:
    assert isinstance(outcome, Done), outcome
    return outcome.facts[0]


def warnings(outcome: Outcome) -> list[str]:
    return [act.code for act in fact_of(outcome).acts if act.outcome == "war"]


def masters(tools: Tools) -> list[str]:
    return [key for key in tools.storage.objects if key.startswith("masters/")]


def test_stores_and_describes_a_sound_master(tools: Tools):
    fact = fact_of(acquired(tools, "sound.tif"))

    assert (fact.format_puid, fact.width_px, fact.height_px) == ("fmt/353", 96, 64)
    assert (fact.bits_per_sample, fact.samples_per_pixel, fact.colour_space) == (8, 3, "rgb")
    assert (fact.resolution_dpi, fact.resolution_source) == (300, "tiff")
    assert (fact.icc_profile, fact.compression) == ("sRGB", "lzw")
    assert [file.use for file in fact.files] == ["master", "profile"]
    assert fact.files[0].key == masters(tools)[0]


def test_a_sound_master_owes_three_acts_in_order(tools: Tools):
    fact = fact_of(acquired(tools, "sound.tif"))

    acts = [(act.type, act.outcome) for act in fact.acts]
    assert acts == [
        ("fixity check", "suc"),
        ("format identification", "suc"),
        ("validation", "suc"),
    ]
    assert {act.sources for act in fact.acts} == {(f"sha256:{fact.files[0].sha256}",)}
    assert [agent.name for agent in fact.acts[2].agents] == ["libvips"]


def test_says_the_same_of_the_same_file_twice(tools: Tools, tmp_path: Path):
    other = memory_tools(tmp_path / "other")

    assert acquired(tools, "turned.jpg") == acquired(other, "turned.jpg")


def test_rejects_a_file_whose_digest_is_not_the_one_announced(tools: Tools):
    page = an_admitted_page(tools, (IMAGES / "sound.tif").read_bytes())
    tools.storage.objects[page.files[0].key] = b"other bytes"

    outcome = acquire_page(page, tools)

    assert isinstance(outcome, Rejected)
    assert outcome.code == "page.fixity-mismatch"
    assert masters(tools) == []


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("empty.tif", "The file is empty"),
        ("truncated_strip.tif", "Strip 1 of 1 ends at byte 186, the file has 162 bytes"),
        ("cut_before_its_directory.tif", "The file ends at byte"),
        ("directory_in_a_circle.tif", "The directories run in a circle at byte 72"),
        ("flipped_lzw.tif", "Using code not yet in table"),
        ("zeroed_scan_in_tiff.tif", "damaged pixels"),
        ("zeroed_scan.jpg", "belong to no pixel"),
        ("cut_scan.jpg", "premature end of JPEG image"),
        ("without_end.png", "no IEND chunk"),
    ],
)
def test_rejects_a_damaged_master_and_keeps_it(tools: Tools, name: str, found: str):
    outcome = acquired(tools, name)

    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.where) == ("page.not-decodable", name)
    assert found in outcome.found
    assert len(masters(tools)) == 1


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("bitmap_named.tif", "The file is Windows Bitmap (PRONOM fmt/116)"),
        ("twelve_bits.tif", "Bits per sample: 12; profile as-delivered takes 1, 8, 16"),
    ],
)
def test_tells_what_is_not_supported_from_what_is_damaged(tools: Tools, name: str, found: str):
    outcome = acquired(tools, name)

    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.found) == ("page.format-not-supported", found)
    assert len(masters(tools)) == 1


def test_rejects_an_image_over_the_limits_before_decoding_it(tools: Tools):
    outcome = acquired(tools, "huge.png")

    assert isinstance(outcome, Rejected)
    assert outcome.code == "page.too-large"
    assert outcome.found == "200000 pixels wide, the limit is 100000"


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("without_resolution.png", ["page.resolution-unknown", "page.icc-missing"]),
        ("unit_none.jpg", ["page.resolution-unknown", "page.icc-missing", "page.master-lossy"]),
        ("per_centimetre.jpg", ["page.icc-missing", "page.master-lossy"]),
        (
            "conflicting_resolution.jpg",
            ["page.resolution-conflicting", "page.icc-missing", "page.master-lossy"],
        ),
        ("turned.jpg", ["page.icc-missing", "page.master-lossy", "page.orientation-set"]),
        ("two_images.tif", ["page.icc-missing", "page.more-images"]),
        (
            "tags_in_wrong_order.tif",
            ["page.structure-unusual", "page.resolution-unknown", "page.icc-missing"],
        ),
        ("printed_lines.png", []),
    ],
)
def test_warns_of_what_is_unusual(tools: Tools, name: str, codes: list[str]):
    assert warnings(acquired(tools, name)) == codes


def test_a_conflicting_resolution_is_told_not_taken(tools: Tools):
    fact = fact_of(acquired(tools, "conflicting_resolution.jpg"))

    assert (fact.resolution_dpi, fact.resolution_source) == (None, None)
    assert "exif 300 x 300 dpi, jfif 72 x 72 dpi" in fact.acts[3].detail


def test_warns_of_a_name_that_promises_another_format(tools: Tools):
    content = (IMAGES / "sound.tif").read_bytes()

    outcome = acquire_page(an_admitted_page(tools, content, name="f11.tif.jpeg"), tools)

    assert warnings(outcome) == ["page.extension-differs"]


def test_a_strict_profile_refuses_what_another_warns_of(tools: Tools):
    outcome = acquired(tools, "without_resolution.png", rules={"unknown_resolution": "refuse"})

    assert isinstance(outcome, Rejected)
    assert outcome.code == "page.resolution-unknown"
    assert len(masters(tools)) == 1


def test_a_profile_can_ask_for_a_resolution(tools: Tools):
    outcome = acquired(
        tools, "sound.tif", rules={"min_resolution_dpi": 400, "low_resolution": "refuse"}
    )

    assert isinstance(outcome, Rejected)
    assert outcome.code == "page.resolution-too-low"


def test_every_code_of_a_master_and_its_text_has_a_section():
    steps = ("acquire_page", "master_rules", "recognize_page")
    source = "".join((CHECKOUT / "processors" / f"{name}.py").read_text() for name in steps)

    codes = set(re.findall(r'"((?:page|language)\.[a-z-]+)"', source))

    assert len(codes) > 14
    assert codes - set(errors.sections()) == set()
