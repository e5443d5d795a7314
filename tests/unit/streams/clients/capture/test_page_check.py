"""Files that violate a profile are refused before they count as pages; good ones are not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import pyvips

from processors.profile import Profile, canonical, resolve
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.page_check import check_page
from streams.clients.scanners.capabilities import ColourMode, Source
from streams.clients.scanners.capture_settings import CaptureSettings
from streams.clients.scanners.scanner_driver import ScannerProblem
from tests.support.icc_builders import ADOBE_LIKE, grey_profile, matrix_profile_v2, to_xyz_d50

ICC = matrix_profile_v2("Adobe-like", to_xyz_d50(ADOBE_LIKE), 2.2)
DPI = 300 / 25.4
SETTINGS = CaptureSettings(Source.FLATBED, ColourMode.RGB, 8, 300, "tiff")


def colour(grey: int = 200, width: int = 60, height: int = 40) -> pyvips.Image:
    image = (pyvips.Image.black(width, height, bands=3) + grey).cast("uchar")
    return with_icc(image.copy(interpretation="srgb"), ICC)


def with_icc(image: pyvips.Image, icc: bytes) -> pyvips.Image:
    changed = image.copy()
    changed.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    return changed


def grey() -> pyvips.Image:
    return with_icc(colour()[0].copy(interpretation="b-w"), grey_profile("grey", 2.2))


def tiff(image: pyvips.Image, **options: object) -> bytes:
    return image.tiffsave_buffer(**{"xres": DPI, "yres": DPI, **options})


def profile(name: str, **changes: object) -> Profile:
    return Profile.from_json(canonical(resolve(name))).model_copy(update=changes)


def code_of(
    path: Path, content: bytes, rules: Profile, settings: CaptureSettings = SETTINGS
) -> str:
    path.write_bytes(content)
    try:
        check_page(path, rules, settings, "escl")
    except CaptureProblem as problem:
        return problem.found.partition(":")[0]
    except ScannerProblem as problem:
        return problem.code
    return "kept"


VIOLATIONS: dict[str, tuple[Callable[[], bytes], str]] = {
    "100 dpi": (lambda: tiff(colour(), xres=100 / 25.4, yres=100 / 25.4), "page.resolution-too-low"),
    "299 cm": (lambda: tiff(colour(), xres=DPI / 2.54, yres=DPI / 2.54), "page.resolution-too-low"),
    "no unit": (lambda: no_unit(tiff(colour())), "page.resolution-unknown"),
    "400 dpi instead of 300": (lambda: tiff(colour(), xres=400 / 25.4, yres=400 / 25.4), "scanner.setting-differs"),
    "no ICC": (lambda: tiff(colour(), strip=True), "page.icc-missing"),
    "foreign ICC": (lambda: tiff(colour()).replace(b"RGB XYZ ", b"GRAYXYZ "), "page.icc-mismatch"),
    "damaged ICC": (lambda: damaged_icc(tiff(colour())), "page.icc-damaged"),
    "grey": (lambda: tiff(grey()), "page.format-not-supported"),
    "bitonal": (lambda: tiff(grey(), bitdepth=1), "page.format-not-supported"),
    "float": (lambda: tiff(colour().cast("float")), "page.format-not-supported"),
    "packbits": (lambda: tiff(colour(), compression="packbits"), "page.format-not-supported"),
    "JPEG in TIFF": (lambda: tiff(colour(), compression="jpeg"), "page.format-not-supported"),
    "PNG": (lambda: colour().pngsave_buffer(), "page.format-not-supported"),
    "JPEG": (lambda: colour().jpegsave_buffer(), "page.format-not-supported"),
    "PDF": (lambda: b"%PDF-1.7\n" + bytes(2000), "scanner.image-incomplete"),
    "HTML": (lambda: b"<html>" + b" " * 2000 + b"</html>", "scanner.image-incomplete"),
    "nothing": (lambda: b"", "scanner.no-image"),
    "header alone": (lambda: tiff(colour())[:8], "scanner.no-image"),
    "cut in the middle": (lambda: cut(tiff(colour(width=400, height=400)), 0.5), "scanner.image-incomplete"),
    "cut at the end": (lambda: cut(tiff(colour(width=400, height=400)), 0.99), "scanner.image-incomplete"),
    "cut PNG": (lambda: cut(noise().pngsave_buffer(), 0.9), "scanner.image-incomplete"),
    "cut JPEG": (lambda: cut(noise().jpegsave_buffer(), 0.9), "scanner.image-incomplete"),
    "zeros": (lambda: bytes(5000), "scanner.image-incomplete"),
    "two images": (lambda: two_images(), "page.more-images"),
}  # fmt: skip


def noise() -> pyvips.Image:
    return pyvips.Image.gaussnoise(200, 200, seed=1).cast("uchar")


def cut(content: bytes, share: float) -> bytes:
    return content[: int(len(content) * share)]


def no_unit(content: bytes) -> bytes:
    """The tag ResolutionUnit with the value for none."""
    entry = b"\x28\x01\x03\x00\x01\x00\x00\x00"
    at = content.index(entry) + len(entry)
    return content[:at] + b"\x01" + content[at + 1 :]


def damaged_icc(content: bytes) -> bytes:
    at = content.index(b"acsp")
    return content[:at] + b"xxxx" + content[at + 4 :]


def two_images() -> bytes:
    image = colour().join(colour(), "vertical").copy()
    image.set_type(pyvips.GValue.gint_type, "page-height", 40)
    return tiff(image)


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_violation_of_a_strict_profile_is_refused_with_its_code(tmp_path: Path, name: str):
    make, code = VIOLATIONS[name]

    assert code_of(tmp_path / "page", make(), profile("book-colour")) == code


def test_a_page_over_a_limit_is_refused(tmp_path: Path):
    rules = profile("book-colour")
    small = rules.model_copy(update={"limits": rules.limits.model_copy(update={"max_pixels": 100})})

    assert code_of(tmp_path / "page", tiff(colour()), small) == "page.too-large"


@pytest.mark.parametrize(
    "make",
    [
        lambda: tiff(colour(0)),
        lambda: tiff(colour(255)),
        lambda: tiff(colour(width=900, height=30)),
        lambda: tiff(colour(), compression="lzw", predictor="horizontal"),
        lambda: tiff(colour(), compression="deflate"),
        lambda: tiff(colour(), bigtiff=True),
        lambda: tiff(colour(), tile=True),
    ],
    ids=["black", "white", "foldout", "LZW", "deflate", "BigTIFF", "tiles"],
)  # fmt: skip
def test_a_good_page_is_kept(tmp_path: Path, make: Callable[[], bytes]):
    assert code_of(tmp_path / "page", make(), profile("book-colour")) == "kept"


def test_a_g4_page_is_kept_by_a_bitonal_profile(tmp_path: Path):
    settings = CaptureSettings(Source.FLATBED, ColourMode.BITONAL, 1, 300, "tiff")
    page = tiff(grey(), bitdepth=1, compression="ccittfax4", strip=True)

    assert code_of(tmp_path / "page", page, profile("bitonal-text"), settings) == "kept"


def test_a_grey_leaf_in_a_colour_volume_is_kept_with_a_warning(tmp_path: Path):
    path = tmp_path / "page"
    path.write_bytes(tiff(grey()))

    page = check_page(path, profile("as-delivered"), SETTINGS, "escl")

    assert [one.code for one in page.warnings] == ["scanner.setting-differs"]


def test_an_image_of_another_size_than_sane_confirmed_is_incomplete(tmp_path: Path):
    settings = CaptureSettings(Source.FLATBED, ColourMode.RGB, 8, 300, "tiff", 50, 50)
    path = tmp_path / "page"
    path.write_bytes(tiff(colour()))

    with pytest.raises(ScannerProblem, match="60 x 40 px, expected 591 x 591 px"):
        check_page(path, profile("as-delivered"), settings, "sane")
