"""Warnings about a page by what was measured, and by the pages before it."""

import time
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from processors.error_catalogue import entries
from processors.header_check import complete_header
from streams.clients.capture.page_warnings import (
    EarlierPages,
    MeasuredPage,
    measure_file,
    page_warnings,
)
from streams.clients.station.capture_record import CaptureRecord
from tests.support.text_pages import SIZE, blank_page, blurred, exposed, text_page, turned

PAGE = text_page()


def measured(image: Image.Image, folder: Path, form: str = "TIFF", dpi: int = 150) -> MeasuredPage:
    path = folder / "page"
    image.save(path, form, dpi=(dpi, dpi))
    complete = complete_header(path)
    assert not isinstance(complete, str)
    found = measure_file(path, *complete)
    assert found is not None
    return found


def codes(
    found: MeasuredPage | None, kind: str = "page", earlier: EarlierPages | None = None
) -> list[str]:
    warnings = page_warnings(found, "0009", kind, earlier or EarlierPages())
    assert all(one.code in entries() and not one.refused for one in warnings)
    return [one.code for one in warnings]


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (blank_page(), "capture.page-blank"),
        (blurred(PAGE, 2), "capture.page-blurred"),
        (exposed(PAGE, 1.3), "capture.page-clipped"),
        (exposed(PAGE, 1, -100), "capture.page-clipped"),
        (turned(PAGE, 2.2), "capture.page-skewed"),
        (turned(PAGE, -3), "capture.page-skewed"),
        (PAGE.crop((300, 0, *SIZE)), "capture.text-cut-off"),
    ],
    ids=["blank", "blurred", "too light", "too dark", "right", "left", "cut off"],
)
def test_a_defect_has_its_warning_alone(image: Image.Image, code: str, tmp_path: Path):
    assert codes(measured(image, tmp_path)) == [code]


@pytest.mark.parametrize(
    ("form", "mode"),
    [*product(("TIFF", "JPEG", "PNG"), ("L", "RGB")), ("TIFF", "1"), ("PNG", "1")],
)
def test_a_good_page_has_no_warning_in_any_format(form: str, mode: str, tmp_path: Path):
    # Pillow would draw grey as a pattern of dots.
    page = PAGE.point(lambda value: 255 * (value > 128)) if mode == "1" else PAGE

    assert codes(measured(page.convert(mode), tmp_path, form)) == []


@pytest.mark.parametrize(
    ("image", "kind"),
    [(blank_page(), "blank"), (blank_page(), "endpaper"), (turned(PAGE, 4), "cover")],
)
def test_a_kind_says_what_is_usual(image: Image.Image, kind: str, tmp_path: Path):
    assert codes(measured(image, tmp_path), kind) == []


def high_contrast(page: Image.Image) -> Image.Image:
    """A copy whose paper and ink are partly at the ends, as on a microfilm."""
    noise = np.random.default_rng(5).normal(0, 12, page.size[::-1])
    levels = (np.asarray(page, dtype=float) - 45) * 1.36 + 16 + noise
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def test_too_much_light_is_noticed_and_a_copy_of_high_contrast_is_not(tmp_path: Path):
    copy = measured(high_contrast(PAGE), tmp_path)
    light = measured(exposed(high_contrast(PAGE), 1.2), tmp_path)
    of_colours = measured(
        Image.merge("RGB", [high_contrast(PAGE), *(exposed(PAGE, 0.9),) * 2]), tmp_path
    )

    assert 0.45 < copy.document["highlights"] < 0.7
    assert 0.03 < copy.document["shadows"] < 0.3
    assert codes(copy) == []
    assert codes(light) == codes(of_colours) == ["capture.page-clipped"]


def test_a_page_that_was_drawn_in_two_levels_has_no_tones_to_lose(tmp_path: Path):
    drawn = PAGE.point(lambda value: 0 if value < 150 else 255)

    assert codes(measured(drawn, tmp_path)) == []


