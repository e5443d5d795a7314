"""The labelled pages that models are trained from."""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
CORPORA = Path(os.environ.get("COPYSTAND_CORPORA", CHECKOUT.parent / "shared" / "corpora"))
STYLE_OF_CLASS = {
    "print_roman": "roman",
    "print_gothic": "blackletter",
    "print_fraktur": "blackletter",
    "typewritten": "typewritten",
    "ms_caroline": "book-hand",
    "ms_textualis": "book-hand",
    "ms_cursive_late_medieval": "cursive-hand",
    "ms_cursive_early_modern": "cursive-hand",
    "ms_modern_hand": "cursive-hand",
    "ms_table": "cursive-hand",
}
"""Columns of a table filled by hand count as its hand."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, as parts of the page's width and height."""


@dataclass(frozen=True)
class LabelledPage:
    """One page image and what is known about it."""

    name: str
    """Path below the corpora."""
    style: str
    repository: str
    work: str
    """The volume that the page is from: pages of one work are never in training and test."""
    licence: str
    boxes: tuple[Box, ...] = ()
    figures_known: bool = False
    """Whether all figures of the page are in its boxes."""

    @property
    def path(self) -> Path:
        """Where the image is."""
        return CORPORA / self.name


def scripts() -> list[LabelledPage]:
    """Pages whose script is known."""
    pages = []
    for row in _rows("scripts"):
        page = LabelledPage(
            f"scripts/{row['file']}",
            STYLE_OF_CLASS[row["class"]],
            row["repo"],
            _work(row),
            row["licence"],
            figures_known=row["graphic_share"] == "0.000",
        )
        pages.append(page)
    return pages


def figures() -> list[LabelledPage]:
    """Printed pages with boxes: those of the 15th century in blackletter, the others in roman."""
    return [
        LabelledPage(
            f"figures/{row['file']}",
            "blackletter" if "incunable" in row["repo"] else "roman",
            row["repo"],
            _work(row),
            row["licence"],
            tuple(_boxes(row["boxes_relative_x0_y0_x1_y1"])),
            figures_known=True,
        )
        for row in _rows("figures")
    ]


def _rows(folder: str) -> list[dict[str, str]]:
    with (CORPORA / folder / "pages.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def _work(row: dict[str, str]) -> str:
    repository, parts = row["repo"].split("/")[1], row["path"].split("/")
    if parts[0] != "data":
        return f"{repository}/{parts[0]}"
    return f"{repository}/{parts[2 if repository == 'modern-roman-languages' else 1]}"


def _boxes(text: str) -> Iterator[Box]:
    for part in filter(None, text.split(";")):
        left, top, right, bottom = (float(value) for value in part.split(","))
        yield left, top, right, bottom
