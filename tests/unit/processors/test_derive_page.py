"""Reading images follow the profile, are upright, not enlarged, and reproducible."""

import tomllib
from pathlib import Path

import pytest
import pyvips
from pydantic import ValidationError

from processors.derive_page import derive_page
from processors.imaging import alpha, derivatives, tiff_directory
from processors.imaging.colour import PROFILE
from processors.outcome import Done, Rejected
from processors.profile import Derivatives, ReadingImage
from processors.tools import Tools
from schemas.models import PageAcquired, PageDerived
from tests.support import icc_builders as icc
from tests.support.corpora import corpus
from tests.support.derive_builders import a_master, acquired, contents
from tests.support.imaging_builders import memory_tools

RED, GREEN, BLUE, BLACK = (255, 0, 0), (0, 200, 0), (0, 0, 255), (0, 0, 0)
CORNERS = [RED, GREEN, BLUE, BLACK]
ADOBE = icc.matrix_profile_v2("Adobe-like", icc.to_xyz_d50(icc.ADOBE_LIKE), icc.ADOBE_GAMMA)
TURNED_BACK = {
    # How upright pixels lie in a file of that orientation (TIFF 6.0, Orientation).
    1: lambda image: image,
    2: lambda image: image.fliphor(),
    3: lambda image: image.rot180(),
    4: lambda image: image.flipver(),
    5: lambda image: image.rot270().flipver(),
    6: lambda image: image.rot270(),
    7: lambda image: image.rot90().flipver(),
    8: lambda image: image.rot90(),
}


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def derived(tools: Tools, page: PageAcquired) -> PageDerived:
    outcome = derive_page(page, tools)
    assert isinstance(outcome, Done), outcome
    return outcome.facts[0]


def images(tools: Tools, page: PageAcquired) -> dict[str, pyvips.Image]:
    files = contents(tools, derived(tools, page))
    return {use: pyvips.Image.new_from_buffer(bytes_, "") for use, bytes_ in files.items()}


