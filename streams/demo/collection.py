"""Generates a small collection with its ground truth: a good batch and a faulty one."""

import json
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from streams.demo.printing import BLACKLETTER, GARAMOND, JUNICODE, Face, Sheet, printed
from streams.demo.texts import ENGLISH, GERMAN, LATIN, page_of, with_long_s

BOOKS = "demo-books"
FAULTS = "demo-faults"


@dataclass(frozen=True)
class Volume:
    """An item of the collection: its text, typeface, paper and file format."""

    folder: str
    title: str
    languages: tuple[str, ...]
    script: str
    sentences: tuple[str, ...]
    face: Face
    dpi: int
    pages: int
    suffix: str = ".tif"
    grey: bool = False
    characters: int = 960
    inches: tuple[float, float] = (4.3, 6.2)
    damaged_page: int | None = None
    """Sequence of the page whose master is truncated."""

    def text(self, seed: int) -> str:
        """The ground truth of one page."""
        text = page_of(self.sentences, self.characters, random.Random(seed))
        return with_long_s(text) if self.script == "Latf" else text


VOLUMES = (
    Volume("psalter", "A small psalter", ("lat",), "Latn", LATIN, GARAMOND, 300, 4),
    Volume("reise", "Eine Reise", ("ger",), "Latf", GERMAN, BLACKLETTER, 300, 3, suffix=".jpg"),
    Volume("harbour", "Harbour letters", ("eng",), "Latn", ENGLISH, JUNICODE, 600, 3, grey=True),
    Volume(
        "ledger", "A ledger, damaged", ("eng",), "Latn", ENGLISH, GARAMOND, 300, 2, damaged_page=2
    ),
)
ONE_FOR_FAULTS = Volume(
    "loose", "Loose leaves", ("eng",), "Latn", ENGLISH, GARAMOND, 300, 3, grey=True
)


@dataclass(frozen=True)
class DemoDelivery:
    """A folder as a digitization lab delivers it, and its ground truth."""

    batch_id: str
    folder: Path
    truth: dict[str, str]
    """Ground truth by page_id."""
    damaged: tuple[str, ...] = ()
    """page_ids whose master is truncated."""


def make_books(root: Path, seed: int = 1) -> DemoDelivery:
    """Generate the good batch, with one damaged master, and its ground truth below `root`."""
    return _make(root, BOOKS, VOLUMES, seed)


def make_loose_leaves(root: Path, seed: int = 1) -> DemoDelivery:
    """Generate the pages of the batch with the faulty manifest."""
    return _make(root, FAULTS, (ONE_FOR_FAULTS,), seed + 500)


def make_pages(root: Path, count: int, seed: int = 1) -> DemoDelivery:
    """Generate one item of `count` full English A5 pages at 300 dpi, for benchmarks."""
    volume = replace(
        ONE_FOR_FAULTS, folder="pages", pages=count, characters=1700, inches=(5.83, 8.27)
    )
    return _make(root, "bench", (volume,), seed + 1000)


def _make(root: Path, batch_id: str, volumes: tuple[Volume, ...], seed: int) -> DemoDelivery:
    truth: dict[str, str] = {}
    damaged: list[str] = []
    for number, volume in enumerate(volumes):
        folder = root / batch_id / volume.folder
        folder.mkdir(parents=True)
        (folder / "item.json").write_text(json.dumps(_item(volume), indent=1), "utf-8")
        for sequence in range(1, volume.pages + 1):
            text = volume.text(page_seed := seed * 1000 + number * 100 + sequence)
            _write_page(folder / f"f{sequence}{volume.suffix}", text, volume, page_seed)
            page_id = f"{batch_id}.{volume.folder}:{sequence:04d}"
            truth[page_id] = text
            if sequence == volume.damaged_page:
                _truncate(folder / f"f{sequence}{volume.suffix}")
                damaged.append(page_id)
    _write_truth(root / "truth" / batch_id, truth)
    return DemoDelivery(batch_id, root / batch_id, truth, tuple(damaged))


def _item(volume: Volume) -> dict[str, Any]:
    identifiers = [{"type": "shelfmark", "value": f"Demo {volume.folder} 1"}]
    return {
        "title": volume.title,
        "languages": list(volume.languages),
        "script": volume.script,
        "identifiers": identifiers,
    }


def _write_page(path: Path, text: str, volume: Volume, seed: int) -> None:
    skew = random.Random(seed).uniform(-0.6, 0.6)
    sheet = Sheet(volume.dpi, seed, skew, volume.grey, *volume.inches)
    image = printed(text, volume.face, sheet)
    if path.suffix == ".jpg":
        image.jpegsave(str(path), Q=90)
    else:
        image.tiffsave(str(path), compression="none")


def _truncate(path: Path) -> None:
    """Truncate a file to its first half, as a full disk or a lost connection does."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _write_truth(folder: Path, truth: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    for page_id, text in truth.items():
        (folder / f"{page_id.replace(':', '_')}.txt").write_text(text + "\n", "utf-8")
