"""Separator sheets are printed, degraded and read: none wrongly, and nothing else is a sheet."""

import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zxingcpp
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from streams.clients.capture.separator_printing import PAPERS, print_sheets
from streams.clients.capture.separator_reading import TwoSheets, sheet_on
from streams.clients.capture.separator_sheet import SeparatorSheet
from tests.support.escl_server import EsclServer, running
from tests.unit.streams.clients.capture.test_separator_sheet import a_sheet

SHEETS, MOST_MISSED = 100, 2
A_FEW = slice(15, 40)
"""Sheets of both papers. `make long` reads all."""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The sheets as a printer gets them: rendered from the PDF, half of them at 150 dpi."""
    folder = tmp_path_factory.mktemp("sheets")
    pages: list[Path] = []
    for dpi, paper, numbers in ((300, "a4", range(20)), (150, "letter", range(20, SHEETS))):
        file = folder / f"{paper}.pdf"
        print_sheets([a_sheet(number) for number in numbers], paper, file)
        command = ["pdftoppm", "-r", str(dpi), "-gray", str(file), str(folder / paper)]
        subprocess.run(command, check=True)
        pages += sorted(folder.glob(f"{paper}-*.pgm"))
    assert len(pages) == SHEETS
    return pages


def degraded(page: Path, seed: int) -> Image.Image:
    """A page as a feeder gives it: turned, crooked, blurred, at 150 dpi, noisy, grey and stained."""
    choose = random.Random(seed)
    image = Image.open(page).convert("L")
    image.thumbnail((1754, 1754), Image.Resampling.BOX)
    image = image.rotate(choose.choice((0, 90, 180, 270)), expand=True, fillcolor=255)
    image = image.rotate(
        choose.uniform(-12, 12), Image.Resampling.BICUBIC, expand=True, fillcolor=235
    )
    image = image.filter(ImageFilter.GaussianBlur(choose.uniform(0, 1.6)))
    noise = Image.effect_noise(image.size, choose.uniform(5, 60))
    image = ImageChops.add(image, noise, scale=1, offset=-128)
    dark, light = choose.randint(0, 70), choose.randint(170, 255)
    image = image.point(lambda value: dark + value * (light - dark) // 255)
    x, y = choose.randrange(image.width), choose.randrange(image.height)
    ImageDraw.Draw(image).ellipse((x, y, x + 60, y + 60), fill=30)
    return image


@pytest.mark.long
def test_of_100_printed_and_degraded_sheets_98_are_read_and_none_wrongly(
    printed: list[Path], tmp_path: Path
):
    missed, wrong = misread(printed, range(SHEETS), tmp_path)

    assert wrong == []
    assert len(missed) <= MOST_MISSED, missed


def test_printed_and_degraded_sheets_are_read_and_none_wrongly(printed: list[Path], tmp_path: Path):
    missed, wrong = misread(printed, range(SHEETS)[A_FEW], tmp_path)

    assert wrong == []
    assert len(missed) <= MOST_MISSED, missed


def misread(
    printed: list[Path], numbers: range, folder: Path
) -> tuple[list[int], list[tuple[int, Any]]]:
    """The sheets that were not read after they had been degraded, and those read wrongly."""
    missed: list[int] = []
    wrong: list[tuple[int, Any]] = []
    for number in numbers:
        scan = folder / "scan.tif"
        degraded(printed[number], number).save(scan, dpi=(150, 150))
        found = sheet_on(scan)
        if found is None:
            missed.append(number)
        elif found != a_sheet(number):
            wrong.append((number, found))
    return missed, wrong


def test_a_sheet_is_read_as_it_comes_from_the_printer(printed: list[Path]):
    assert [sheet_on(page) for page in printed[:8]] == [a_sheet(number) for number in range(8)]


def test_codes_that_are_printed_in_a_book_are_no_sheet(tmp_path: Path):
    page = Image.new("L", (1240, 1754), 255)
    for number, form in enumerate(("QRCode", "DataMatrix", "EAN13")):
        text = (
            "9783161484100" if form == "EAN13" else "https://example.org/COPYSTAND-SHEET:1:item=a"
        )
        code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat[form])
        drawn = Image.fromarray(np.array(zxingcpp.write_barcode_to_image(code, scale=6)))
        page.paste(drawn, (100, 100 + 400 * number))
    page.save(tmp_path / "page.png")

    assert sheet_on(tmp_path / "page.png") is None


def test_a_page_with_two_sheets_is_neither(tmp_path: Path):
    first, second = (tmp_path / "1.pdf", tmp_path / "2.pdf")
    pages = []
    for file, item in ((first, "ms-1"), (second, "ms-2")):
        print_sheets([SeparatorSheet(item=item)], "a4", file)
        stem = file.with_suffix("")
        subprocess.run(["pdftoppm", "-r", "100", "-gray", str(file), str(stem)], check=True)
        pages.append(Image.open(next(tmp_path.glob(f"{stem.name}-*.pgm"))))
    both = Image.new("L", (pages[0].width * 2, pages[0].height), 255)
    both.paste(pages[0], (0, 0))
    both.paste(pages[1], (pages[0].width, 0))
    both.save(tmp_path / "both.png")

    with pytest.raises(TwoSheets, match="ms-1"):
        sheet_on(tmp_path / "both.png")


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "I;16"])
def test_every_depth_of_a_page_is_read(mode: str, printed: list[Path], tmp_path: Path):
    page = Image.open(printed[20])
    if mode == "I;16":
        page = page.convert("I").point(lambda value: value * 256).convert("I;16")
    page.convert(mode).save(tmp_path / "page.tif")

    assert sheet_on(tmp_path / "page.tif") == a_sheet(20)


@pytest.mark.parametrize("content", [b"", b"II*\0", b"no image"])
def test_what_cannot_be_opened_is_no_sheet(content: bytes, tmp_path: Path):
    (tmp_path / "page.tif").write_bytes(content)

    assert sheet_on(tmp_path / "page.tif") is None


def test_the_papers_have_their_sizes(tmp_path: Path):
    for paper, (width, height) in PAPERS.items():
        print_sheets([SeparatorSheet(item="ms-1")], paper, tmp_path / "one.pdf")
        subprocess.run(
            ["pdftoppm", "-r", "25.4", "-gray", str(tmp_path / "one.pdf"), str(tmp_path / paper)],
            check=True,
        )
        page = Image.open(next(tmp_path.glob(f"{paper}-*.pgm")))
        assert abs(page.width - width) <= 1 and abs(page.height - height) <= 1


@dataclass
class Pile(EsclServer):
    """A feeder with a pile of paper: these images, and then empty pages."""

    pile: list[Path] = field(default_factory=list)

    def image(self, settings: dict[str, str]) -> tuple[bytes, str]:
        """The next sheet of the pile."""
        if not self.pile:
            return super().image(settings)
        content = BytesIO()
        with Image.open(self.pile.pop(0)) as page:
            page.convert("RGB").save(content, "JPEG", dpi=(150, 150))
        return content.getvalue(), "image/jpeg"


def test_a_pile_with_separator_sheets_becomes_two_items(tmp_path: Path):
    print_sheets(
        [SeparatorSheet(item="ms-1"), SeparatorSheet(item="ms-2", kind="cover")],
        "a4",
        tmp_path / "sheets.pdf",
    )
    command = ["pdftoppm", "-r", "150", "-gray", tmp_path / "sheets.pdf", tmp_path / "sheet"]
    subprocess.run(command, check=True)
    first, second = sorted(tmp_path.glob("sheet-*.pgm"))
    leaf = tmp_path / "leaf.png"
    Image.effect_noise((1240, 1754), 40).save(leaf)
    device = Pile(size=(2480, 3508), feeder_pages=5, pile=[first, leaf, second, leaf, leaf])
    scan = ("--profile", "as-delivered", "--no-prompt", "--resolution", "150", "--separators")

    with running(device):
        ended = subprocess.run(
            [
                *(Path(sys.executable).with_name("copystand"), "station", "scan", *scan),
                *("--batch-id", "b-1", "--device", device.address, "--json"),
            ],
            capture_output=True,
            text=True,
            env={**os.environ, "COPYSTAND_HOME": str(tmp_path / "home")},
        )

    assert ended.returncode == 0, ended.stderr
    document = json.loads(ended.stdout)
    manifest = json.loads(Path(document["manifest"]).read_text())
    assert [
        (item["item_id"], [page["kind"] for page in item["pages"]]) for item in manifest["items"]
    ] == [("ms-1", ["page"]), ("ms-2", ["cover", "page"])]
    assert ended.stderr.count("separator sheet:") == 2
    kept = sorted((tmp_path / "home").rglob("superseded/*/*.jpg"))
    assert [sheet_on(one) for one in kept] == [
        SeparatorSheet(item="ms-1"),
        SeparatorSheet(item="ms-2", kind="cover"),
    ]
