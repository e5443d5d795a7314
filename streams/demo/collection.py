"""Makes a small collection with its ground truth: two batches, one of them faulty on purpose."""

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
    """An item of the collection: what it says, in which type, on which paper, in which format."""

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
    """Sequence of the page whose master is cut off in the middle."""

    def text(self, seed: int) -> str:
        """The ground truth of one of its pages."""
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
class Delivery:
    """A folder as a scanning lab would hand it over, and what its pages really say."""

    batch_id: str
    folder: Path
    truth: dict[str, str]
    """Ground truth by page_id."""
    damaged: tuple[str, ...] = ()
    """page_ids whose master is cut off in the middle."""


def make_books(root: Path, seed: int = 1) -> Delivery:
    """The good batch, with one damaged master, below `root`; its truth stands beside it as well."""
    return _make(root, BOOKS, VOLUMES, seed)


def make_loose_leaves(root: Path, seed: int = 1) -> Delivery:
    """The pages for the batch whose manifest is faulty."""
    return _make(root, FAULTS, (ONE_FOR_FAULTS,), seed + 500)


def make_pages(root: Path, count: int, seed: int = 1) -> Delivery:
    """One item of `count` full English pages of A5 at 300 dpi, for measuring."""
    volume = replace(
        ONE_FOR_FAULTS, folder="pages", pages=count, characters=1700, inches=(5.83, 8.27)
    )
    return _make(root, "bench", (volume,), seed + 1000)


def _make(root: Path, batch_id: str, volumes: tuple[Volume, ...], seed: int) -> Delivery:
    truth: dict[str, str] = {}
    damaged: list[str] = []
    for place, volume in enumerate(volumes):
        folder = root / batch_id / volume.folder
        folder.mkdir(parents=True)
        (folder / "item.json").write_text(json.dumps(_item(volume), indent=1), "utf-8")
        for sequence in range(1, volume.pages + 1):
            text = volume.text(page_seed := seed * 1000 + place * 100 + sequence)
            _write_page(folder / f"f{sequence}{volume.suffix}", text, volume, page_seed)
            page_id = f"{batch_id}.{volume.folder}:{sequence:04d}"
            truth[page_id] = text
            if sequence == volume.damaged_page:
                _cut_off(folder / f"f{sequence}{volume.suffix}")
                damaged.append(page_id)
    _write_truth(root / "truth" / batch_id, truth)
    return Delivery(batch_id, root / batch_id, truth, tuple(damaged))


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


def _cut_off(path: Path) -> None:
    """Leave the first half of a file, as a full disk or a pulled cable does."""
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def _write_truth(folder: Path, truth: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    for page_id, text in truth.items():
        (folder / f"{page_id.replace(':', '_')}.txt").write_text(text + "\n", "utf-8")
