"""A master is stored before it is validated, and validated by its bytes."""

import hashlib
import re
from pathlib import Path

import pytest

from processors.acquire_page import acquire_page
from processors.error_catalogue import entries
from processors.outcome import Done, Outcome, Rejected, StorageError
from processors.tools import Tools
from schemas.models import PageAcquired
from tests.support.icc_builders import ADOBE_LIKE, grey_profile, matrix_profile_v2, to_xyz_d50
from tests.support.imaging_builders import an_admitted_page, memory_tools
from tests.support.tiff_builders import ASCII, BYTE, LONG, PIXELS, SHORT, UNDEFINED, ATiff

CHECKOUT = Path(__file__).parents[3]
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


def test_stores_and_describes_an_intact_master(tools: Tools):
    fact = fact_of(acquired(tools, "sound.tif"))

    assert (fact.format_puid, fact.width_px, fact.height_px) == ("fmt/353", 96, 64)
    assert (fact.bits_per_sample, fact.samples_per_pixel, fact.colour_space) == (8, 3, "rgb")
    assert (fact.resolution_dpi, fact.resolution_source) == (300, "tiff")
    assert (fact.icc_profile, fact.compression) == ("sRGB", "lzw")
    assert (fact.photometric, fact.byte_order) == ("rgb", "little-endian")
    assert (fact.orientation, len(fact.icc_sha256 or "")) == (1, 64)
    assert [file.use for file in fact.files] == ["master", "profile"]
    assert fact.files[0].key == masters(tools)[0]


def test_the_priority_of_a_page_is_kept(tools: Tools):
    fact = fact_of(acquired(tools, "sound.tif", priority="rush"))

    assert fact.priority == "rush"


def test_an_intact_master_has_three_acts_in_order(tools: Tools):
    fact = fact_of(acquired(tools, "sound.tif"))

    acts = [(act.type, act.outcome) for act in fact.acts]
    assert acts == [
        ("fixity check", "suc"),
        ("format identification", "suc"),
        ("validation", "suc"),
    ]
    assert {act.sources for act in fact.acts} == {(f"sha256:{fact.files[0].sha256}",)}
    assert [agent.name for agent in fact.acts[2].agents] == ["libvips"]


def test_the_same_file_gives_the_same_outcome(tools: Tools, tmp_path: Path):
    other = memory_tools(tmp_path / "other")

    assert acquired(tools, "turned.jpg") == acquired(other, "turned.jpg")


def test_rejects_a_file_whose_digest_is_not_the_one_announced(tools: Tools):
    page = an_admitted_page(tools, (IMAGES / "sound.tif").read_bytes())
    tools.storage.objects[page.files[0].key] = b"other bytes"

    outcome = acquire_page(page, tools)

    assert isinstance(outcome, Rejected)
    assert outcome.code == "page.fixity-mismatch"
    assert masters(tools) == []


def test_a_stored_object_is_verified_before_it_becomes_the_master(tools: Tools):
    page = an_admitted_page(tools, (IMAGES / "sound.tif").read_bytes())
    digest = page.files[0].sha256
    tools.storage.objects[f"masters/sha256/{digest[:2]}/{digest}"] = b"rotten"

    with pytest.raises(StorageError, match="reads back as"):
        acquire_page(page, tools)


def checksums(name: str, *algorithms: str) -> tuple[str, ...]:
    content = (IMAGES / name).read_bytes()
    return tuple(f"{each}:{hashlib.new(each, content).hexdigest()}" for each in algorithms)


def test_each_matching_vendor_checksum_is_a_fixity_check(tools: Tools):
    stated = checksums("sound.tif", "md5", "sha1", "sha256", "sha512")

    fact = fact_of(acquired(tools, "sound.tif", vendor_checksums=stated))

    checks = [act for act in fact.acts if act.type == "fixity check"]
    assert [act.outcome for act in checks] == ["suc"] * 5
    assert "delivered file and the stored master have the announced SHA-256" in checks[0].detail
    for act, checksum in zip(checks[1:], stated, strict=True):
        assert act.detail.endswith(f"{checksum.replace(':', ' ')}.")
    assert [act.type for act in fact.acts[5:7]] == ["format identification", "validation"]


def test_refuses_a_file_with_another_vendor_checksum(tools: Tools):
    stated = (*checksums("sound.tif", "sha1"), "md5:" + "0" * 32)

    outcome = acquired(tools, "sound.tif", vendor_checksums=stated)

    assert isinstance(outcome, Rejected)
    assert outcome.code == "page.vendor-checksum-mismatch"
    assert outcome.found.endswith("delivered with " + "0" * 32)
    assert masters(tools) == []