def quarters(width: int = 320, height: int = 200) -> pyvips.Image:
    """Red, green, blue, black: top left, top right, bottom left, bottom right."""
    parts = [pyvips.Image.black(width // 2, height // 2) + list(colour) for colour in CORNERS]
    return pyvips.Image.arrayjoin(parts, across=2).cast("uchar").copy(interpretation="srgb")


def plain(width: int, height: int) -> pyvips.Image:
    colour = pyvips.Image.black(width, height, bands=3).linear([1, 1, 1], [90, 120, 150])
    return colour.cast("uchar").copy(interpretation="srgb")


def rules(**derivatives_: object) -> dict[str, object]:
    return {"derivatives": derivatives_}


def sizes(found: dict[str, pyvips.Image]) -> dict[str, tuple[int, int]]:
    return {use: (image.width, image.height) for use, image in found.items()}


def test_makes_a_pyramid_an_access_image_and_a_thumbnail(tools: Tools):
    fact = derived(tools, acquired(tools, a_master(plain(3000, 2400))))

    assert [(file.use, file.media_type) for file in fact.files] == [
        ("pyramid", "image/tiff"),
        ("access", "image/jpeg"),
        ("thumbnail", "image/jpeg"),
    ]
    assert all(file.key.startswith("derivatives/") for file in fact.files)
    found = {
        use: pyvips.Image.new_from_buffer(content, "")
        for use, content in contents(tools, fact).items()
    }
    assert sizes(found) == {
        "pyramid": (3000, 2400),
        "access": (2000, 1600),
        "thumbnail": (300, 240),
    }


def test_each_file_has_a_creation_act(tools: Tools):
    page = acquired(tools, a_master(quarters(), ADOBE))

    fact = derived(tools, page)

    assert [act.type for act in fact.acts] == ["creation"] * 3
    assert {act.sources for act in fact.acts} == {(f"sha256:{page.files[0].sha256}",)}
    assert [act.results for act in fact.acts] == [(f"sha256:{file.sha256}",) for file in fact.files]
    assert {(agent.name, agent.role) for act in fact.acts for agent in act.agents} == {
        ("libvips", "executing program")
    }
    assert fact.acts[1].detail == (
        "Access image: 320 x 200 pixels; JPEG of quality 85; colour: from 'Adobe-like' to sRGB, "
        "relative colorimetric with black point compensation."
    )


def test_images_that_the_profile_omits_are_not_made(tools: Tools):
    only = rules(access=None, pyramid=None, thumbnail={"long_side_px": 100})

    found = images(tools, acquired(tools, a_master(quarters()), rules=only))

    assert sizes(found) == {"thumbnail": (100, 62)}


def test_false_in_a_profile_omits_an_image():
    kept = Derivatives.model_validate(tomllib.loads("pyramid = false"))

    assert (kept.pyramid, kept.access) == (None, ReadingImage(long_side_px=2000))


@pytest.mark.parametrize(
    "wrong",
    [
        "thumbnail = { long_side_px = 0 }",
        "pyramid = { tile_px = 100 }",
        "access = { quality = 90 }",
    ],
)
def test_invalid_settings_of_derivatives_are_refused(wrong: str):
    with pytest.raises(ValidationError):
        Derivatives.model_validate(tomllib.loads(wrong))


def test_a_profile_can_omit_all_images(tools: Tools):
    nothing = rules(access=None, pyramid=None, thumbnail=None)

    fact = derived(tools, acquired(tools, a_master(quarters()), rules=nothing))

    assert (fact.files, fact.acts) == ((), ())


def test_nothing_is_enlarged(tools: Tools):
    found = images(tools, acquired(tools, a_master(quarters(120, 80))))

    assert set(sizes(found).values()) == {(120, 80)}


@pytest.mark.parametrize("shape", [(4000, 3), (3, 4000), (1, 1)])
def test_odd_shapes_keep_at_least_one_pixel(tools: Tools, shape: tuple[int, int]):
    found = images(tools, acquired(tools, a_master(plain(*shape))))

    assert min(found["thumbnail"].width, found["thumbnail"].height) >= 1
    assert sizes(found)["pyramid"] == shape


@pytest.mark.parametrize("compression", ["jpeg", "deflate", "lzw"])
def test_every_level_of_a_pyramid_can_be_read_with_its_tile_size(tools: Tools, compression: str):
    asked = rules(pyramid={"compression": compression, "tile_px": 128})
    page = acquired(tools, a_master(quarters(1000, 700)), rules=asked)

    content = contents(tools, derived(tools, page))["pyramid"]

    top = pyvips.Image.new_from_buffer(content, "")
    levels = [
        pyvips.Image.new_from_buffer(content, "", page=number)
        for number in range(top.get("n-pages"))
    ]
    assert [(level.width, level.height) for level in levels] == [
        (1000, 700), (500, 350), (250, 175), (125, 87),
    ]  # fmt: skip
    assert {level.get("tile-width") for level in levels} == {128}
    assert {level.get("tile-height") for level in levels} == {128}
    assert all(level.avg() > 0 for level in levels)
    if compression != "jpeg":
        assert (top - quarters(1000, 700)).abs().max() == 0


def test_reading_images_have_square_pixels(tools: Tools):
    fax = plain(204, 49).copy(xres=204 / 25.4, yres=98 / 25.4)

    made = images(tools, acquired(tools, fax.tiffsave_buffer()))

    assert {(image.width, image.height) for image in made.values()} == {(204, 102)}
    assert round(made["pyramid"].xres * 25.4) == round(made["pyramid"].yres * 25.4) == 204


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["tiff", "jpeg"])
def test_images_are_upright_for_every_orientation(tools: Tools, orientation: int, form: str):
    lying = TURNED_BACK[orientation](quarters(320, 200)).copy()
    if form == "tiff":
        master = a_master(lying, orientation=orientation)
    else:
        lying.set_type(pyvips.GValue.gint_type, "orientation", orientation)
        master = lying.jpegsave_buffer(Q=95)
    page = acquired(tools, master, rules=rules(thumbnail={"long_side_px": 100}))

    found = images(tools, page)

    assert sizes(found) == {
        "pyramid": (320, 200),
        "access": (320, 200),
        "thumbnail": (100, 62),
    }
    for image in found.values():
        seen = [
            image(round(image.width * x), round(image.height * y))
            for y in (0.25, 0.75)
            for x in (0.25, 0.75)
        ]
        assert seen == [pytest.approx(corner, abs=8) for corner in CORNERS]
        assert not image.get_typeof("orientation") or image.get("orientation") == 1


@pytest.mark.parametrize("min_is_white", [False, True])
def test_one_bit_becomes_smooth_grey(tools: Tools, min_is_white: bool):
    ink = pyvips.Image.black(1200, 1200).draw_circle(255, 600, 600, 500, fill=True).invert()
    master = a_master(ink, bitdepth=1, compression="ccittfax4", miniswhite=min_is_white)
    page = acquired(tools, master, rules=rules(access={"long_side_px": 400, "quality": 95}))

    found = images(tools, page)

    assert page.bits_per_sample == 1
    for image in found.values():
        assert image.bands == 1
        assert (image(3, 3)[0] > 250, image(image.width // 2, image.height // 2)[0] < 5) == (
            True,
            True,
        )
    # Nearest neighbour would leave two values and a little JPEG noise beside them.
    between = (found["access"] > 60) & (found["access"] < 200)
    assert between.avg() / 255 * 400 * 400 > 400


def test_grey_of_sixteen_bit_becomes_eight(tools: Tools):
    ramp = (pyvips.Image.xyz(400, 100)[0] * 160).cast("ushort").copy(interpretation="grey16")

    found = images(tools, acquired(tools, a_master(ramp)))

    assert {(image.bands, image.format) for image in found.values()} == {(1, "uchar")}
    assert found["access"](200, 50)[0] == pytest.approx(200 * 160 / 257, abs=2)


def test_transparency_is_flattened_on_white(tools: Tools):
    image = plain(100, 100).bandjoin((pyvips.Image.xyz(100, 100)[0] < 50).ifthenelse(0, 255))
    page = acquired(tools, image.cast("uchar").pngsave_buffer(), name="0001.png")

    fact = derived(tools, page)
    found = pyvips.Image.new_from_buffer(contents(tools, fact)["access"], "")

    assert found.bands == 3
    assert found(20, 50) == pytest.approx([255] * 3, abs=2)
    assert found(80, 50) == pytest.approx([90, 120, 150], abs=3)
    assert "transparency flattened on white" in fact.acts[1].detail


def test_a_fourth_sample_that_is_not_alpha_is_removed(tools: Tools, monkeypatch):
    monkeypatch.setattr(alpha, "ALPHA_TAG", 65000)  # As if ExtraSamples were missing.
    infrared = plain(100, 100).bandjoin(pyvips.Image.black(100, 100)).cast("uchar")
    page = acquired(tools, a_master(infrared.copy(interpretation="srgb")))

    fact = derived(tools, page)

    found = pyvips.Image.new_from_buffer(contents(tools, fact)["access"], "")
    assert found(50, 50) == pytest.approx([90, 120, 150], abs=3)
    assert "extra sample removed" in fact.acts[1].detail


def test_negatives_become_positives_if_the_profile_requests_it(tools: Tools):
    negative = (pyvips.Image.black(200, 100) + 200).cast("uchar").copy(interpretation="b-w")
    page = acquired(tools, a_master(negative), rules=rules(negatives=True))

    found = images(tools, page)

    assert [image(50, 50)[0] for image in found.values()] == [pytest.approx(55, abs=2)] * 3


@pytest.mark.parametrize("kind", ["target", "cover"])
def test_covers_and_targets_among_negatives_are_not_inverted(tools: Tools, kind: str):
    grey = (pyvips.Image.black(200, 100) + 200).cast("uchar").copy(interpretation="b-w")
    page = acquired(tools, a_master(grey), rules=rules(negatives=True), kind=kind)

    assert images(tools, page)["access"](50, 50)[0] == pytest.approx(200, abs=2)


def test_cmyk_is_converted_to_srgb(tools: Tools):
    paper = pyvips.Image.black(100, 100, bands=4).copy(interpretation="cmyk")

    found = images(tools, acquired(tools, a_master(paper)))

    assert {image.bands for image in found.values()} == {3}
    assert min(found["access"](50, 50)) >= 250


def test_only_the_first_image_of_a_file_is_used(tools: Tools):
    pages = plain(60, 40).join(plain(60, 40).invert(), "vertical").copy()
    pages.set_type(pyvips.GValue.gint_type, "page-height", 40)
    page = acquired(tools, a_master(pages))

    found = images(tools, page)

    assert sizes(found)["access"] == (60, 40)
    assert found["access"](30, 20) == pytest.approx([90, 120, 150], abs=3)


def test_an_unusable_colour_profile_is_a_warning(tools: Tools):
    without_red = a_master(quarters(), ADOBE).replace(b"rXYZ", b"xxxx")

    fact = derived(tools, acquired(tools, without_red))

    assert (fact.acts[0].outcome, fact.acts[0].code) == ("war", "page.icc-not-usable")
    assert "'Adobe-like'" in fact.acts[0].detail
    assert len(fact.files) == 3


def test_colour_images_have_the_srgb_profile_and_grey_ones_none(tools: Tools):
    colour = images(tools, acquired(tools, a_master(quarters(), ADOBE)))
    untagged = images(tools, acquired(tools, a_master(quarters())))
    grey = images(tools, acquired(tools, a_master(quarters().colourspace("b-w"))))

    srgb = derivatives.srgb_profile()
    assert all(image.get(PROFILE) == srgb for image in (*colour.values(), *untagged.values()))
    assert not any(image.get_typeof(PROFILE) for image in grey.values())


def test_metadata_of_the_master_is_not_copied(tools: Tools):
    found = quarters().copy()
    found.set_type(pyvips.GValue.blob_type, "xmp-data", b"<x>operator</x>")
    found.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Artist", "operator")
    page = acquired(tools, found.jpegsave_buffer(keep="all"))

    files = contents(tools, derived(tools, page))

    assert not any(b"operator" in content for content in files.values())


def test_the_resolution_is_scaled_and_stays_unknown_if_unknown(tools: Tools):
    page = acquired(tools, a_master(plain(3000, 2000)))

    known = contents(tools, derived(tools, page))
    unknown = page.model_copy(update={"resolution_dpi": None})
    silent = contents(tools, derived(tools, unknown))

    assert known["access"][:20].hex() == "ffd8ffe000104a46494600010201" + "00c800c8" + "0000"
    assert silent["access"][:20].hex() == "ffd8ffe000104a46494600010200" + "00010001" + "0000"
    assert unit_of(known["pyramid"]) == 2
    assert unit_of(silent["pyramid"]) == 1


def unit_of(tiff: bytes) -> int:
    (unit,) = {each[296][0] for each in tiff_directory.directories(tiff)}
    return int(unit)


def test_gives_the_same_bytes_in_another_folder(tools: Tools, tmp_path: Path):
    other = memory_tools(tmp_path / "other" / "place")
    master = a_master(quarters(700, 500), ADOBE, orientation=6)

    assert derived(tools, acquired(tools, master)) == derived(other, acquired(other, master))


def test_a_corrupt_master_is_rejected(tools: Tools):
    noise = pyvips.Image.gaussnoise(400, 400, mean=128).cast("uchar").copy(interpretation="b-w")
    page = acquired(tools, a_master(noise))
    content = tools.storage.objects[page.files[0].key]
    tools.storage.objects[page.files[0].key] = content[: len(content) // 2]

    outcome = derive_page(page, tools)

    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.where) == ("page.not-decodable", "0001.tif")


def test_nothing_is_left_in_the_scratch_folder(tools: Tools):
    derived(tools, acquired(tools, a_master(quarters(), orientation=8)))

    assert list(tools.scratch.iterdir()) == []


def test_pages_of_a_printed_play_are_converted_to_srgb(tools: Tools):
    page = corpus("gallicorpora-18e", "bpt6k1281160s", "bpt6k1281160s_f17.tif.jpeg")

    found = images(tools, acquired(tools, page.read_bytes(), name=page.name))

    assert sizes(found) == {
        "pyramid": (2205, 3787),
        "access": (1165, 2000),
        "thumbnail": (175, 300),
    }
    paper = found["access"].crop(900, 1700, 100, 100)
    assert all(paper[band].avg() > 180 for band in range(3))