def test_lines_that_rise_on_a_straight_leaf_are_not_noticed(tmp_path: Path):
    leaf = PAGE.transform(SIZE, Image.Transform.AFFINE, (1, 0, 0, 0.06, 1, -37), fillcolor=222)
    table = Image.new("L", (SIZE[0] + 120, SIZE[1] + 120), 60)
    table.paste(leaf, (60, 60))

    assert "capture.page-skewed" not in codes(measured(table, tmp_path))
    straight = Image.new("L", table.size, 60)
    straight.paste(PAGE, (60, 60))
    crooked = straight.rotate(-3.4, Image.Resampling.BICUBIC, fillcolor=60)
    assert "capture.page-skewed" in codes(measured(crooked, tmp_path))


def test_the_same_page_twice_is_noticed_but_not_a_page_that_is_scanned_again(tmp_path: Path):
    earlier = EarlierPages()
    earlier.add("0008", "page", measured(text_page(2), tmp_path).document)
    earlier.add("0009", "page", measured(PAGE, tmp_path).document)
    again = measured(turned(exposed(PAGE, 0.95), 0.2), tmp_path)

    assert codes(again, earlier=earlier) == []
    (found,) = page_warnings(again, "0010", "page", earlier)
    assert (found.code, found.found) == ("capture.page-repeated", "the page looks like page 0009")


def test_blank_leaves_are_not_the_same_page(tmp_path: Path):
    earlier = EarlierPages()
    earlier.add("0008", "page", measured(blank_page(), tmp_path).document)

    assert codes(measured(blank_page(), tmp_path), "blank", earlier) == []


def test_a_leaf_of_another_size_is_noticed_by_its_millimetres(tmp_path: Path):
    earlier = EarlierPages()
    for number in (1, 2, 3):
        earlier.add(f"000{number}", "page", measured(text_page(number + 20), tmp_path).document)
    larger = measured(text_page(30, (1800, 1754)), tmp_path)
    finer = measured(text_page(31).resize((2480, 3508)), tmp_path, dpi=300)

    assert codes(larger, earlier=earlier) == ["capture.size-differs"]
    assert codes(larger, "foldout", earlier) == []
    assert "capture.size-differs" not in codes(finer, earlier=earlier)


def test_earlier_pages_are_known_from_their_records(tmp_path: Path):
    record = CaptureRecord(
        *("0001", "0001.tif", "0" * 64, 1, "2026-01-01T00:00:00Z", "sane", {}, "p", {}, {}, {}),
        measured=measured(PAGE, tmp_path).document,
    )
    path = tmp_path / "0001.capture.json"
    path.write_bytes(record.content())

    earlier = EarlierPages.of([CaptureRecord.read(path)])

    assert codes(measured(PAGE, tmp_path), earlier=earlier) == ["capture.page-repeated"]


def test_a_page_that_is_not_decoded_has_no_warnings(tmp_path: Path):
    path = tmp_path / "page.tif"
    Image.fromarray(np.zeros((40, 40), np.float32)).save(path)
    complete = complete_header(path)

    assert measure_file(path, *complete) is None
    assert codes(None) == []


@pytest.mark.parametrize(("mode", "most_seconds"), [("L", 0.15), ("RGB", 0.4)])
def test_a_page_of_a4_at_300_dpi_is_measured_before_the_leaf_is_turned(
    mode: str, most_seconds: float, tmp_path: Path
):
    path = tmp_path / "page.tif"
    PAGE.resize((2480, 3508)).convert(mode).save(path, dpi=(300, 300))
    complete = complete_header(path)
    assert not isinstance(complete, str)

    def seconds() -> float:
        # Of the processor: other work on the machine does not count.
        began = time.process_time()
        assert measure_file(path, *complete) is not None
        return time.process_time() - began

    assert min(seconds() for _ in range(3)) <= most_seconds