def test_warns_of_a_vendor_checksum_with_an_unknown_algorithm(tools: Tools):
    fact = fact_of(acquired(tools, "sound.tif", vendor_checksums=("crc32:1a2b3c4d",)))

    act = fact.acts[1]
    assert (act.type, act.outcome) == ("fixity check", "war")
    assert act.code == "page.vendor-checksum-unknown"
    assert "crc32 1a2b3c4d" in act.detail


@pytest.mark.parametrize("policy", ["accept", "warn", "refuse"])
def test_an_unusable_icc_profile_is_a_warning_or_a_refusal(tools: Tools, policy: str):
    colour = matrix_profile_v2("Adobe-like", to_xyz_d50(ADOBE_LIKE), 2.2)
    cut = grey_profile("Grey", 2.2)[:-9]

    for code, profile in {"page.icc-mismatch": colour, "page.icc-damaged": cut}.items():
        content = ATiff(tags={34675: (UNDEFINED, profile)}).bytes()
        page = an_admitted_page(tools, content, rules={"missing_icc": policy})
        outcome = acquire_page(page, tools)

        if policy == "refuse":
            assert isinstance(outcome, Rejected)
            assert outcome.code == code
        else:
            assert warnings(outcome) == [code]


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        (
            {50706: (BYTE, [1, 4, 0, 0])},
            "The file is Digital Negative Format (DNG) (PRONOM fmt/730)",
        ),
        (
            {262: (SHORT, [32803]), 271: (ASCII, b"NIKON CORPORATION\0")},
            "The file is Nikon Digital SLR Camera Raw Image File (PRONOM fmt/202)",
        ),
    ],
)
def test_a_raw_camera_file_is_not_identified_as_tiff(tools: Tools, tags, name: str):
    outcome = acquire_page(an_admitted_page(tools, ATiff(tags=tags).bytes()), tools)

    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.found) == ("page.format-not-supported", name)


def test_a_violation_of_tiff_is_a_warning_with_its_tag(tools: Tools):
    content = ATiff(tags={34665: (LONG, [0])}).bytes()
    page = an_admitted_page(tools, content)

    outcome = acquire_page(page, tools)

    (act,) = (act for act in fact_of(outcome).acts if act.code == "page.structure-irregular")
    assert act.outcome == "war"
    assert "the Exif directory cannot be read: a directory is expected at byte 0" in act.detail


def test_an_image_whose_tags_do_not_say_what_it_shows_is_refused_without_a_word_of_damage(
    tools: Tools,
):
    outcome = acquire_page(an_admitted_page(tools, ATiff(without=(262,)).bytes()), tools)

    assert isinstance(outcome, Rejected)
    assert outcome.code == "page.image-ambiguous"
    assert "damage" not in outcome.found + outcome.fix


def test_what_cannot_be_judged_is_recorded(tools: Tools):
    plain, packed = (
        fact_of(acquired(tools, "two_images.tif")),
        fact_of(acquired(tools, "sound.tif")),
    )

    (judged, unjudged) = (
        next(act.detail for act in fact.acts if act.type == "validation")
        for fact in (packed, plain)
    )
    assert "Damage cannot be detected in 3072 bytes of uncompressed pixels" in unjudged
    assert "cannot be detected" not in judged


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("empty.tif", "The file is empty"),
        ("truncated_strip.tif", "Strip 1 of 1 ends at byte 186, the file has 162 bytes"),
        ("cut_before_its_directory.tif", "The file ends at byte"),
        ("directory_in_a_circle.tif", "The directories form a loop at byte 72"),
        ("flipped_lzw.tif", "Using code not yet in table"),
        ("zeroed_scan_in_tiff.tif", "Strip 2 of 2 at byte 16822 has zeros at byte 571"),
        ("zeroed_scan.jpg", "belong to no pixel"),
        ("cut_scan.jpg", "premature end of JPEG image"),
        ("without_end.png", "The IEND chunk is missing"),
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
    ],
)
def test_an_unsupported_master_is_not_reported_as_damaged(tools: Tools, name: str, found: str):
    outcome = acquired(tools, name)

    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.found) == ("page.format-not-supported", found)
    assert len(masters(tools)) == 1


def test_a_fix_asks_for_what_was_not_delivered(tools: Tools):
    outcome = acquired(tools, "four_bits.tif", rules={"bits_per_sample": [1, 8]})

    assert isinstance(outcome, Rejected)
    assert outcome.code == "page.format-not-supported"
    assert outcome.found == "Bits per sample 4; profile as-delivered accepts 1, 8"
    assert outcome.fix.startswith("Release the page with a file with bits per sample 1 or 8: ")
    assert "tiff" not in outcome.fix


@pytest.mark.parametrize("bits", [2, 4])
def test_accepts_few_bits_per_sample(tools: Tools, bits: int):
    tags = {258: (SHORT, [bits]), 279: (LONG, [8 * bits])}

    fact = fact_of(
        acquire_page(
            an_admitted_page(tools, ATiff(tags=tags, pixels=bytes(8 * bits)).bytes()), tools
        )
    )

    assert fact.bits_per_sample == bits


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
        ("printed_lines.png", []),
    ],
)
def test_warns_of_unusual_properties(tools: Tools, name: str, codes: list[str]):
    assert warnings(acquired(tools, name)) == codes


def test_an_irregular_tiff_is_a_warning_unless_the_profile_refuses_it(tools: Tools):
    refused = acquired(tools, "tags_in_wrong_order.tif", rules={"irregular_tiff": "refuse"})
    warned = acquired(tools, "tags_in_wrong_order.tif")

    assert isinstance(refused, Rejected) and refused.code == "page.structure-irregular"
    assert warnings(warned)[0] == "page.structure-irregular"


def test_a_conflicting_resolution_is_reported_and_not_used(tools: Tools):
    fact = fact_of(acquired(tools, "conflicting_resolution.jpg"))

    assert (fact.resolution_dpi, fact.resolution_source) == (None, None)
    assert "exif 300 x 300 dpi, jfif 72 x 72 dpi" in fact.acts[3].detail


def test_warns_of_the_extension_of_another_format(tools: Tools):
    content = (IMAGES / "sound.tif").read_bytes()

    outcome = acquire_page(an_admitted_page(tools, content, name="f11.tif.jpeg"), tools)

    assert warnings(outcome) == ["page.extension-differs"]


def test_a_profile_can_refuse_what_is_a_warning_by_default(tools: Tools):
    outcome = acquired(tools, "without_resolution.png", rules={"unknown_resolution": "refuse"})

    assert isinstance(outcome, Rejected)
    assert outcome.code == "page.resolution-unknown"
    assert len(masters(tools)) == 1


def test_a_profile_can_require_a_resolution(tools: Tools):
    outcome = acquired(
        tools, "sound.tif", rules={"min_resolution_dpi": 400, "low_resolution": "refuse"}
    )

    assert isinstance(outcome, Rejected)
    assert outcome.code == "page.resolution-too-low"


def test_every_code_of_masters_and_texts_is_in_the_catalogue():
    steps = ("acquire_page", "master_rules", "recognize_page")
    source = "".join((CHECKOUT / "processors" / f"{name}.py").read_text() for name in steps)

    codes = set(re.findall(r'"((?:page|language)\.[a-z-]+)"', source))

    assert len(codes) > 14
    assert codes - set(entries()) == set()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "The file is empty"),
        (b"\0" * 3000, "The file is not an image, but a file of zeros: its first 3000 bytes"),
        (b" <!DOCTYPE HTML><p>404</p>", "The file is not an image, but an HTML page"),
        (b"page not found", "The file is not an image, but plain text"),
        (b"\xfe\0\1\2", "The file is not an image, but a file of unknown format"),
    ],
)
def test_a_page_that_is_no_image_is_damaged_and_says_what_it_is(
    tools: Tools, content: bytes, found: str
):
    outcome = acquire_page(an_admitted_page(tools, content, name="0002.tif"), tools)

    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.found) == ("page.not-decodable", found)


def test_unknown_bytes_under_an_unknown_name_are_a_format_that_is_not_supported(tools: Tools):
    outcome = acquire_page(an_admitted_page(tools, b"\xfe\0\1\2", name="scan.vrx"), tools)

    assert isinstance(outcome, Rejected)
    assert outcome.code == "page.format-not-supported"


def test_the_pixels_of_a_captured_page_have_a_digest_of_their_own(tools: Tools):
    content = ATiff().bytes()
    page = an_admitted_page(tools, content)

    plain = fact_of(acquire_page(page, tools))
    captured = fact_of(acquire_page(page.model_copy(update={"capture": "c-1"}), tools))

    assert captured.acts[:-1] == plain.acts
    digest = hashlib.sha256(PIXELS).hexdigest()
    assert captured.acts[-1].type == "message digest calculation"
    assert captured.acts[-1].detail == f"SHA-256 of the pixels: {digest}."
